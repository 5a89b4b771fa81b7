"""The section on autoencoders: losses, reconstruction, what info-NAS predicts, latent spaces."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.report import figures, results, words
from pipeline.report.blocks import Cell, Figure, Head, Panel, Section, Table
from pipeline.report.context import Context

MAX_POINTS = 3000  # drawn in one picture
SUBSETS = {  # of the I/O data set
    "train": "training set",
    "unseen_networks": "unseen networks",
    "unseen_images": "unseen images",
    "unseen_both": "both unseen",
}
MEASURES = {
    "op_accuracy": "operations right",
    "adj_accuracy": "edges right",
    "adj_false_positives": "absent edges decoded as edges",
    "validity": "valid cells among random latents",
    "uniqueness": "different cells among these",
}


def autoencoders(c: Context) -> Section:
    """Losses, reconstruction and latent spaces."""
    title = "Autoencoders"
    encoders = c.run.autoencoders
    if not encoders:
        return Section("autoencoders", title, "No autoencoder was trained in this run.")
    names = [words.name(n) for n in encoders]
    lead = (
        f"{words.listed(names)} {'maps' if len(names) == 1 else 'map'} a cell to "
        f"{next(iter(encoders.values())).embeddings.shape[1]} numbers, from which predictors can learn."
    )
    blocks = [_losses(c), _reconstruction(c), *_outputs(c)]
    if c.run.labels is not None:
        blocks.append(_latents(c))
    return Section("autoencoders", title, lead, [b for b in blocks if b is not None])


def _losses(c: Context) -> Figure:
    """A panel for each loss that all may have, then one for each autoencoder that predicts outputs."""
    encoders = c.run.autoencoders
    shared = dict.fromkeys(
        k for e in encoders.values() for k in e.losses if "loss" in k and not k.startswith("io_")
    )
    panels = []
    for column in shared:
        lines = {n: (e.losses["epoch"], e.losses[column]) for n, e in encoders.items() if column in e.losses}
        label = {"vae_loss": "Reconstruction and divergence"}.get(column, column.replace("_", " "))
        panels.append(Panel(figures.losses(lines, c.styles), label))
    for key, encoder in encoders.items():
        parts = {s: encoder.losses[f"io_loss_{s}"] for s in SUBSETS if f"io_loss_{s}" in encoder.losses}
        if parts:
            baselines = {s: encoder.final.get(f"mean_baseline_{s}") for s in parts}
            figure = figures.output_losses(encoder.losses["epoch"], parts, baselines, SUBSETS)
            panels.append(Panel(figure, f"{words.name(key)}: predicted outputs"))
    caption = "By epoch."
    if len(panels) > len(shared):
        caption += " Thin dotted lines: the loss of always predicting the training targets’ mean."
    data = c.data(
        "autoencoder_losses", pd.concat([e.losses.assign(autoencoder=n) for n, e in encoders.items()])
    )
    return Figure("autoencoder_losses", "Losses", panels, f"{caption} {c.seed_text()}", data)


def _reconstruction(c: Context) -> Table | None:
    """Held-out measures, one column an autoencoder; None if no autoencoder recorded any."""
    encoders = c.run.autoencoders
    known = {
        m for e in encoders.values() for m in e.final if "loss" not in m and not m.startswith("mean_baseline")
    }
    measures = [m for m in MEASURES if m in known] + sorted(known - set(MEASURES))
    if not measures:
        return None
    rows = []
    for measure in measures:
        values = [e.final.get(measure, np.nan) for e in encoders.values()]
        texts = [words.percent(v, 1) if measure in MEASURES else words.number(v, 3) for v in values]
        cells = [Cell(text, None if np.isnan(v) else v) for text, v in zip(texts, values, strict=True)]
        rows.append([Cell(MEASURES.get(measure, measure.replace("_", " ")), measure), *cells])
    head = [Head("share", False), *(Head(words.name(n)) for n in encoders)]
    frame = pd.DataFrame(
        {"measure": measures} | {n: [e.final.get(m) for m in measures] for n, e in encoders.items()}
    )
    caption = (
        "Reconstruction of cells that no autoencoder was trained on. Random latents: normal, with the mean "
        "and "
        f"deviation of these cells’ latents. {c.seed_text()}"
    )
    data = c.data("autoencoder_measures", frame)
    return Table("autoencoder_measures", "Reconstruction", head, rows, caption, data, half=True)


def _outputs(c: Context) -> list[Table]:
    """Loss of predicted outputs against predicting the mean, a table for each autoencoder that does so."""
    tables = []
    for key, encoder in c.run.autoencoders.items():
        rows, records = [], []
        for subset, label in SUBSETS.items():
            loss, mean = encoder.final.get(f"io_loss_{subset}"), encoder.final.get(f"mean_baseline_{subset}")
            if loss is None or mean is None:
                continue
            share = loss / mean - 1
            texts = words.number(loss, 3), words.number(mean, 3), f"{words.points(share, 0)}{words.POINT}%"
            rows.append([Cell(label), *(Cell(t, v) for t, v in zip(texts, (loss, mean, share), strict=True))])
            records.append((subset, loss, mean))
        if rows:
            head = [Head("subset", False), Head("loss"), Head("predicting the mean"), Head("difference")]
            frame = pd.DataFrame(records, columns=["subset", "loss", "mean_baseline"])
            data = c.data(f"outputs_{key}", frame)
            caption = (
                f"Loss of the predicted features of trained networks, after the last epoch. {c.seed_text()}"
            )
            title = f"Outputs predicted by {words.name(key)}"
            tables.append(Table(f"outputs_{key}", title, head, rows, caption, data, half=True))
    return tables


def _latents(c: Context) -> Figure | None:
    """Latent spaces in two dimensions, coloured by the label; None with fewer than three labels."""
    cells = zip(c.run.labels.frame["cell"], c.run.labels.frame["val_acc"], strict=True)
    label = dict(zip(_keys(c.run.labels.archs), cells, strict=True))
    known = c.run.labels.frame["val_acc"].dropna()
    if len(known) < 3:
        return None
    floor, top = figures.accuracy_floor(known), float(known.max())
    panels, parts = [], []
    for key, encoder in c.run.autoencoders.items():
        points, shares = results.principal_components(encoder.embeddings)
        frame = pd.DataFrame({"component_1": points[:, 0], "component_2": points[:, 1]})
        frame[["cell", "val_acc"]] = [label.get(k, ("", np.nan)) for k in _keys(encoder.archs)]
        frame = frame.dropna(subset="val_acc")
        frame = frame.iloc[:: max(-(-len(frame) // MAX_POINTS), 1)].sort_values("val_acc", kind="stable")
        panels.append(Panel(figures.latents(frame, shares, floor, top, c.short), words.name(key)))
        parts.append(frame.assign(autoencoder=key))
    caption = (
        "Labelled and held-out cells in the first two principal components of their latents; colour: "
        "validation "
        f"accuracy. {c.labels_text()} {c.seed_text()}"
    )
    return Figure("latents", "Latent spaces", panels, caption, c.data("latents", pd.concat(parts)))


def _keys(archs) -> list[bytes]:
    """One hashable key an architecture, equal for equal arrays."""
    flat = [archs.ops.reshape(len(archs), -1)]
    flat += [] if archs.adj is None else [archs.adj.reshape(len(archs), -1)]
    return [row.tobytes() for row in np.concatenate(flat, axis=1)]
