"""Blocks on how good autoencoders are: reconstruction, samples of the latent space, how smooth it is."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.report import figures_autoencoders as figures
from pipeline.report import thesis, words
from pipeline.report.autoencoder_losses import legend, runs_text
from pipeline.report.blocks import Cell, Figure, Head, Panel, Table
from pipeline.report.context import Context

RECONSTRUCTION = {  # heading, what it means
    "op_accuracy": ("operations right, %", "share of vertices"),
    "adj_accuracy": ("edges right, %", "share of pairs of vertices"),
    "adj_false_positives": ("edges too many, %", "share of absent edges that are decoded as edges"),
    "op_accuracy_labelled": ("operations right, labelled, %", "of labelled networks not trained on"),
    "adj_accuracy_labelled": ("edges right, labelled, %", "of labelled networks not trained on"),
}
LATENTS = {
    "validity": ("valid, %", "valid cells among random latents"),
    "uniqueness": ("unique, %", "different graphs among the valid ones, as they were decoded"),
    "unique_cells": ("unique cells, %", "different cells among them, without vertices on no path"),
    "neighbour_difference": ("difference to neighbours", "mean difference of accuracy, percentage points"),
    "random_difference": ("difference of any two", "mean difference of accuracy, percentage points"),
    "neighbour_correlation": ("correlation with neighbours", "Moran’s I of accuracy"),
}
PLAIN = ("neighbour_correlation",)  # no percentage
NEIGHBOURS = 10


def reconstruction(c: Context) -> Table | None:
    """Reconstruction of held-out cells, with what was published; None if none was measured."""
    text = (
        "Cells that no autoencoder was trained on; labelled: networks that info-NAS was not trained on. "
        f"Mean ± standard deviation over runs. {runs_text(c.run.autoencoders)}"
    )
    return _table(c, "autoencoder_measures", "Reconstruction", RECONSTRUCTION, text, c.seed_text())


def latent_measures(c: Context) -> Table | None:
    """What random latents decode to, and how smooth accuracy is over latents; None if none was measured."""
    text = (
        "Valid, unique: cells decoded from random latents, normal, with the mean and deviation of held-out "
        "cells’ latents."
    )
    if any(e.measured("neighbour_difference").size for e in c.run.autoencoders.values()):
        text += (
            f" Neighbours: the {NEIGHBOURS} labelled cells with the nearest latents; differences of accuracy "
            "in percentage points. "
        ) + c.labels_text()
    text += f" Mean ± standard deviation over runs. {runs_text(c.run.autoencoders)}"
    return _table(c, "latent_measures", "Latents", LATENTS, text, c.seed_text())


def _table(c: Context, key: str, title: str, known: dict, text: str, seed: str) -> Table | None:
    encoders = c.run.autoencoders
    measures = [m for m in known if any(len(e.measured(m)) for e in encoders.values())]
    if not measures:
        return None
    head = [Head("autoencoder", False)] + [Head(known[m][0], hint=known[m][1]) for m in measures]
    rows, records = [], []
    for name, e in encoders.items():
        stats = {m: (e.mean(m), e.deviation(m)) for m in measures}
        if np.isnan([mean for mean, _ in stats.values()]).all():
            continue
        cells = [Cell(words.name(name), name, c.styles[name].colour)]
        rows.append(cells + [_cell(m, *stats[m]) for m in measures])
        both = {f"{m}_{how}": stats[m][i] for m in measures for i, how in enumerate(("mean", "std"))}
        records.append({"autoencoder": name, "n_runs": e.runs, **both})
    published = _published(c, measures)
    if published:
        text += " Published: the authors’ later paper, three runs of 10 epochs"
        text += ", without a class for unused vertices: at most" if "op_accuracy" in measures else ""
        text += f" 97.8{words.POINT}% of operations can be right so." if "op_accuracy" in measures else "."
    data = c.data(key, pd.DataFrame(records), "autoencoders")
    return Table(key, title, head, rows + published, f"{text} {seed}", data)


def _cell(measure: str, mean: float, deviation: float | None) -> Cell:
    if words.missing(mean):
        return Cell("–")
    if measure in PLAIN:
        return Cell(words.spread(mean, deviation, 2), mean)
    digits = 2 if measure.endswith("difference") else 1
    return Cell(words.spread(100 * mean, deviation and 100 * deviation, digits), mean)


def _published(c: Context, measures: list[str]) -> list[list[Cell]]:
    """What was published for NAS-Bench-101, for each model that this run has."""
    if c.run.labels is None or c.run.labels.space != "nasbench101":
        return []
    rows = []
    for model in dict.fromkeys(e.model for e in c.run.autoencoders.values()):
        known = thesis.RECONSTRUCTION.get(model)
        if known and any(m in known for m in measures):
            cells = [Cell(f"published: {words.name(model)}")]
            rows.append(cells + [_cell(m, *known.get(m, (np.nan, None))) for m in measures])
    return rows


def neighbours(c: Context) -> Figure | None:
    """Difference of accuracy to the first, second, … nearest neighbour in latent space; None if unknown."""
    parts, any_two = [], np.nan
    for name, e in c.run.autoencoders.items():
        means = [e.mean(f"neighbour_difference_{k}") for k in range(1, NEIGHBOURS + 1)]
        if not np.isnan(means).all():
            any_two = e.mean("random_difference")
            frame = pd.DataFrame({"autoencoder": name, "neighbour": range(1, NEIGHBOURS + 1)})
            parts.append(frame.assign(difference=means, n_runs=e.runs, any_two=any_two))
    if not parts:
        return None
    frame = pd.concat(parts, ignore_index=True)
    panel = Panel(figures.neighbours(frame, any_two, c.styles))
    text = (
        "Mean difference of accuracy between a cell and its nearest neighbours in latent space, mean over "
        f"runs; dashed: between any two cells. {runs_text(c.run.autoencoders)} {c.labels_text()} "
        f"{c.seed_text()}"
    )
    title, data = "Accuracy along neighbours", c.data("latent_neighbours", frame)
    return Figure("latent_neighbours", title, [panel], text, data, half=True, legend=legend(c, frame))
