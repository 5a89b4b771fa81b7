"""Blocks on how autoencoders learned: losses over epochs, and the loss of predicted outputs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pipeline.report import figures_autoencoders as figures
from pipeline.report import theme, words
from pipeline.report.autoencoder_results import loss_bands
from pipeline.report.autoencoders import Autoencoder
from pipeline.report.blocks import Cell, Figure, Head, Line, Panel, Table
from pipeline.report.context import Context
from pipeline.settings import canonical_json

MAX_GROUPS = 6  # of autoencoders with different targets, whose losses are drawn apart
SUBSETS = {  # of the I/O data set
    "train": "training set",
    "unseen_networks": "unseen networks",
    "unseen_images": "unseen images",
    "unseen_both": "both unseen",
}
BY_EPOCH = {  # of the autoencoder itself: heading of its panel
    "vae_loss": "loss, unlabelled batches",
    "vae_loss_labelled": "loss, labelled batches",
    "op_accuracy": "operations right, held-out cells",
    "adj_accuracy": "edges right, held-out cells",
    "validity": "valid cells among random latents",
    "uniqueness": "different ones among the valid",
}


def runs_text(encoders: Mapping[str, Autoencoder]) -> str:
    """How many runs there are of each autoencoder, for captions; a reference has as many as its partner."""
    counts = {words.name(n): e.runs for n, e in encoders.items() if e.partner is None}
    if len(set(counts.values())) == 1:
        return f"{words.count(next(iter(counts.values())), 'run')} each."
    return f"Runs: {words.listed(f'{name} {n}' for name, n in counts.items())}."


def _interval_text(bands: pd.DataFrame) -> str:
    if not bands["low"].notna().any():
        return ""
    return f"Lines: mean over runs; shaded: bootstrapped 95{words.POINT}% interval of that mean."


def losses(c: Context) -> Figure | None:
    """Loss and reconstruction of the autoencoders by epoch, a panel each; None if none recorded any."""
    panels, parts = [], []
    for column, heading in BY_EPOCH.items():
        bands = loss_bands(c.run.autoencoders, column, c.run.seed)
        if len(bands):
            unit = "loss (nats)" if "loss" in column else "share"
            panels.append(Panel(figures.by_epoch(bands, unit, c.styles), heading))
            parts.append(bands)
    if not panels:
        return None
    bands = pd.concat(parts, ignore_index=True)
    beside = any(e.partner for e in c.run.autoencoders.values())
    text = [
        "By epoch. Loss: of reconstruction and divergence, while training.",
        _interval_text(bands),
        "arch2vec beside info-NAS: same start, same batches, without the outputs." if beside else "",
        _hidden(bands),
        runs_text(c.run.autoencoders),
        c.seed_text(),
    ]
    data = c.data("autoencoder_losses", bands)
    title = "Loss and reconstruction while training"
    caption = " ".join(t for t in text if t)
    return Figure("autoencoder_losses", title, panels, caption, data, legend=legend(c, bands))


def _hidden(bands: pd.DataFrame) -> str:
    more = bands["autoencoder"].nunique() - figures.MAX_LINES
    return f"{words.count(more, 'more autoencoder')} in the CSV alone." if more > 0 else ""


def legend(c: Context, frame: pd.DataFrame) -> list[Line]:
    """A line for each autoencoder that a figure of this frame draws."""
    return [Line(words.name(n), c.styles[n].colour, c.styles[n].dash) for n in figures.drawn(frame)]


def output_losses(c: Context) -> list[Figure]:
    """Loss of predicted outputs by epoch, a panel a set; a figure for all with the same targets."""
    groups: dict[str, dict[str, Autoencoder]] = {}
    for key, encoder in c.run.autoencoders.items():
        if any(f"io_loss_{s}" in encoder.losses for s in SUBSETS):
            groups.setdefault(_targets(encoder.settings), {})[key] = encoder
    found = []
    for number, group in enumerate(list(groups.values())[:MAX_GROUPS]):
        left = len(groups) - MAX_GROUPS if number == MAX_GROUPS - 1 else 0
        found.append(_output_losses(c, group, number, len(groups) > 1, left))
    return found


def _targets(settings: Mapping) -> str:
    """What decides whether two losses may stand in one figure: the targets and the kind of loss."""
    keys = ("loss", "preprocessing", "regressor", "targets", "io_dataset")
    chosen = {k: settings.get(k) for k in keys}
    if chosen["regressor"] != "accuracy":
        chosen["regressor"] = None
    return canonical_json(chosen)


def predicted(encoder: Autoencoder) -> str:
    """What the regressor predicts, in words."""
    return "accuracies" if encoder.settings.get("regressor") == "accuracy" else "outputs"


def loss_name(encoder: Autoencoder) -> str:
    """The regressor's loss in words, e.g. `L1`."""
    return words.name(encoder.settings.get("loss", "l1"))


