"""What follows from the runs of autoencoders: intervals by epoch, small maps, distances, the thesis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np
import pandas as pd

from pipeline.randomness import rng
from pipeline.report import thesis
from pipeline.report.autoencoders import Autoencoder, Maps

RESAMPLES = 1000  # of the bootstrap intervals of means over runs
MAX_ROWS, MAX_COLUMNS = 12, 40  # of a drawn feature map
BINS = 40


def loss_bands(encoders: Mapping[str, Autoencoder], column: str, seed: int) -> pd.DataFrame:
    """Return a loss, or another column by epoch, over the runs of each autoencoder that has it.

    Columns: autoencoder, measure, epoch, n_runs, mean, low, high (95 % percentile bootstrap over runs; NaN
    with one run) and median (mean over runs of the run's median over batches; NaN if it is not recorded).
    """
    parts = []
    for name, encoder in encoders.items():
        if column not in encoder.losses:
            continue
        curves = encoder.losses.pivot(index="epoch", columns="run", values=column).dropna(how="all")
        low, high = bootstrap_mean(curves.to_numpy().T, seed, name, column)
        part = pd.DataFrame({"autoencoder": name, "measure": column, "epoch": curves.index})
        part["n_runs"], part["mean"] = curves.shape[1], curves.mean(axis=1).to_numpy()
        part["low"], part["high"], part["median"] = low, high, np.nan
        if f"{column}_median" in encoder.losses:
            medians = encoder.losses.groupby("epoch")[f"{column}_median"].mean()
            part["median"] = medians.reindex(curves.index).to_numpy()
        parts.append(part)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def bootstrap_mean(values: np.ndarray, seed: int, *names) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the 95 % percentile interval of the mean over runs: (T,) each; NaN for one run.

    values: float (R, T).
    """
    n = len(values)
    if n < 2:
        return np.full(values.shape[1], np.nan), np.full(values.shape[1], np.nan)
    drawn = rng(seed, "report", "bootstrap", *names).integers(n, size=(RESAMPLES, n))
    counts = np.stack([np.bincount(rows, minlength=n) for rows in drawn]) / n  # (RESAMPLES, R)
    low, high = np.quantile(counts @ values, (0.025, 0.975), axis=0)
    return low, high


def smaller(maps: Maps) -> tuple[np.ndarray, np.ndarray, list[str], list[str]]:
    """Return (true, predicted, names of rows, names of columns) of a feature map, small enough to draw.

    Rows are some of the pairs, at even distances; columns are means over neighbouring features.
    """
    rows = np.unique(np.linspace(0, len(maps.true) - 1, min(MAX_ROWS, len(maps.true))).round().astype(int))
    edges = np.linspace(0, maps.true.shape[1], min(MAX_COLUMNS, maps.true.shape[1]) + 1).round().astype(int)
    true, predicted = (
        np.add.reduceat(values[rows].astype(np.float64), edges[:-1], axis=1) / np.diff(edges)
        for values in (maps.true, maps.predicted)
    )
    images = [f", image {maps.image[r]}" if maps.image[r] >= 0 else "" for r in rows]
    networks = [f"{n}: network {maps.network[r][:8]}" for n, r in enumerate(rows, 1)]
    names = [network + image for network, image in zip(networks, images, strict=True)]
    ranges = [str(b) if b == a + 1 else f"{a + 1}–{b}" for a, b in pairwise(edges)]
    return true, predicted, names, ranges


def distance_shares(encoders: Mapping[str, Autoencoder], wanted: Mapping[tuple, str]) -> pd.DataFrame:
    """Return the histogram of latent distances: autoencoder, pairs, from, to, n, share; equal bins for all.

    wanted: (cells, pairs) as an autoencoder names them -> what the pairs are called.
    """
    found = [
        (name, label, np.asarray(e.distances[key], np.float64))
        for name, e in encoders.items()
        for key, label in wanted.items()
        if key in e.distances and len(e.distances[key])
    ]
    if not found:
        return pd.DataFrame()
    top = max(float(np.nanmax(values)) for *_, values in found) or 1.0
    edges = np.linspace(0, top, BINS + 1)
    parts = []
    for name, label, values in found:
        counts = np.histogram(values, edges)[0]
        part = pd.DataFrame({"autoencoder": name, "pairs": label, "from": edges[:-1], "to": edges[1:]})
        parts.append(part.assign(n=counts, share=counts / max(counts.sum(), 1)))
    return pd.concat(parts, ignore_index=True)


def against_thesis(encoders: Mapping[str, Autoencoder]) -> pd.DataFrame:
    """Return the thesis' numbers beside ours for each autoencoder whose setting it reports.

    Columns: autoencoder, measure, tables, epoch (of ours), thesis_low, thesis_high, thesis (their mean, where
    it trained the setting several times), thesis_share (of the loss of predicting the mean), ours, ours_std,
    ours_share, n_runs, verdict.
    """
    rows = []
    for name, encoder in encoders.items():
        theirs = thesis.published(encoder.settings) if encoder.partner is None else None
        if theirs is not None:
            rows += [{"autoencoder": name, **row} for row in _compared(encoder, theirs)]
    return pd.DataFrame(rows)


def _compared(encoder: Autoencoder, theirs: thesis.Published) -> Iterator[dict]:
    epoch = min(thesis.EPOCH, int(encoder.losses["epoch"].max()))
    at = encoder.losses[encoder.losses["epoch"] == epoch]
    for measure, numbers in theirs.values.items():
        column = measure if measure in at else measure.removesuffix("_valid")
        if column not in at or at[column].isna().all():
            continue
        values = at[column].dropna().to_numpy(np.float64)
        mean, deviation = values.mean(), values.std(ddof=1) if len(values) > 1 else np.nan
        subset, own = ("train" if c == "io_loss" else c.removeprefix("io_loss_") for c in (measure, column))
        yield {
            "measure": measure,
            "tables": ", ".join(dict.fromkeys(theirs.tables[measure])),
            "epoch": epoch,
            "thesis_low": min(numbers),
            "thesis_high": max(numbers),
            "thesis": float(np.mean(numbers)),
            "thesis_share": float(np.mean(numbers)) / theirs.baselines.get(subset, np.nan),
            "ours": mean,
            "ours_std": deviation,
            "ours_share": mean / encoder.mean(f"mean_baseline_own_{own}"),
            "n_runs": len(values),
            "verdict": verdict(min(numbers), max(numbers), mean, deviation, "accuracy" in measure),
        }


def verdict(low: float, high: float, mean: float, deviation: float, higher_is_better: bool) -> str:
    """Return "within", "better" or "worse": ours, two deviations wide, against the published numbers.

    "one run" where ours has no deviation and lies outside the range.
    """
    reach = 2 * (0.0 if np.isnan(deviation) else deviation)
    if low - reach <= mean <= high + reach:
        return "within"
    if np.isnan(deviation):
        return "one run"
    return "better" if (mean > high) == higher_is_better else "worse"
