"""Sections on cells: the found ones drawn next to the benchmark's best, and a search for any."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline import spaces
from pipeline.report import results, words
from pipeline.report.blocks import Drawn, Gallery, Lookup, Section
from pipeline.report.cell_index import cell_index
from pipeline.report.cells import cell_svg
from pipeline.report.context import Context
from pipeline.spaces.archs import Archs

TOP = 4  # found cells drawn of each strategy, and of the benchmark's best
SPELLINGS = 10 * TOP  # looked through for isomorphic ones


def found_cells(c: Context) -> Section:
    """The top cells of each strategy, drawn, and those of the benchmark."""
    title = "Found cells"
    if not c.frames:
        return Section("cells", title, "No search was run, so there are no found cells.")
    ends = {key: frame.groupby("run")["best_val_acc"].last().mean() for key, frame in c.frames.items()}
    galleries = [gallery for gallery in [_best_of_all(c)] if gallery is not None]
    for key in sorted(c.frames, key=lambda key: -np.nan_to_num(ends[key])):
        runs = words.count(c.frames[key]["run"].nunique(), "run")
        tops, archs = results.top_cells(c.frames[key], SPELLINGS), c.run.searches[key].archs
        drawn = []
        for best, arch, others in _folded(tops, archs):
            early = best["trained"] <= c.shared
            place = f"found as {c.terms.place} {best['trained']}"
            origin = "among the first random cells" if early else place
            lines = [*_accuracies(c, best), f"{origin}, in {best['runs']} of {runs}", *_also(others)]
            drawn.append(Drawn(arch, cell_svg(arch), best["cell"], c.short(best["cell"]), lines))
        galleries.append(Gallery(key, words.name(key), c.styles[key].colour, drawn))
    test = "Test accuracy plays no part in the order: of" if c.judged_by_test else "Of"
    lead = (
        "The different cells with the best validation accuracy over all runs of each strategy. Of isomorphic "
        f"ones among the best {SPELLINGS} one is drawn. {test} equals, those that more runs found come first."
    )
    return Section("cells", title, lead, galleries)


def find(c: Context) -> Section | None:
    """A search for a cell by name, or by drawing it; None without any cell."""
    if c.run.labels is None and not c.frames:
        return None
    index = cell_index(c)
    n, of = len(index["names"]), index["of"]
    lead = "Every cell of the table and of the searches, with its accuracies and who asked for it."
    if n < of:
        lead = (
            f"The best cells of all {words.number(of)}, and every n-th of the others: {words.number(n)} in "
            "this page, with their accuracies and who asked for them."
        )
    drawn = "as it is drawn" if index["space"]["on"] == "edges" else "in whichever order its vertices are"
    caption = (
        "A name is what the benchmark calls a cell, its hash or string, or the short form that figures show. "
        f"A drawn cell is found {drawn}. {c.labels_text()} {c.seed_text()}"
    )
    return Section("find", "Find a cell", lead, [Lookup(index, c.short(index["names"][0]), caption)])


def _best_of_all(c: Context) -> Gallery | None:
    """The best cells of a benchmark that was read from a file; None where cells are trained here."""
    labels = c.run.labels
    if c.origin == "children" or labels is None:
        return None
    columns = {"queried": labels.frame[c.queried], "test": labels.frame["test_acc"]}
    frame = pd.DataFrame(
        {"cell": labels.frame["cell"], "val_acc": columns["queried"], "test_acc": columns["test"]}
    )
    frame["row"] = np.arange(len(frame))
    tops = (
        frame.dropna(subset="val_acc").sort_values("val_acc", ascending=False, kind="stable").head(SPELLINGS)
    )
    drawn = []
    for best, arch, others in _folded(tops, labels.archs):
        rank = int((columns["queried"] > best["val_acc"]).sum()) + 1
        lines = [
            *_accuracies(c, best),
            f"rank {words.number(rank)} of {words.number(len(frame))}",
            *_also(others),
        ]
        drawn.append(Drawn(arch, cell_svg(arch), best["cell"], c.short(best["cell"]), lines))
    return Gallery("best", f"Best of {words.name(labels.name)}", "", drawn)


def _folded(tops: pd.DataFrame, archs: Archs) -> list[tuple[dict, Archs, int]]:
    """Return the first `TOP` cells that are not isomorphic: (row of `tops`, cell, isomorphic ones beside it).

    tops: best first; its column row: of `archs`.
    """
    rows = archs[tops["row"].to_numpy(int)]
    keys = spaces.load(archs.space).canonical_key(rows)
    first: dict[int, list[int]] = {}
    for place, key in enumerate(keys.tolist()):
        first.setdefault(key, []).append(place)
    records = tops.to_dict("records")
    return [(records[p[0]], rows[p[0]], len(p) - 1) for p in list(first.values())[:TOP]]


def _accuracies(c: Context, row: dict) -> list[str]:
    lines = [f"{c.percent(row['val_acc'])} validation"]
    return [*lines, f"{c.percent(row['test_acc'])} test"] if c.judged_by_test else lines


def _also(others: int) -> list[str]:
    return [f"and {words.count(others, 'isomorphic spelling')}"] if others else []