def _output_losses(
    c: Context, group: dict[str, Autoencoder], number: int, several: bool, left: int
) -> Figure:
    first = next(iter(group.values()))
    panels, parts = [], []
    columns = {"io_loss": "training batches"} | {f"io_loss_{s}": label for s, label in SUBSETS.items()}
    for column, heading in columns.items():
        bands = loss_bands(group, column, c.run.seed)
        if bands.empty:
            continue
        subset = "train" if column == "io_loss" else column.removeprefix("io_loss_")
        mean_of = mean_baseline(first, subset)
        unit = f"loss ({loss_name(first)})"
        panels.append(Panel(figures.by_epoch(bands, unit, c.styles, mean_of), heading))
        baseline = dict(zip(("mean_baseline", "mean_low", "mean_high"), mean_of or [np.nan] * 3, strict=True))
        parts.append(bands.assign(set=heading, **baseline))
    bands = pd.concat(parts, ignore_index=True)
    text = [
        "By epoch. Training batches: while training, with dropout; the other sets: after the epoch, without.",
        _interval_text(bands),
        "Thin dotted: median over batches." if bands["median"].notna().any() else "",
        f"Dashed: always predicting the training targets’ mean{_baseline_interval(bands)}.",
        f"{words.count(left, 'more group')} with other targets not drawn; the table has all." if left else "",
        _hidden(bands),
        runs_text(group),
        c.seed_text(),
    ]
    title = f"Loss of predicted {predicted(first)}"
    title += f": {words.listed(words.name(n) for n in list(group)[:4])}" if several else ""
    key = "output_losses" + (f"_{number + 1}" if number else "")
    lines = legend(c, bands)
    lines += (
        [Line("predicting the mean", theme.MUTED, "dash")] if bands["mean_baseline"].notna().any() else []
    )
    caption = " ".join(t for t in text if t)
    return Figure(key, title, panels, caption, c.data(key, bands), legend=lines)


def _baseline_interval(bands: pd.DataFrame) -> str:
    return f", with its 95{words.POINT}% interval over batches" if bands["mean_low"].notna().any() else ""


def mean_baseline(encoder: Autoencoder, subset: str) -> tuple[float, float, float] | None:
    """Return (mean, low, high) of the loss of predicting the training targets' mean; None if unknown.

    low, high: ends of the 95 % interval over batches; NaN if they were not recorded.
    """
    name = f"mean_baseline_{subset}"
    mean = encoder.mean(name)
    if np.isnan(mean):
        return None
    half = encoder.mean(f"{name}_ci95") or np.nan  # 0 for a single batch
    return mean, mean - half, mean + half


def outputs(c: Context) -> Table | None:
    """Loss of predicted outputs against predicting the mean, one row an autoencoder and set."""
    frame = _output_frame(c)
    if frame.empty:
        return None
    owns, rows = frame["own_mean_baseline"].notna().any(), []
    for r in frame.to_dict("records"):
        mean, own, key = r["mean_baseline"], r["own_mean_baseline"], r["autoencoder"]
        digits, share = 3 if mean >= 0.1 else 4, r["loss"] / mean - 1
        cells = [Cell(words.name(key), key, c.styles[key].colour), Cell(SUBSETS[r["set"]]), Cell(r["of"])]
        cells.append(Cell(words.spread(r["loss"], r["loss_std"], digits), r["loss"]))
        cells.append(Cell(words.number(mean, digits), mean))
        cells += [Cell(words.number(own, digits), own)] if owns else []
        rows.append([*cells, Cell(f"{words.points(share, 0)}{words.POINT}%", share)])
    head = [Head("autoencoder", False), Head("set", False), Head("loss of", False), Head("loss")]
    head.append(Head("training set’s mean"))
    head += [Head("the set’s own mean", hint="the thesis’ reference; a model cannot know it")] if owns else []
    head.append(Head("difference", hint="of the loss to that of the training set’s mean"))
    shown = {name: c.run.autoencoders[name] for name in dict.fromkeys(frame["autoencoder"])}
    text = (
        "After the last epoch, beside the loss of always predicting a mean; mean ± standard deviation over "
        f"runs. {runs_text(shown)} {c.seed_text()}"
    )
    return Table("outputs", "Predicted outputs", head, rows, text, c.data("outputs", frame, "autoencoders"))


def _output_frame(c: Context) -> pd.DataFrame:
    """One row an autoencoder and set: loss over runs, and the losses of predicting the two means."""
    rows = []
    for key, e in c.run.autoencoders.items():
        for subset in SUBSETS:
            row = {
                "autoencoder": key,
                "set": subset,
                "of": f"{predicted(e)}, {loss_name(e)}",
                "loss": e.mean(f"io_loss_{subset}"),
                "loss_std": e.deviation(f"io_loss_{subset}"),
                "mean_baseline": e.mean(f"mean_baseline_{subset}"),
                "own_mean_baseline": e.mean(f"mean_baseline_own_{subset}"),
                "n_runs": e.runs,
            }
            if not np.isnan(row["loss"] + row["mean_baseline"]):
                rows.append(row)
    return pd.DataFrame(rows)
