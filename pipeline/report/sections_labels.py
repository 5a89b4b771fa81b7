"""Sections on where accuracies come from: the benchmark table, and the surrogate that stands in for one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.evaluation.measures import kendall_tau
from pipeline.randomness import rng
from pipeline.report import figures, words
from pipeline.report import figures_labels as drawn
from pipeline.report.blocks import Cell, Facts, Figure, Head, Panel, Section, Table
from pipeline.report.context import Context
from pipeline.report.labels import TOP5

MAX_POINTS = 3000  # drawn in one picture
SOURCE = {"file": "File", "reader": "Read by"}  # facts of a table's file that are shown


def labels(c: Context) -> Section:
    """Label distribution and noise."""
    title = "Labels"
    if c.run.labels is None:
        return Section("labels", title, "No benchmark table was given.")
    good = c.run.labels.frame.dropna(subset="val_acc")
    if good.empty:
        return Section("labels", title, "No cell has a label: all trainings failed.")
    low, middle, high = good["val_acc"].quantile([0.1, 0.5, 0.9])
    lead = (
        f"{_holds(c)} Their validation accuracy is {c.percent(middle)} in the median, and between "
        f"{c.percent(low)} and {c.percent(high)} for the middle 80{words.POINT}%. {_trust(c, good)}"
    )
    bins = drawn.histogram(good)
    below = int((good["val_acc"] < bins["from"].iloc[0]).sum())
    lines = " One line for each role of cells." if bins["unused"].any() else ""
    first_one = "The lines’ left ends include" if lines else "The first bar includes"
    clipped = f"{lines} {first_one} {words.count(below, 'cell')} further left." if below else lines
    data = c.data("label_distribution", bins)
    caption = f"{c.labels_text()}{clipped} {c.seed_text()}"
    beside = _beside(c, good)
    panel = Panel(drawn.label_histogram(bins))
    first = Figure(
        "label_distribution", "How good the cells are", [panel], caption, data, half=beside is not None
    )
    blocks = [first] if beside is None else [first, beside]
    blocks += _top5(c, good)
    return Section("labels", title, lead, [*blocks, *_facts(c)])


def _top5(c: Context, good: pd.DataFrame) -> list[Table]:
    """Top-1 beside top-5 accuracy, where networks tell many classes apart."""
    columns = {"val_acc": "top-1, validation", "val_top5": "top-5, validation"}
    columns |= {"test_acc": "top-1, test", "test_top5": "top-5, test"}
    columns = {column: text for column, text in columns.items() if column in good}
    if not set(TOP5) & set(columns):
        return []
    best = good.loc[good["val_acc"].idxmax()]
    spread = good[list(columns)].quantile([0.9, 0.5, 0.1])
    names = ["highest tenth starts at", "median", "lowest tenth ends at"]
    frame = pd.DataFrame([best[list(columns)], *(row for _, row in spread.iterrows())]).reset_index(drop=True)
    frame.insert(0, "cells", [f"best by validation: {c.short(best['cell'])}", *names])
    rows = [
        [Cell(row["cells"]), *(Cell(c.percent(row[column]), row[column]) for column in columns)]
        for _, row in frame.iterrows()
    ]
    hints = {column: "the true class is among the five that the network finds likeliest" for column in TOP5}
    head = [Head("cells", False), *(Head(text, hint=hints.get(col, "")) for col, text in columns.items())]
    caption = f"{c.labels_text()} Each column’s quantiles are its own. {c.seed_text()}"
    return [Table("top5", "Top-1 and top-5 accuracy", head, rows, caption, c.data("top5", frame))]


def _facts(c: Context) -> list[Facts]:
    """The exact metrics of a table that was read from a file, and that file."""
    labels = c.run.labels
    if not labels.source:
        return []
    rows = [("Validation metric", labels.val_metric)]
    rows += [("Test metric", labels.test_metric)] if c.has_test else []
    rows += [("Trials of a cell", f"up to {labels.trials}" if labels.trials > 1 else "one value")]
    rows += [(name, str(labels.source[key])) for key, name in SOURCE.items() if key in labels.source]
    return [Facts(rows)]


def _holds(c: Context) -> str:
    """What the table holds, and what its cells are for."""
    labels = c.run.labels
    n, size = words.number(len(labels.frame)), words.large(labels.space_size)
    learn = f"{words.number(labels.count('labelled'))} to learn from"
    test = f"{words.number(labels.count('held_out'))} held out to test predictors on"
    if not labels.source:
        return f"{n} of the {size} cells of {c.space} have labels: {learn} and {test}."
    if labels.coverage == 1:
        what = f"The table holds all {n} cells of {c.space}"
    else:
        share = f" ({words.percent(labels.coverage, 1)})" if labels.coverage > 5e-4 else ""
        what = f"The table holds {n} of the {size} cells of {c.space}{share}"
    unused = labels.count("unused")
    only = ": only searches ask for them" if c.origin == "table" and c.frames else ""
    rest = f"; {words.number(unused)} have neither role{only}"
    return f"{what}: {learn} and {test}{rest if unused else ''}."


def _trust(c: Context, good: pd.DataFrame) -> str:
    """How far the labels can be trusted: agreement with test accuracy, and between trials."""
    trials = ""
    if not np.isnan(c.run.labels.noise):
        trials = (
            f" Trainings of one cell differ by {c.points(c.run.labels.noise, sign=False)} points of "
            f"validation accuracy (standard deviation over up to {c.run.labels.trials} trials, median of the "
            "cells)."
        )
    if not c.has_test:
        return trials if c.answer and c.answer.judged else f"This table has no test accuracy.{trials}"
    both = good.dropna(subset="test_acc")
    if len(both) < 2:
        return f"Of their test accuracy nothing is known.{trials}"
    tau = kendall_tau(both["val_acc"], both["test_acc"])
    return (
        "Validation and test accuracy agree on the order of the cells to Kendall’s tau "
        f"{words.number(tau, 2)}; how far that is from 1 says how noisy the labels are.{trials}"
    )


def _beside(c: Context, good: pd.DataFrame) -> Figure | None:
    """What stands beside the distribution: test accuracy, or else parameters, where the table has any."""
    good = good.dropna(subset="test_acc" if c.has_test else [])
    if good.empty or not c.has_test and "params" not in good:
        return None
    shown = _sample(good, c.run.seed)
    some = (
        f" {words.number(len(shown))} of {words.number(len(good))} cells drawn."
        if len(shown) < len(good)
        else ""
    )
    whole = c.run.sources.table if some else None
    data = c.data("labels", shown, whole)
    if c.has_test:
        low = min(figures.accuracy_floor(shown["val_acc"]), figures.accuracy_floor(shown["test_acc"]))
        outside = int((shown[["val_acc", "test_acc"]].min(axis=1) < low).sum())
        off = f" {words.count(outside, 'cell')} below the axes not shown." if outside else ""
        panel = Panel(drawn.validation_against_test(shown, c.short))
        caption = f"One point a cell; on the line both are equal. {_resolution(c)}{some}{off} {c.seed_text()}"
        return Figure("label_noise", "Validation against test accuracy", [panel], caption, data, half=True)
    panel = Panel(drawn.accuracy_against_params(shown, c.short))
    caption = f"One point a cell. {c.labels_text()}{some} {c.seed_text()}"
    return Figure("label_params", "Accuracy against size", [panel], caption, data, half=True)


def _sample(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return at most MAX_POINTS rows, in their order: of each role as many, so that none is lost."""
    if len(frame) <= MAX_POINTS:
        return frame
    roles = {role: np.flatnonzero(frame["role"] == role) for role in drawn.ROLES}
    each = MAX_POINTS // sum(len(rows) > 0 for rows in roles.values())
    kept = [
        rows if len(rows) <= each else rng(seed, "report", "points", role).choice(rows, each, replace=False)
        for role, rows in roles.items()
    ]
    return frame.iloc[np.sort(np.concatenate(kept))]


