"""Measure ReNAS, Peephole and E2EPP: how well they rank, the tensor's speed, and the pairwise losses' cost.

    python perf/renas.py rank FOLDER [--labels 424 4236] [--runs 20] [--versions v4 peephole …] [--validate]
        [--order maxpool3x3 conv1x1 conv3x3]
    python perf/renas.py evolution FOLDER [--runs 3]
    python perf/renas.py tensor
    python perf/renas.py losses

rank: ReNAS, table 2, on FOLDER/nasbench101_validation_30001.csv.gz (validation accuracy of one training).
Each run draws its own training cells from the table; all others are the test cells. Run by run all versions,
so that what was done by an interruption compares; CPU seconds of one thread. --validate: draws training
cells from the first 27,000 rows and tests on the others of these, to choose settings by. --order: the
operations by their numbers in the tensor, of v1 to v4.
evolution: CPU seconds of the evolution of configs/papers/renas.yaml among the table's cells, 500 generations
of 32 children under v4 trained for three epochs, and how much of them the predictor took.
tensor: encoding all 423,624 cells of NAS-Bench-101 at once.
losses: value and gradient over all pairs of a batch, against the obvious way with a matrix of pairs.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import numpy as np  # noqa: E402
import torch  # noqa: E402

from perf.predictors import table_of  # noqa: E402
from pipeline.encodings.renas_tensor import renas_tensor  # noqa: E402
from pipeline.evaluation.measures import kendall_tau, mse, pearson  # noqa: E402
from pipeline.evaluation.protocols import training_runs  # noqa: E402
from pipeline.predictors import renas  # noqa: E402
from pipeline.predictors.all_pairs import hinge_of_all_pairs, logistic_of_all_pairs  # noqa: E402
from pipeline.predictors.replicates import load, regresses_accuracy  # noqa: E402
from pipeline.predictors.resources import Resources  # noqa: E402
from pipeline.randomness import derive  # noqa: E402
from pipeline.search.domain import Domain  # noqa: E402
from pipeline.search.evolution import evolve, sort  # noqa: E402
from pipeline.spaces import nasbench101  # noqa: E402

HINGE = {"loss": "pairwise_hinge"}
VERSIONS = {  # name -> method, settings
    "v1": ("renas", {"layers": "types", "loss": "mse"}),
    "v2": ("renas", {"loss": "mse"}),
    "v3": ("renas", {"layers": "types"}),
    "v4": ("renas", {}),
    "v3_canonical": ("renas", {"layers": "types", "canonical": True}),
    "v4_canonical": ("renas", {"canonical": True}),
    "e2epp_canonical": ("e2epp", {"canonical": True}),
    "v3_one_hot": ("renas", {"layers": "types", "one_hot": True}),
    "v4_one_hot": ("renas", {"one_hot": True}),
    "v4_hinge": ("renas", HINGE),
    "v4_continuity_0.1": ("renas", {**HINGE, "continuity": 0.1}),
    "v4_continuity_1": ("renas", {**HINGE, "continuity": 1.0}),
    "v4_units": ("renas", {"scale": "units"}),
    "peephole": ("peephole", {}),
    "e2epp": ("e2epp", {}),
}
SIZES = (424, 4236, 1000, 10_000)
PAPER = {  # tau at these sizes: ReNAS, table 2, and SSA, table 1
    "v1": (0.3465, 0.5911),
    "v2": (0.4856, 0.6090),
    "v3": (0.6039, 0.7943),
    "v4": (0.6335, 0.8136),
    "peephole": (0.4556, 0.4769, 0.4373, 0.4870),
    "e2epp": (0.5038, 0.6734, 0.5705, 0.6941),
}


def rank(arguments) -> None:
    """Print a line a run and version, then means and deviations over runs beside the paper's tau."""
    archs, labels, n_pool = table_of("101", arguments.folder)
    if arguments.validate:
        archs, labels = archs[:n_pool], labels[:n_pool]
    for n in arguments.labels:
        subsets, _, _ = training_runs(len(archs), n, arguments.runs, 1, arguments.seed, "nasbench101")
        seeds = [derive(arguments.seed, "renas", run) for run in range(arguments.runs)]
        found = {version: [] for version in arguments.versions}
        for run in range(arguments.first, arguments.runs):
            subset, seed = subsets[run], seeds[run]
            test = np.setdiff1d(np.arange(len(archs)), subset)
            for version in arguments.versions:
                method, settings = VERSIONS[version]
                if arguments.order and method == "renas":
                    settings = {**settings, "op_order": arguments.order}
                measured = once(method, settings, archs, labels, subset, seed, test)
                found[version].append(measured)
                print(n, run, version, " ".join(f"{value:.5f}" for value in measured), flush=True)
        print(f"{'version':18} labels     tau     sd   paper       MSE Pearson  fit s")
        for version, runs in found.items():
            tau, error, r, seconds = np.mean(runs, axis=0)
            paper = dict(zip(SIZES, PAPER.get(version, ()), strict=False)).get(n, np.nan)
            deviation = np.std(runs, axis=0, ddof=1)[0] if len(runs) > 1 else np.nan
            measured = f"{tau:7.4f} {deviation:6.4f} {paper:7.4f} {error:9.6f} {r:7.4f} {seconds:6.1f}"
            print(f"{version:18} {n:6d} {measured}")


