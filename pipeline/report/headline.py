"""The first screen: what was asked, the answer, what it cost against random search, how sure it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline import spaces
from pipeline.report import words
from pipeline.report.answer import Comparison, standing
from pipeline.report.cells import cell_svg
from pipeline.report.context import Context

MIN_RUNS = 3  # with fewer, an interval over runs says nothing


@dataclass(frozen=True)
class Headline:
    """question: what was asked. answer: a sentence, or why there is none. tiles: (label, value, note).

    verdict: `better`, `unclear`, `worse` or `none`, and `sure` says it in words. comparison: rows of
    (measure, ours, random search's, difference, interval). tall: the picture is of two cells, one above the
    other.
    """

    question: str
    answer: str
    verdict: str = "none"
    sure: Sequence[str] = ()
    tiles: Sequence[tuple[str, str, str]] = ()
    comparison: Sequence[tuple[str, str, str, str, str]] = ()
    heads: Sequence[str] = ()
    svg: str = ""
    cell: str = ""
    tall: bool = False


def headline(c: Context) -> Headline:
    """Return the first screen of a run; without a search it says so."""
    question = _question(c)
    a = c.answer
    if a is None:
        return Headline(
            question, "This run has no search, so there is no found cell; the sections below show the rest."
        )
    who = words.name(a.strategy)
    values = f"{c.percent(a.best['val_acc'])} validation accuracy"
    if c.judged_by_test:
        values = (
            f"{c.percent(a.best['val_acc'])} validation and {c.percent(a.best['test_acc'])} test accuracy"
        )
    guess = "a predicted " if c.origin == "surrogate" else ""
    answer = f"{words.sentence(who)}{_guide(c)} found a cell with {guess}{values}."
    archs = c.run.searches[a.strategy].archs[int(a.best["row"])]
    verdict, sure = _verdict(c)
    return Headline(
        question=question,
        answer=answer,
        verdict=verdict,
        sure=sure,
        tiles=_tiles(c),
        comparison=_comparison(c),
        heads=("", who, words.name(a.baseline), "difference", f"95{words.POINT}% interval")
        if a.baseline
        else (),
        svg=cell_svg(archs),
        cell=str(a.best["cell"]),
        tall=spaces.load(archs.space).OPERATIONS_ON == "edges" and spaces.load(archs.space).N_CELLS > 1,
    )


def _question(c: Context) -> str:
    labels, images = c.run.labels, c.run.images
    if labels is None:
        return "What came out of this run?"
    if c.answer is None:
        return f"How well can the accuracy of {c.within_reach()} be predicted?"
    cost = c.answer.cost
    if c.origin == "table":
        may = f"if a search may query {words.number(cost)} of them"
        return f"Which of {c.within_reach()} is best on {c.images}, {may}?"
    if c.origin == "surrogate":
        return (
            f"Which of {c.within_reach()} does a surrogate of {words.name(labels.name)} rate best on "
            f"{c.images}, if a search may query {words.number(cost)} of them?"
        )
    task = f"classifies {c.images} best"
    if images is not None:
        channels, height, width = images.shape
        task += (
            f" ({len(images.classes)} classes, {height}×{width} pixels, "
            f"{words.number(images.counts['train'])} images to train on)"
        )
    return f"Which of {c.within_reach()} {task}, if a search may train {words.count(cost, 'network')}?"


def _guide(c: Context) -> str:
    predictor = c.run.settings.get("strategies", {}).get(c.answer.strategy, {}).get("predictor")
    return f", guided by {words.name(predictor)}," if predictor else ""


def _tiles(c: Context) -> list[tuple[str, str, str]]:
    a, best = c.answer, c.answer.best
    again = f"found in {best['runs']} of {words.count(a.runs, 'run')}" if a.runs > 1 else "one run"
    tiles = [("validation accuracy", c.percent(best["val_acc"]), _rank(c, "val_acc"))]
    if c.judged_by_test:
        tiles.append(("test accuracy", c.percent(best["test_acc"]), _rank(c, "test_acc")))
    early = a.found_at <= c.shared
    place = "was among the first random ones" if early else f"as number {a.found_at}"
    note = f"by each run; this cell {place}, {again}"
    tiles.append((c.terms.spent, words.number(a.cost), note))
    if not np.isnan(a.seconds):
        note = "of the cells that one run queries, as the benchmark recorded it"
        tiles.append(("training time", words.hours(a.seconds), note))
    if a.judged is not None:
        value = f"{c.points(a.judged.difference)}{words.POINT}points"
        note = f"of {_judged_by(c)}, mean over runs, at the same cost"
        tiles.append(("against random search", value, note))
    return tiles


def _rank(c: Context, measure: str) -> str:
    """Where the found cell stands: in the table, or among the random cells that were trained."""
    a, labels = c.answer, c.run.labels
    found = a.best[measure]
    if c.origin != "children" and labels is not None:
        place = standing(labels.frame[c.queried if measure == "val_acc" else measure], found)
        if c.origin == "surrogate":
            best = f"the best of the {words.number(place.n)} cells of the table has {c.percent(place.best)}"
            return f"predicted; {best}"
        if place.rank == 1:
            return f"the best of all {words.number(place.n)} cells of the table"
        return (
            f"rank {words.number(place.rank)} of {words.number(place.n)} cells of the table, "
            f"{c.points(place.regret, sign=False)} points below the best"
        )
    if measure == "test_acc":
        return "read once, after the choice"
    if np.isnan(a.beaten):
        return ""
    n = labels.count("labelled")
    if a.beaten == 1:
        return f"better than all {n} random cells"
    if 0 < 1 - a.beaten < 1.5 / n:
        return f"equal to the best of {n} random cells"
    return f"better than {words.percent(a.beaten, 0)} of {n} random cells"


def _judged_by(c: Context) -> str:
    return "test accuracy" if c.judged_by_test else "validation accuracy"


def _comparison(c: Context) -> list[tuple[str, str, str, str, str]]:
    a = c.answer
    if a.val is None:
        return []
    rows = []
    for label, measure in (
        ("validation accuracy, mean over runs", a.val),
        ("test accuracy, mean over runs", a.test),
    ):
        if measure is not None:
            ours, theirs = (c.mean_percent(np.mean(x), _deviation(x)) for x in (measure.ours, measure.theirs))
            rows.append((label, ours, theirs, c.points(measure.difference), _interval(c, measure)))
    tops = [int(np.argmax(x)) for x in (a.val.ours, a.val.theirs)]
    for label, measure in (("validation accuracy, best run", a.val), ("its test accuracy", a.test)):
        if measure is not None:
            ours, theirs = measure.ours[tops[0]], measure.theirs[tops[1]]
            rows.append((label, c.percent(ours), c.percent(theirs), c.points(ours - theirs), ""))
    return rows


def _deviation(values: np.ndarray) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else np.nan


def _interval(c: Context, measure: Comparison) -> str:
    if np.isnan(measure.low):
        return "–"
    return f"{c.points(measure.low)} to {c.points(measure.high)}"


def _verdict(c: Context) -> tuple[str, list[str]]:
    """Say honestly whether the guided search beat random search: (kind, sentences)."""
    a = c.answer
    if a.judged is None:
        what = c.terms.counted
        return "none", [
            f"Random search was not run, so nothing says what the same number of {what} finds by chance."
        ]
    pairs = ", which start from the same cells" if a.val.paired else ""
    judged, by = a.judged, _judged_by(c)
    notes = _notes(c)
    if a.runs < MIN_RUNS or np.isnan(judged.low):
        return "unclear", [
            f"{words.count(a.runs, 'run')} of each strategy {'is' if a.runs == 1 else 'are'} too few to tell "
            "merit "
            f"from chance: {c.points(judged.difference)} points of {by} against random search.",
            *(notes if c.origin != "children" else []),
        ]
    test = (
        f"{c.points(judged.difference)} points of {by} on average "
        f"(95{words.POINT}% interval {_interval(c, judged)}; {words.count(a.runs, 'run')} of each{pairs})"
    )
    if judged.low > 0:
        return "better", [f"Better than random search at the same cost: {test}.", *notes]
    if judged.high < 0:
        return "worse", [f"Worse than random search at the same cost: {test}.", *notes]
    if c.judged_by_test and a.val.low > 0:
        return "unclear", [
            f"It finds higher validation accuracy than random search at the same cost "
            f"({c.points(a.val.difference)} points, 95{words.POINT}% interval {_interval(c, a.val)}), "
            f"but {'on test images' if c.origin == 'children' else 'in test accuracy'} "
            f"the difference could be chance: {test}.",
            *notes,
        ]
    return "unclear", [
        f"Not shown to be better than random search at the same cost: {test}. The interval includes zero.",
        *notes,
    ]


def _notes(c: Context) -> list[str]:
    """What else a reader must know of the accuracies that the verdict goes by."""
    notes = [] if c.run.images is None else [_one_image(c)]
    if c.origin == "surrogate":
        folds = c.run.surrogates.get("val_acc")
        tau = (
            f" (Kendall’s tau {words.number(folds['kendall_tau'].mean(), 2)} in cross-validation)"
            if folds is not None
            else ""
        )
        notes.append(f"All accuracies of searched cells are predicted by a surrogate, not trained{tau}.")
    if not c.judged_by_test:
        notes.append(
            "Test accuracy was queried: it chooses a cell and judges it, too, which flatters every strategy."
            if c.names_test
            else "This table has no test accuracy: the validation accuracy that chose a cell also judges it, "
            "which flatters every strategy."
        )
    return notes


def _one_image(c: Context) -> str:
    n = c.run.images.counts["test"]
    return f"For scale: one of the {words.number(n)} test images is {words.number(100 / n, 2)} points."