def _resolution(c: Context) -> str:
    if c.run.images is None:
        return ""
    n = c.run.images.counts
    return (
        f"One image is {words.number(100 / n['valid'], 2)} points of the {words.number(n['valid'])} "
        "validation images "
        f"and {words.number(100 / n['test'], 2)} of the {words.number(n['test'])} test images."
    )


def surrogate(c: Context) -> Section | None:
    """How well the surrogate predicts cells that it was not trained on; None in a run without one."""
    if not c.run.surrogates:
        return None
    taus = {target: folds["kendall_tau"] for target, folds in c.run.surrogates.items()}
    targets = {target: words.ACCURACIES.get(target, target) for target in taus}
    said = words.listed(
        f"{words.spread(tau.mean(), tau.std(), 2)} for {targets[target]}" for target, tau in taus.items()
    )
    cells = int(next(iter(c.run.surrogates.values()))["n"].sum())
    lead = (
        "The accuracies of searched cells are predicted, not trained: gradient-boosted trees, trained on the "
        f"{words.number(cells)} cells of the table, answer for any cell of the space. On cells left out in "
        f"cross-validation their Kendall’s tau is {said}. A cell far from those of the table may be "
        "overrated."
    )
    head = [Head("target", False), Head("fold"), Head("cells", hint="left out, and predicted")]
    head += [Head("Kendall’s tau"), Head("Spearman"), Head("R²")]
    head.append(Head("error", hint="root of the mean squared error, in percentage points"))
    rows = []
    for target, folds in c.run.surrogates.items():
        for fold in folds.to_dict("records"):
            error = fold["mse"] ** 0.5
            cells = [Cell(targets[target], target), Cell(words.number(fold["fold"]), fold["fold"])]
            cells.append(Cell(words.number(fold["n"]), fold["n"]))
            cells += [Cell(words.number(fold[m], 3), fold[m]) for m in ("kendall_tau", "spearman", "r2")]
            rows.append([*cells, Cell(f"{words.number(100 * error, 2)} points", error)])
    frame = pd.concat([f.assign(target=target) for target, f in c.run.surrogates.items()], ignore_index=True)
    caption = "By fold of the cross-validation; the surrogate that answers was trained on all cells. "
    caption += c.seed_text()
    table = Table(
        "surrogate_folds", "Cross-validation", head, rows, caption, c.data("surrogate_folds", frame)
    )
    return Section("surrogate", "Surrogate", lead, (table,))
