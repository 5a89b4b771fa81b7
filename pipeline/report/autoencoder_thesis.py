"""The block that puts a run's info-NAS beside the thesis' tables 4.2 to 4.12."""

from __future__ import annotations

import pandas as pd

from pipeline.report import thesis, words
from pipeline.report.autoencoder_results import against_thesis
from pipeline.report.blocks import Cell, Fold, Head, Table
from pipeline.report.context import Context
from pipeline.report.theme import BLUE, GREEN, GREY, VERMILLION

MAX_ROWS = 20  # more are folded
MEASURES = {
    "vae_loss_labelled": "VAE loss, labelled batches",
    "vae_loss": "VAE loss, unlabelled batches",
    "io_loss": "loss of outputs, training",
    "io_loss_unseen_networks": "loss of outputs, unseen networks",
    "io_loss_unseen_images_valid": "loss of outputs, unseen images",
    "op_accuracy_labelled": "operations right, labelled",
    "op_accuracy": "operations right, unlabelled",
    "adj_accuracy_labelled": "edges right, labelled",
    "adj_accuracy": "edges right, unlabelled",
}
VERDICTS = {
    "within": ("within", GREEN),
    "better": ("better", BLUE),
    "worse": ("worse", VERMILLION),
    "one run": ("no spread: one run", GREY),
}
ORDER = {verdict: position for position, verdict in enumerate(("worse", "one run", "within", "better"))}


def comparison(c: Context) -> Table | Fold | None:
    """The thesis' numbers, ours, and whether they agree; None unless info-NAS learned CIFAR-10 networks."""
    if c.run.labels is None or c.run.labels.space != "nasbench101" or not _on_cifar10(c):
        return None
    frame = against_thesis(c.run.autoencoders)
    if frame.empty:
        return None
    hint = "divided by the loss of predicting the set’s own mean"
    head = [Head("autoencoder", False), Head("measure", False), Head("table", False), Head("thesis")]
    head += [Head("ours"), Head("thesis ÷ mean", hint=hint), Head("ours ÷ mean", hint=hint)]
    head.append(Head("within the spread", False))
    rows = [_row(c, r) for r in frame.to_dict("records")]
    table = Table("thesis", "Beside the thesis", head, rows, _caption(c, frame), c.data("thesis", frame))
    if len(rows) <= MAX_ROWS:
        return table
    counts = frame["verdict"].value_counts()
    told = words.listed(f"{words.number(counts[v])} {VERDICTS[v][0]}" for v in ORDER if v in counts)
    return Fold(f"Beside the thesis: {words.number(len(rows))} numbers ({told})", table=table)


def _row(c: Context, r: dict) -> list[Cell]:
    text, colour = VERDICTS[r["verdict"]]
    digits = 3 if r["thesis_high"] < 10 else 1
    theirs = words.number(r["thesis"], digits)
    if r["thesis_high"] > r["thesis_low"]:
        theirs = f"{words.number(r['thesis_low'], digits)} to {words.number(r['thesis_high'], digits)}"
    cells = [Cell(words.name(r["autoencoder"]), r["autoencoder"], c.styles[r["autoencoder"]].colour)]
    cells += [Cell(MEASURES[r["measure"]]), Cell(r["tables"]), Cell(theirs, r["thesis"])]
    cells.append(Cell(words.spread(r["ours"], r["ours_std"], digits), r["ours"]))
    for key in ("thesis_share", "ours_share"):
        cells.append(Cell(words.percent(r[key], 0), None if words.missing(r[key]) else r[key]))
    return [*cells, Cell(text, ORDER[r["verdict"]], colour, strong=r["verdict"] == "worse")]


def _on_cifar10(c: Context) -> bool:
    """Whether the networks whose outputs are learned were trained on CIFAR-10."""
    benchmarks, images = c.run.config.get("benchmarks", {}), c.run.config.get("images", {})
    named = {e.settings.get("io_dataset") for e in c.run.autoencoders.values()} - {None}
    named = named or {c.run.labels.name}
    sets = {benchmarks.get(name, {}).get("children", {}).get("images") for name in named}
    return any(images.get(name, {}).get("source") == "cifar10" for name in sets)


def _caption(c: Context, frame: pd.DataFrame) -> str:
    io, several = c.run.io, {}
    ours = ""
    if io:
        ours = (
            f"{words.number(io['networks'])} networks, {words.number(io['images'])} and "
            f"{words.number(io['unseen_images'])} images, "
        )
    for name in dict.fromkeys(frame["autoencoder"]):
        text = "; ".join(thesis.differences(c.run.autoencoders[name].settings))
        several.setdefault(text, []).append(words.name(name))
    unlike = " ".join(f"{words.listed(names)}: {text}." for text, names in several.items() if text)
    return (
        f"Thesis: 608 networks, 1{words.POINT}000 and 2{words.POINT}000 images, epoch {thesis.EPOCH}, one "
        "run (three for its default setting, shown as a range). "
        f"Ours: {ours}epoch {frame['epoch'].max()}, {words.count(int(frame['n_runs'].max()), 'run')}. "
        f"{unlike} Within: at most two of our standard deviations outside theirs. ÷ mean: divided by the "
        "loss of always predicting the set’s own mean. The thesis has no class for unused vertices, so its "
        f"VAE losses and operations are on another scale. {c.seed_text()}"
    )
