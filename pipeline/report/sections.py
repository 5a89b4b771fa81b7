"""Sections on what was measured: labels, child networks, their outputs, zero-shot scores."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.evaluation.measures import kendall_tau
from pipeline.report import figures, results, words
from pipeline.report.blocks import Cell, Facts, Figure, Head, Panel, Section, Table
from pipeline.report.context import Context

MAX_POINTS = 3000  # drawn in one picture


def labels(c: Context) -> Section:
    """Label distribution and noise."""
    title = "Labels"
    if c.run.labels is None:
        return Section("labels", title, "No benchmark table was given.")
    frame = c.run.labels.frame
    good = frame.dropna(subset=["val_acc", "test_acc"])
    if good.empty:
        return Section("labels", title, "No cell has a label: all trainings failed.")
    counts = good["role"].value_counts()
    tau = kendall_tau(good["val_acc"], good["test_acc"])
    low, middle, high = good["val_acc"].quantile([0.1, 0.5, 0.9])
    lead = (
        f"{words.number(len(frame))} of the {words.number(c.run.labels.space_size)} cells of {c.space} have "
        "labels: "
        f"{counts.get('labelled', 0)} to learn from and {counts.get('held_out', 0)} held out to test "
        "predictors on. "
        f"Their validation accuracy is {c.percent(middle)} in the median, and between {c.percent(low)} and "
        f"{c.percent(high)} for the middle 80{words.POINT}%. Validation and test accuracy agree on the order "
        "of the "
        f"cells to Kendall’s tau {words.number(tau, 2)}; how far that is from 1 says how noisy the labels "
        "are."
    )
    bins = figures.histogram(good)
    below = int((good["val_acc"] < bins["from"].iloc[0]).sum())
    clipped = f" The first bar includes {words.count(below, 'cell')} further left." if below else ""
    shown = good if len(good) <= MAX_POINTS else good.iloc[:: -(-len(good) // MAX_POINTS)]
    outside = int((good[["val_acc", "test_acc"]].min(axis=1) < _floor(good)).sum())
    off = f" {words.count(outside, 'cell')} below the axes not shown." if outside else ""
    return Section(
        "labels",
        title,
        lead,
        (
            Figure(
                "label_distribution",
                "How good the cells are",
                [Panel(figures.label_histogram(good, bins))],
                f"{c.labels_text()}{clipped} {c.seed_text()}",
                c.data("label_distribution", bins),
                half=True,
            ),
            Figure(
                "label_noise",
                "Validation against test accuracy",
                [Panel(figures.validation_against_test(shown))],
                f"One point a cell; on the line both are equal. {_resolution(c)}{off} {c.seed_text()}",
                c.data("labels", good),
                half=True,
            ),
        ),
    )


def _floor(frame: pd.DataFrame) -> float:
    return min(figures.accuracy_floor(frame["val_acc"]), figures.accuracy_floor(frame["test_acc"]))


def _resolution(c: Context) -> str:
    if c.run.images is None:
        return ""
    n = c.run.images.counts
    return (
        f"One image is {words.number(100 / n['valid'], 2)} points of the {words.number(n['valid'])} "
        "validation images "
        f"and {words.number(100 / n['test'], 2)} of the {words.number(n['test'])} test images."
    )


def children(c: Context) -> Section:
    """Learning curves of the child networks."""
    title = "Child networks"
    if c.run.children is None:
        return Section("children", title, "No networks were trained for labels in this run.")
    table, curves = c.run.children.table, c.run.children.curves
    failed = table[table["status"] != "ok"]
    epochs = next((v.shape[1] for v in curves.values()), 0)
    seconds = [s for m in c.run.made for s in m.networks.values()]
    lead = f"{words.count(len(table), 'network')} trained for {words.count(epochs, 'epoch')} each"
    lead += f", {words.duration(float(np.median(seconds)))} in the median. " if seconds else ". "
    if len(failed):
        reasons = words.listed(f"{r} ({n})" for r, n in failed["reason"].value_counts().items())
        lead += f"{words.count(len(failed), 'network')} failed and has no label: {reasons}."
    else:
        lead += "None failed."
    blocks = []
    for curve, heading in (("val_acc", "Validation accuracy"), ("train_loss", "Training loss")):
        if curve in curves and np.isfinite(curves[curve][:, -1]).any():
            bands = figures.curve_bands(curves[curve])
            ends = "end highest and lowest" if curve == "val_acc" else "end lowest and highest"
            caption = f"All networks that did not fail. Lines: median, and the two networks that {ends}."
            panel = Panel(figures.learning_curves(bands, curve))
            data = c.data(f"learning_curves_{curve}", bands)
            figure = Figure(
                f"curves_{curve}", heading, [panel], f"{caption} {c.seed_text()}", data, half=True
            )
            blocks.append(figure)
    return Section("children", title, lead, blocks)


def io_dataset(c: Context) -> Section:
    """Facts of the I/O data set."""
    title = "I/O data set"
    if not c.run.io:
        return Section("io", title, "No input-output data set was collected in this run.")
    io = c.run.io
    lead = (
        f"The last features of {words.count(io['networks'] + io['unseen_networks'], 'trained network')} for "
        f"{words.number(io['images'] + io['unseen_images'])} images, with the weights that turn them into "
        "classes. "
        "info-NAS learns from it to predict what a trained network outputs."
    )
    unseen = "kept apart, to test on"
    layer = {"": "", "gap": ", from global average pooling"}.get(io["layer"], f", from {io['layer']}")
    rows = [
        (
            "Networks",
            f"{words.number(io['networks'])} to train on, {words.number(io['unseen_networks'])} {unseen}",
        ),
        ("Images", f"{words.number(io['images'])} to train on, {words.number(io['unseen_images'])} {unseen}"),
        ("Features", f"{io['channels']} a network and image{layer}"),
        ("File", f"{words.size(io['bytes'])}, {io['number']} numbers"),
    ]
    return Section("io", title, lead, (Facts(rows),))


def zeroshot(c: Context) -> Section:
    """Kendall's tau of zero-shot metrics with accuracy and among themselves."""
    title = "Zero-shot metrics"
    if c.zero_shot_taus is None:
        return Section("zeroshot", title, "No scores of untrained networks were computed in this run.")
    taus = c.zero_shot_taus
    by = {role: part.set_index("metric") for role, part in taus.groupby("role", sort=False)}
    by = {role: by[role] for role in sorted(by, key=lambda role: role != "labelled")}
    first = next(iter(by.values()))
    order = list(first.sort_values("tau", ascending=False, kind="stable").index)
    best = order[0]
    lead = (
        f"Of the scores that need no training, “{words.metric(best)}” ranks the labelled cells best: "
        "Kendall’s tau "
        f"{words.number(first.at[best, 'tau'], 2)} with validation accuracy "
        f"(95{words.POINT}% interval {words.number(first.at[best, 'low'], 2)} to "
        f"{words.number(first.at[best, 'high'], 2)})."
    )
    head = [Head("metric", False)]
    for role, part in by.items():
        head.append(Head(f"tau, {figures.ROLES.get(role, (role,))[0]}"))
        if part is first:
            head.append(Head(f"95{words.POINT}% interval", hint="bootstrap over cells"))
    head.append(Head("missing", hint="cells without a score"))
    rows = []
    for metric in order:
        cells = [Cell(words.metric(metric), metric)]
        for part in by.values():
            cells.append(Cell(words.number(part.at[metric, "tau"], 2), part.at[metric, "tau"]))
            if part is first:
                low, high = part.at[metric, "low"], part.at[metric, "high"]
                cells.append(Cell(f"{words.number(low, 2)} to {words.number(high, 2)}", low))
        gaps = int(sum(part.at[metric, "missing"] for part in by.values()))
        rows.append([*cells, Cell(words.number(gaps), gaps)])
    sizes = ", ".join(f"{part['n'].max()} {figures.ROLES.get(role, (role,))[0]}" for role, part in by.items())
    table = Table(
        "zeroshot_tau",
        "Agreement with accuracy",
        head,
        rows,
        f"Kendall’s tau with validation accuracy ({sizes}). {c.labels_text()} {c.seed_text()}",
        c.data("zeroshot_tau", taus),
        half=True,
    )
    names = [words.metric(m) for m in c.run.zeroshot.metrics]
    correlations = results.metric_correlations(c.run.zeroshot)
    frame = pd.DataFrame(correlations, columns=c.run.zeroshot.metrics)
    frame.insert(0, "metric", c.run.zeroshot.metrics)
    figure = Figure(
        "zeroshot_correlations",
        "Agreement among metrics",
        [Panel(figures.correlation_map(correlations, names))],
        f"Kendall’s tau over all {words.number(len(c.run.zeroshot.frame))} scored cells, candidates "
        "included. "
        f"{c.seed_text()}",
        c.data("zeroshot_correlations", frame),
        half=True,
    )
    return Section("zeroshot", title, lead, (table, figure))
