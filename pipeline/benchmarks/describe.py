"""Command `benchmark`: say in words and numbers what a benchmark table holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline import spaces
from pipeline.benchmarks.tables import KIND, ROLES, BenchmarkTable, load_table, mean_over_trials
from pipeline.storage.artifacts import get_provenance, open_h5

HELP = (
    "Describe a benchmark table: size, metrics and trials, best cells, ranges, how validation and test agree."
)
N_BEST = 5


def add_arguments(parser) -> None:
    """Add the command's options."""
    parser.add_argument("file", type=Path, help="benchmark table (HDF5)")


def run(args, job) -> None:
    """Print the description. Raises ArtifactError if the file is missing, damaged or no benchmark table."""
    print(describe(args.file))


def describe(path: Path) -> str:
    """Return the description of the table at `path`."""
    table = load_table(path)
    with open_h5(path, KIND) as handle:
        made = get_provenance(handle)
        counted = {name: str(handle[f"costs/{name}"].attrs.get("counted", "")) for name in table.costs}
        failed = int(handle.attrs["n_failed"])
    parts = [
        _head(table, made["settings"].get("space", table.archs.space), made["inputs"], failed),
        _metrics(table),
        _costs(table, counted),
        _best(table),
        _agree(table),
    ]
    return "\n\n".join(part for part in parts if part)


def _head(table: BenchmarkTable, space: str, inputs: dict, failed: int) -> str:
    size = spaces.load(space).SIZE
    share = len(table) / size
    covers = "all" if len(table) == size else f"{share:.1%}" if share >= 0.001 else "a tiny part"
    lines = [
        f"{table.name}: {len(table):,} cells of {space} ({covers} of the space's {size:,})",
        ", ".join(
            f"{(table.role == r).sum():,} {r.replace('_', ' ')}" for r in ROLES if (table.role == r).any()
        ),
    ]
    if failed:
        lines.append(f"{failed:,} more cells are left out: their training failed")
    if table.source:
        facts = table.source
        sums = next((f", sha256 {value}" for value in inputs.values()), "")
        lines.append(f"read from {facts['file']} (reader {facts['reader']} {facts['reader_version']}{sums})")
    else:
        lines.append(f"made from {len(inputs)} chunks of networks trained here")
    return "\n".join(lines)


def _metrics(table: BenchmarkTable) -> str:
    role = {table.val_metric: "labels", table.test_metric: "judged by"}
    rows = [("metric, in %", "trials", "cells", "lowest", "median", "highest", "sd of trials", "")]
    for name in sorted(table.metrics, key=lambda name: (name not in role, name)):
        values = table.metrics[name]
        trials, mean = (~np.isnan(values)).sum(axis=1), mean_over_trials(values)
        known = mean[~np.isnan(mean)]
        several = values[trials > 1].astype(np.float64)
        noise = f"{100 * np.sqrt(np.nanvar(several, axis=1, ddof=1).mean()):.2f}" if len(several) else "-"
        span = f"{trials.min()}" if trials.min() == trials.max() else f"{trials.min()}-{trials.max()}"
        quantiles = (f"{100 * q:.2f}" for q in np.quantile(known, (0, 0.5, 1)))
        rows.append((name, span, f"{len(known):,}", *quantiles, noise, role.get(name, "")))
    return _aligned(rows)


def _costs(table: BenchmarkTable, counted: dict[str, str]) -> str:
    if not table.costs:
        return ""
    rows = [("cost", "lowest", "median", "highest", "sum", "")]
    for name, values in sorted(table.costs.items()):
        numbers = [*np.nanquantile(values, (0, 0.5, 1)), np.nansum(values.astype(np.float64))]
        rows.append((name, *(_number(number) for number in numbers), counted[name]))
    return _aligned(rows)


def _number(value: float) -> str:
    """Return a number with four digits, or with all before the point up to a million millions."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e12 else f"{value:.4g}"


def _best(table: BenchmarkTable) -> str:
    val, test = table.mean(table.val_metric), table.test_mean
    heads = ["best cells", "validation %"] + (["test %"] if table.test_metric else [])
    heads += ["parameters"] if "params" in table.costs else []
    rows = [tuple(heads)]
    for row in np.argsort(-np.nan_to_num(val, nan=-1), kind="stable")[:N_BEST]:
        cells = [table.cells[row], f"{100 * val[row]:.2f}"]
        cells += [f"{100 * test[row]:.2f}"] if table.test_metric else []
        cells += [f"{table.costs['params'][row]:,.0f}"] if "params" in table.costs else []
        rows.append(tuple(cells))
    lines = [_aligned(rows)]
    if table.test_metric and not np.isnan(test).all():
        top = int(np.nanargmax(test))
        lines.append(
            f"best by test: {table.cells[top]}, {100 * test[top]:.2f} % (validation {100 * val[top]:.2f} %)"
        )
    return "\n".join(lines)


def _agree(table: BenchmarkTable) -> str:
    """How validation and test accuracy agree, and how two trials of the validation accuracy do."""
    from pipeline.evaluation.measures import kendall_tau, pearson, spearman

    pairs = []
    if table.test_metric:
        pairs.append(
            (f"{table.val_metric} against {table.test_metric}", table.mean(table.val_metric), table.test_mean)
        )
    trials = table.metrics[table.val_metric]
    if trials.shape[1] > 1:
        pairs.append((f"{table.val_metric}, first trial against second", *trials[:, :2].T.astype(np.float64)))
    lines = []
    for what, one, other in pairs:
        both = ~(np.isnan(one) | np.isnan(other))
        values = (
            f"{name} {measure(one[both], other[both]):.3f}"
            for name, measure in (
                ("Kendall's tau", kendall_tau),
                ("Spearman", spearman),
                ("Pearson", pearson),
            )
        )
        lines.append(f"{what}: {', '.join(values)} ({both.sum():,} cells)")
    return "\n".join(lines)


def _aligned(rows: list[tuple]) -> str:
    """Return rows of text as columns: the first flush left, numbers flush right, the last as it is."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            row[0].ljust(widths[0]),
            *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True)),
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
