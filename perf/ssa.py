"""Measure the semi-supervised assessor: Kendall's tau, MSE, Pearson's r, and what a step costs.

    python perf/ssa.py tau FOLDER [--n-train 1000] [--runs 3] [--set 'KEY: VALUE, …' …] [--validate] …
    python perf/ssa.py step FOLDER

tau: FOLDER holds nasbench101_validation_30001.csv.gz (labels: one repeat at 108 epochs) and
nasbench201_15625.csv.gz, or nasbench301_surrogate_1218.csv.gz (accuracies that a surrogate gives). Pools: the
first 27,000 (of 30,001), 7,813 (of 15,625) and 609 (of 1,218) rows; the rest is the test set, all other cells
are unlabelled. Each run has a training set and a seed of its own. --set takes variants: each is settings in
YAML's words, and a row of the table (runs: those that ended without an error) after a row for each run.
--first: go on with this run. --validate: tests on the last 3,000 rows of the pool (301: 300), which then lend
no training cells: for choosing settings.

step: CPU milliseconds of a step at batch 1,024, and of its parts, one thread.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import numpy as np  # noqa: E402
import torch  # noqa: E402
import yaml  # noqa: E402
from predictors import table_of  # noqa: E402

from pipeline.errors import UserError  # noqa: E402
from pipeline.evaluation.measures import kendall_tau, mse, pearson  # noqa: E402
from pipeline.evaluation.protocols import training_runs  # noqa: E402
from pipeline.predictors import ssa  # noqa: E402
from pipeline.predictors.ssa_cells import Cells, Network  # noqa: E402
from pipeline.predictors.ssa_graph import Graph, placed  # noqa: E402

VALIDATED = {"101": 3000, "201": 3000, "301": 300}  # rows at the end of the pool, for choosing settings


def settings_of(text: str) -> dict:
    """Return the settings in "a: 1, b: 2"."""
    return yaml.safe_load("{" + text + "}")


def taus(arguments) -> None:
    """Print a row for each variant."""
    archs, labels, n_pool = table_of(arguments.benchmark, arguments.folder)
    test = slice(n_pool, None)
    if arguments.validate:
        n_pool -= VALIDATED[arguments.benchmark]
        test = slice(n_pool, n_pool + VALIDATED[arguments.benchmark])
    heading = (
        f"{'variant':60} {'train':>6} {'runs':>5} {'tau':>7} {'sd':>6} {'mse':>8} {'r':>6} {'density':>8}"
    )
    print(f"{heading} {'fit':>8} {'score':>7}")
    for text in arguments.set or [""]:
        made = ssa.Settings(**settings_of(text))
        subsets, _, seeds = training_runs(n_pool, arguments.n_train, arguments.runs, 1, 0, archs.space)
        rows = []
        for run in range(arguments.first, arguments.runs):
            subset, seed = subsets[run], seeds[run]
            started = time.process_time()
            try:
                fitted = ssa.Predictor(made, seed=seed + run).fit(archs[subset], labels[subset], archs)
            except UserError as error:  # an empty or complete graph
                print(f"{text or 'default'} run {run}: {error}", flush=True)
                continue
            trained = time.process_time()
            score = fitted.predict(archs[test])
            truth, scored = labels[test], time.process_time()
            error = mse(truth, score) if made.loss == "mse" else np.nan  # else scores only rank
            found = [kendall_tau(truth, score), error, pearson(truth, score), fitted.density]
            rows.append([*found, trained - started, scored - trained])
            print(f"{text or 'default'} run {run}", *(f"{value:.5g}" for value in rows[-1]), flush=True)
        if not rows:
            continue
        tau, error, r, density, fit, scoring = np.mean(rows, axis=0)
        spread, runs = np.std(np.array(rows)[:, 0]), f"{len(rows)}/{arguments.runs - arguments.first}"
        print(
            f"{text or 'default':60} {arguments.n_train:6d} {runs:>5} {tau:7.4f} {spread:6.4f} {error:8.5f} "
            f"{r:6.3f} {density:8.4f} {fit:6.1f} s {scoring:5.1f} s",
            flush=True,
        )


def step(arguments) -> None:
    """Print milliseconds of the parts of a step."""
    archs, _, _ = table_of("101", arguments.folder)
    for text in arguments.set or [""]:
        made = ssa.Settings(**settings_of(text))
        known = Cells(archs[: made.batch_size], made, "cpu")
        network = Network("nasbench101", made, known.scale)
        optimiser = torch.optim.Adam(network.parameters(), lr=made.lr)
        spent = np.zeros(3)
        for turn in range(arguments.steps + 2):
            x = known.features(torch.arange(known.n))
            t0 = time.process_time()
            z = network.embed(x)
            decoded = network.autoencoder.decode(z)
            t1 = time.process_time()
            graph = Graph(placed(z, made.normalisation), made)
            t2 = time.process_time()
            loss = network.assessor(z, graph).square().mean() + (decoded - x).square().mean()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            if turn > 1:  # the first ones allocate
                spent += (t1 - t0, t2 - t1, time.process_time() - t0)
        coder, graph, whole = spent / arguments.steps * 1000
        parts = f"auto-encoder {coder:.1f} ms, graph {graph:.1f} ms (both forward), step {whole:.1f} ms"
        print(f"{text or 'default':40} {parts}")


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["tau", "step"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--benchmark", choices=list(VALIDATED), default="101")
    parser.add_argument("--n-train", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--set", nargs="*", metavar="KEY: VALUE, …")
    parser.add_argument("--validate", action="store_true")
    parser.add_argument("--steps", type=int, default=20)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False
    {"tau": taus, "step": step}[arguments.what](arguments)


if __name__ == "__main__":
    main()