def once(method: str, settings: dict, archs, labels, subset, seed: int, test) -> tuple[float, ...]:
    """Return tau, squared error (NaN if scores only rank), Pearson's r, CPU seconds of the fit."""
    made = load(method).Settings(**settings)
    started = time.process_time()
    predictor = load(method).Predictor(made, Resources(), seed).fit(archs[subset], labels[subset])
    seconds = time.process_time() - started
    truth, score = labels[test], predictor.predict(archs[test])
    error = mse(truth, score) if regresses_accuracy(method, made) else np.nan
    return kendall_tau(truth, score), error, pearson(truth, score), seconds


def evolution(arguments) -> None:
    """Print a line a run: seconds in all, seconds of prediction, how many cells were scored."""
    archs, labels, n_pool = table_of("101", arguments.folder)
    domain, asked = Domain(nasbench101, archs, restricted=True), {"seconds": 0.0}
    made = renas.Settings(epochs=3)
    predictor = renas.Predictor(made, Resources(), 0).fit(archs[:424], labels[:424])
    measured = sort(archs[:424], domain.cell_key(archs[:424]), labels[:424])

    def fitness(cells):
        started = time.process_time()
        score = predictor.predict(cells)
        asked["seconds"] += time.process_time() - started
        return score

    for run in range(arguments.runs):
        generator, asked["seconds"] = np.random.default_rng(run), 0.0
        started = time.process_time()
        drawn = domain.draw(64, generator)
        seen = evolve(domain, measured, drawn, fitness, generator, 500, 64, 5, 0.6, 32, from_measured=False)
        seconds = time.process_time() - started
        asking = f"{seconds:5.1f} s, of which prediction {asked['seconds']:4.1f}"
        print(f"run {run}: {asking}; {len(seen.archs)} cells scored")


def tensor(arguments) -> None:
    """Print seconds and peak memory of encoding the whole space."""
    archs = nasbench101.enumerate_cells()
    started = time.process_time()
    encoded = renas_tensor(archs)
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{encoded.shape}, {encoded.nbytes / 2**30:.2f} GiB: {seconds:.1f} s, peak memory {peak:.2f} GiB")


def losses(arguments) -> None:
    """Print milliseconds of value and gradient, and the size of what is in memory at once."""
    generator = torch.Generator().manual_seed(0)
    for batch in (424, 1024, 4096):
        truth = torch.rand(1, batch, generator=generator)
        score = torch.randn(1, batch, generator=generator).requires_grad_()
        for name, loss in LOSSES.items():
            loss(score, truth).sum().backward()
            started = time.process_time()
            for _ in range(10):
                loss(score, truth).sum().backward()
            milliseconds = 100 * (time.process_time() - started)
            largest = torch.profiler.profile(profile_memory=True)
            with largest as profile:
                loss(score, truth).sum().backward()
            print(f"batch {batch:5d} {name:18} {milliseconds:8.2f} ms, {peak_bytes(profile) / 1e6:8.2f} MB")


def peak_bytes(profile) -> int:
    """Return how much more memory there was at once than in the beginning."""
    now = peak = 0
    for event in profile.profiler.kineto_results.events():
        if event.name() == "[memory]":
            now += event.nbytes()
            peak = max(peak, now)
    return peak


def _matrix(phi):
    """Return the obvious pairwise loss, which holds (R, B, B) numbers."""

    def loss(score, truth):
        pairs = truth[:, :, None] > truth[:, None, :]
        return (phi(score[:, :, None] - score[:, None, :]) * pairs).sum((1, 2)) / pairs.sum((1, 2))

    return loss


LOSSES = {
    "hinge": lambda score, truth: hinge_of_all_pairs(score, truth, 0.1),
    "hinge, matrix": _matrix(lambda gap: (0.1 - gap).clamp(min=0)),
    "logistic": logistic_of_all_pairs,
    "logistic, matrix": _matrix(lambda gap: torch.nn.functional.softplus(-gap)),
}


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["rank", "evolution", "tensor", "losses"])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--labels", nargs="+", type=int, default=[424, 4236])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="go on with this run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--versions", nargs="+", choices=list(VERSIONS), default=list(VERSIONS))
    parser.add_argument("--order", nargs="+", metavar="OP")
    parser.add_argument("--validate", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    modes = {"rank": rank, "evolution": evolution, "tensor": tensor, "losses": losses}
    modes[arguments.what](arguments)


if __name__ == "__main__":
    main()
