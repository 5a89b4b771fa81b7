"""Sections on what it cost and how it was made."""

from __future__ import annotations

import pandas as pd
import yaml

from pipeline.report import figures_results as figures
from pipeline.report import words
from pipeline.report.blocks import Cell, Facts, Figure, Fold, Head, Panel, Section, Table
from pipeline.report.context import Context
from pipeline.report.record import time_by_stage, versions


def cost(c: Context) -> Section:
    """Time by stage."""
    title = "Time"
    times = time_by_stage(c.run.made)
    if times.empty:
        return Section("time", title, "No times were recorded.")
    total = times["seconds"].sum(min_count=1)
    untimed = [words.STAGES.get(s, s) for s in times.loc[times["timed"] == 0, "stage"]]
    lead = f"{words.duration(total)} of computing in all; jobs that ran side by side are added up."
    if untimed:
        lead += f" Not recorded: {words.listed(untimed)}."
    caption = (
        "Wall time of the jobs that made the artifacts behind this page, as recorded beside each artifact."
    )
    figure = Figure(
        "time_by_stage", "By stage", [Panel(figures.time_bars(times))], caption, c.data("time", times)
    )
    return Section("time", title, lead, (figure,))


def made_how(c: Context) -> Section:
    """Configuration, seeds, versions and the record of every artifact."""
    made = c.run.made
    seeds = sorted({m.seed for m in made if m.seed is not None} | {c.run.seed})
    found = versions(made)
    facts = [("Seed", ", ".join(map(str, seeds)))]
    facts += [(package, " and ".join(numbers)) for package, numbers in found.items() if numbers != ["absent"]]
    mixed = [p for p, numbers in found.items() if len(numbers) > 1]
    lead = "The same configuration, code and versions give the same numbers on a CPU."
    if mixed:
        lead += f" Artifacts were made with different versions of {words.listed(mixed)}."
    head = [
        Head("artifact", False),
        Head("stage", False),
        Head("seed"),
        Head("code", False),
        Head("time"),
        Head("device", False),
    ]
    rows = [
        [
            Cell(m.path),
            Cell(words.STAGES.get(m.stage, m.stage)),
            Cell("–" if m.seed is None else str(m.seed), m.seed),
            Cell(m.code or "–"),
            Cell(words.duration(m.seconds), m.seconds),
            Cell(m.device or "–"),
        ]
        for m in made
    ]
    frame = pd.DataFrame([(m.path, m.stage, m.seed, m.code, m.seconds) for m in made])
    frame.columns = ["artifact", "stage", "seed", "code", "seconds"] if len(made) else []
    caption = "code: digest of the code that the stage runs."
    table = Table("artifacts", "", head, rows, caption, c.data("artifacts", frame))
    text = yaml.safe_dump(c.run.config, sort_keys=False, allow_unicode=True) if c.run.config else "not given"
    folds = [Fold("Configuration, with every default", text)]
    if made:
        folds.append(Fold(f"Artifacts behind this page ({len(made)})", table=table))
    return Section("made", "How it was made", lead, (Facts(facts), *folds))
