"""Sections on what was measured: child networks, and what they put out."""

from __future__ import annotations

import numpy as np

from pipeline.report import figures, words
from pipeline.report.blocks import Facts, Figure, Panel, Section
from pipeline.report.context import Context


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
