"""Sections on what was measured: child networks, their outputs, zero-shot scores."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.report import figures, results, words
from pipeline.report.blocks import Cell, Facts, Figure, Head, Panel, Section, Table
from pipeline.report.context import Context
from pipeline.report.figures_labels import ROLES


def children(c: Context) -> Section | None:
    """Learning curves of the child networks; None where labels come from a file."""
    title = "Child networks"
    if c.origin != "children":
        return None
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
    shown = {"val_acc": "Validation accuracy", "val_top5": "Top-5 validation accuracy"}
    for curve, heading in (shown | {"train_loss": "Training loss"}).items():
        if curve in curves and np.isfinite(curves[curve][:, -1]).any():
            bands = figures.curve_bands(curves[curve])
            ends = "end highest and lowest" if curve in shown else "end lowest and highest"
            caption = f"All networks that did not fail. Lines: median, and the two networks that {ends}."
            panel = Panel(figures.learning_curves(bands, curve))
            data = c.data(f"learning_curves_{curve}", bands)
            figure = Figure(
                f"curves_{curve}", heading, [panel], f"{caption} {c.seed_text()}", data, half=True
            )
            blocks.append(figure)
    return Section("children", title, lead, blocks)


def io_dataset(c: Context) -> Section | None:
    """Facts of the I/O data set; None where labels come from a file, as there are no networks then."""
    title = "I/O data set"
    if c.origin != "children":
        return None
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
    if c.zero_shot_taus is None or c.zero_shot_taus.empty:
        return Section("zeroshot", title, "No scores of untrained networks were computed in this run.")
    taus = c.zero_shot_taus
    by = {role: part.set_index("metric") for role, part in taus.groupby("role", sort=False)}
    by = {role: by[role] for role in sorted(by, key=lambda role: role != "labelled")}
    first = next(iter(by.values()))
    order = list(first.sort_values("tau", ascending=False, kind="stable").index)
    best = order[0]
    lead = (
        f"Of the scores that need no training, “{words.metric(best)}” ranks the "
        f"{ROLES[next(iter(by))][0]} best: Kendall’s tau "
        f"{words.number(first.at[best, 'tau'], 2)} with validation accuracy "
        f"(95{words.POINT}% interval {words.number(first.at[best, 'low'], 2)} to "
        f"{words.number(first.at[best, 'high'], 2)})."
    )
    head = [Head("metric", False)]
    for role, part in by.items():
        head.append(Head(f"tau, {ROLES.get(role, (role,))[0]}"))
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
    sizes = ", ".join(
        f"{words.number(part['n'].max())} {ROLES.get(role, (role,))[0]}" for role, part in by.items()
    )
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
    more = ", candidates included" if (c.run.zeroshot.frame["role"] == "candidate").any() else ""
    figure = Figure(
        "zeroshot_correlations",
        "Agreement among metrics",
        [Panel(figures.correlation_map(correlations, names))],
        f"Kendall’s tau over all {words.number(len(c.run.zeroshot.frame))} scored cells{more}. "
        f"{c.seed_text()}",
        c.data("zeroshot_correlations", frame),
        half=True,
    )
    return Section("zeroshot", title, lead, (table, figure))
