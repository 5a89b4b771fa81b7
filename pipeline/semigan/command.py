"""Command `semigan`: what cells the generator of a search makes, beside those of the benchmark."""

from __future__ import annotations

import argparse
import importlib
import logging
import math
from pathlib import Path

import numpy as np

from pipeline.errors import ConfigError
from pipeline.job import Job
from pipeline.predictors.resources import named_files
from pipeline.randomness import derive, rng
from pipeline.search.settings import SearchSettings
from pipeline.semigan.analysis import above, contents, mean_shares, places
from pipeline.storage.artifacts import write_text_artifact

HELP = "write a table of what SemiGAN-NAD generates under the best class, beside the benchmark's cells"
COLUMNS = ("part", "name", "detail", "generated_mean", "generated_std", "n_runs", "benchmark", "n_train")
N_REFERENCE = 10_000  # cells that stand for a space too large to be listed
log = logging.getLogger("nasflow")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's files."""
    parser.add_argument("--strategy", required=True, help="a strategy of the method semigan_nad")
    parser.add_argument("--benchmark-table", type=Path, required=True, help="benchmark table")
    parser.add_argument(
        "--surrogates", nargs="*", default=[], metavar="METRIC=FILE", help="surrogates that answer instead"
    )
    parser.add_argument("--out", type=Path, required=True, help="CSV to write")


def run(args: argparse.Namespace, job: Job) -> None:
    """Train, generate, measure; one row a share (see `pipeline.semigan.analysis`)."""
    from pipeline.search.semigan_nad import Settings
    from pipeline.semigan.model import SemiGan

    s = job.settings
    how, settings = s["generation"], Settings(**s["settings"])
    n, runs = how["n_train"], range(how["n_runs"])
    search = SearchSettings(budget=n, n_initial=n, n_runs=len(runs), metric=s["metric"])
    origin = importlib.import_module(f"pipeline.search.origins.{s['origin']}")
    device = job.torch_device()
    try:
        domain, oracle, initial, _ = origin.begin(args, job, search, device)
    except ConfigError as error:  # more cells to learn from than there are
        raise ConfigError(str(error).replace("search.budget", "generation.n_train")) from error
    queried = f"{s['metric']}_acc"
    scores = np.asarray(oracle.evaluate(initial)[queried], np.float64)
    seeds = [derive(job.seed, "generation", s["benchmark"], s["strategy"], i) for i in runs]
    n_free = min(settings.n_unlabelled, domain.size)
    free = [domain.draw(n_free, rng(seed, "unlabelled")) for seed in seeds]
    threads = job.threads if str(device) == "cpu" else 1
    model = SemiGan(settings, s["space"], free, seeds, device, threads)
    rows = [np.flatnonzero(~np.isnan(scores[i * n : (i + 1) * n])) + i * n for i in runs]
    model.fit([initial[r] for r in rows], [scores[r] for r in rows], settings.epochs)
    made = model.generate(how["n_generated"])
    cells = [found.archs[found.valid] for found in made]
    predicted = model.predict(cells)
    of_runs = [_run_shares(*run, domain, oracle, how) for run in zip(made, cells, predicted, strict=True)]
    reference = domain.cells if domain.cells is not None else domain.draw(N_REFERENCE, rng(job.seed, "cells"))
    _write(args, job, of_runs, _reference_shares(reference, oracle, queried, how))


def _run_shares(made, cells, predicted, domain, oracle, how: dict) -> dict:
    keys, first = np.unique(domain.cell_key(cells), return_index=True)
    inside = cells[domain.validate(cells)]
    once = np.unique(domain.cell_key(inside), return_index=True)[1]
    said = oracle.evaluate(inside) if len(inside) else {"val_acc": np.empty(0), "test_acc": np.empty(0)}
    accuracies = {"validation": said["val_acc"], "test": said["test_acc"]}
    shares = {}
    for which, values in accuracies.items():
        values = np.asarray(values, np.float64)
        shares |= above(values, how["above"], which)
        shares |= above(values[once], how["above"], f"{which} (different cells)")
    best = cells[first[np.argsort(-predicted[first], kind="stable")[: how["top"]]]]
    return {
        ("valid", "as generated", ""): float(made.raw.mean()),
        ("valid", "after repair", ""): float(made.valid.mean()),
        ("valid", "different ones", ""): len(keys) / len(made.valid),
        ("valid", "with an accuracy", ""): len(inside) / len(made.valid),
        **shares,
        **places(best),
        **contents(cells),
    }


def _reference_shares(archs, oracle, queried: str, how: dict) -> dict:
    said = oracle.evaluate(archs)
    order = np.argsort(-np.nan_to_num(np.asarray(said[queried], np.float64)), kind="stable")
    return {
        **above(np.asarray(said["val_acc"], np.float64), how["above"], "validation"),
        **above(np.asarray(said["test_acc"], np.float64), how["above"], "test"),
        **places(archs[order[: how["top"]]]),
        **contents(archs),
    }


def _write(args: argparse.Namespace, job: Job, runs: list[dict], reference: dict) -> None:
    mean, deviation = mean_shares(runs)
    n_train = job.settings["generation"]["n_train"]
    lines = [",".join(COLUMNS)]
    for key in mean:
        numbers = (mean[key], deviation[key], len(runs), reference.get(key, math.nan))
        lines.append(",".join([*key, *(_text(value) for value in (*numbers, n_train))]))
    inputs = [args.benchmark_table, *named_files(args.surrogates).values()]
    write_text_artifact(args.out, "\n".join(lines) + "\n", job, inputs)
    raw, repaired = mean["valid", "as generated", ""], mean["valid", "after repair", ""]
    log.info(
        "%s: %.1f%% of generated graphs are cells, %.1f%% after repair",
        job.settings["strategy"],
        100 * raw,
        100 * repaired,
    )


def _text(value) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6f}"
    return str(value)
