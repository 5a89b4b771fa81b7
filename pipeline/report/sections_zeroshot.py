"""The section on scores of untrained networks."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.randomness import rng
from pipeline.report import figures, results, words
from pipeline.report import figures_zeroshot as drawn
from pipeline.report.blocks import Cell, Figure, Head, Panel, Section, Table
from pipeline.report.context import Context
from pipeline.report.figures_labels import ROLES

MAX_POINTS = 2000  # drawn in one picture


def zeroshot(c: Context) -> Section:
    """Rank correlations of zero-shot metrics with accuracy and among themselves."""
    title = "Zero-shot scores"
    taus = c.zero_shot_taus
    if taus is None or taus.empty or taus["tau"].isna().all():
        return Section("zeroshot", title, "No scores of untrained networks were compared with labels here.")
    by = {role: part.set_index("metric") for role, part in taus.groupby("role", sort=False)}
    by = {role: by[role] for role in sorted(by, key=list(ROLES).index)}
    first = next(part for part in by.values() if part["tau"].notna().any())
    order = list(first.sort_values("tau", ascending=False, kind="stable").index)
    best = order[0]
    lead = (
        f"Of the scores that need no training, “{words.metric(best)}” ranks the "
        f"{_named(first['role'].iloc[0])} best: Kendall’s tau {words.number(first.at[best, 'tau'], 2)} with "
        f"validation accuracy (95{words.POINT}% interval {words.number(first.at[best, 'low'], 2)} to "
        f"{words.number(first.at[best, 'high'], 2)})."
    )
    blocks = (_agreement(c, by, first, order), _among(c, order), _scatter(c, best))
    return Section("zeroshot", title, lead, tuple(block for block in blocks if block is not None))


def _named(role: str) -> str:
    return ROLES[role][0]


def _missing(c: Context) -> str:
    """How many cells lack which score, and why; ends with a blank."""
    listed = (
        f"{why} ({words.count(cells, 'cell')}: {', '.join(words.metric(m) for m in metrics)})"
        for why, (cells, metrics) in c.run.zeroshot.reasons.items()
    )
    text = "; ".join(listed)
    return f"Missing, candidates included: {text}. " if text else ""


def _agreement(c: Context, by: dict[str, pd.DataFrame], first: pd.DataFrame, order: list[str]) -> Table:
    """Kendall's tau and Spearman's correlation with accuracy, by metric and role of cells."""
    head = [Head("metric", False)]
    for role, part in by.items():
        head.append(Head(f"tau, {_named(role)}", hint="Kendall’s tau-b with validation accuracy"))
        if part is first:
            head.append(Head(f"95{words.POINT}% interval", hint="of tau: bootstrap over cells"))
        head.append(Head("Spearman", hint=f"rank correlation, {_named(role)}"))
        head.append(Head("n", hint=f"{_named(role)} with this score and a label"))
    head.append(Head("missing", hint="labelled and held-out cells without this score"))
    rows = []
    for metric in order:
        cells = [Cell(words.metric(metric), metric)]
        for part in by.values():
            row = part.loc[metric]
            cells.append(Cell(words.number(row["tau"], 2), row["tau"]))
            if part is first:
                interval = f"{words.number(row['low'], 2)} to {words.number(row['high'], 2)}"
                cells.append(Cell(interval, row["low"]))
            cells.append(Cell(words.number(row["spearman"], 2), row["spearman"]))
            cells.append(Cell(words.number(row["n"]), row["n"]))
        gaps = int(sum(part.at[metric, "missing"] for part in by.values()))
        rows.append([*cells, Cell(words.number(gaps), gaps)])
    caption = f"Rank correlations with validation accuracy. {c.labels_text()} {_how(c)}"
    caption += f"{_missing(c)}{c.seed_text()}"
    data = c.data("zeroshot_tau", c.zero_shot_taus)
    return Table("zeroshot_tau", "Agreement with accuracy", head, rows, caption, data)


def _among(c: Context, order: list[str]) -> Figure:
    """The metrics against each other, in the order of the table."""
    scores = c.run.zeroshot
    place = [scores.metrics.index(metric) for metric in order]
    correlations = results.metric_correlations(scores)[np.ix_(place, place)]
    frame = pd.DataFrame(correlations, columns=order)
    frame.insert(0, "metric", order)
    more = ", candidates included" if (scores.frame["role"] == "candidate").any() else ""
    caption = (
        f"Spearman’s rank correlation over all {words.number(len(scores.frame))} scored cells{more}. "
        f"{_how(c)}{c.seed_text()}"
    )
    panel = Panel(drawn.correlation_map(correlations, [words.metric(m) for m in order]))
    data = c.data("zeroshot_correlations", frame)
    return Figure("zeroshot_correlations", "Agreement among metrics", [panel], caption, data, half=True)


def _scatter(c: Context, metric: str) -> Figure | None:
    """Accuracy over the best metric's scores."""
    scores = c.run.zeroshot.frame[["cell", metric]]
    labels = c.run.labels.frame[["cell", "role", "val_acc"]]
    frame = scores.merge(labels, on="cell").dropna(subset=[metric, "val_acc"])
    if frame.empty:
        return None
    shown, some = frame, ""
    if len(frame) > MAX_POINTS:
        rows = rng(c.run.seed, "report", "points", "zeroshot").choice(len(frame), MAX_POINTS, replace=False)
        shown = frame.iloc[np.sort(rows)]
        some = f" {words.number(len(shown))} of {words.number(len(frame))} cells drawn."
    below = int((shown["val_acc"] < figures.accuracy_floor(shown["val_acc"])).sum())
    off = f" {words.count(below, 'cell')} below the axis not shown." if below else ""
    name = words.metric(metric)
    caption = f"One point a cell. {c.labels_text()} {_how(c)}{some.lstrip()}{off} {c.seed_text()}"
    panel = Panel(drawn.accuracy_against_score(shown, metric, name, c.short))
    data = c.data("zeroshot_best", shown)
    title = f"Accuracy against {name}"
    return Figure("zeroshot_best", title, [panel], caption, data, half=True)


def _how(c: Context) -> str:
    """What the networks looked like and saw, for captions; ends with a blank."""
    how = c.run.zeroshot.how
    if not how:
        return ""
    network = how["network"]
    cells = network.get("layers") or network["stacks"] * network["cells_per_stack"]
    starts = words.count(how["seeds"], "initialisation")
    return (
        f"Scores: {words.number(how['batch_size'])} images of {words.name(how['images'])}, networks of "
        f"{words.count(cells, 'cell')} and {network['stem_channels']} channels at first, {starts} each. "
    )
