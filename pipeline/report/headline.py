"""The first screen: what was asked, the answer, what it cost against random search, how sure it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.report import words
from pipeline.report.cells import cell_svg
from pipeline.report.context import Context
from pipeline.report.results import Comparison

MIN_RUNS = 3  # with fewer, an interval over runs says nothing


@dataclass(frozen=True)
class Headline:
    """question: what was asked. answer: a sentence, or why there is none. tiles: (label, value, note).

    verdict: `better`, `unclear`, `worse` or `none`, and `sure` says it in words. comparison: rows of
    (measure, ours, random search's, difference, interval).
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


def headline(c: Context) -> Headline:
    """Return the first screen of a run; without a search it says so."""
    question = _question(c)
    a = c.answer
    if a is None:
        return Headline(
            question, "This run has no search, so there is no found cell; the sections below show the rest."
        )
    who = words.name(a.strategy)
    answer = (
        f"{words.sentence(who)}{_guide(c)} found a cell with {c.percent(a.best['val_acc'])} validation and "
        f"{c.percent(a.best['test_acc'])} test accuracy."
    )
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
    )


def _question(c: Context) -> str:
    labels, images = c.run.labels, c.run.images
    if labels is None:
        return "What came out of this run?"
    size = f"the {words.number(labels.space_size)} cells of {c.space}"
    if c.answer is None:
        return f"How well can the accuracy of {size} be predicted?"
    task = f"classifies {c.images} best"
    if images is not None:
        channels, height, width = images.shape
        task += (
            f" ({len(images.classes)} classes, {height}×{width} pixels, "
            f"{words.number(images.counts['train'])} images to train on)"
        )
    return f"Which of {size} {task}, if a search may train {words.count(c.answer.cost, 'network')}?"


def _guide(c: Context) -> str:
    predictor = c.run.config.get("strategies", {}).get(c.answer.strategy, {}).get("predictor")
    return f", guided by {words.name(predictor)}," if predictor else ""


def _tiles(c: Context) -> list[tuple[str, str, str]]:
    a, best = c.answer, c.answer.best
    rank = ""
    if not np.isnan(a.beaten):
        n = int((c.run.labels.frame["role"] == "labelled").sum())
        rank = f"better than {words.percent(a.beaten, 0)} of {n} random cells"
        rank = f"equal to the best of {n} random cells" if 0 < 1 - a.beaten < 1.5 / n else rank
        rank = f"better than all {n} random cells" if a.beaten == 1 else rank
    again = f"found in {best['runs']} of {words.count(a.runs, 'run')}" if a.runs > 1 else "one run"
    tiles = [
        ("validation accuracy", c.percent(best["val_acc"]), rank),
        ("test accuracy", c.percent(best["test_acc"]), "read once, after the choice"),
        ("trained networks", words.number(a.cost), f"by each run; this cell as number {a.found_at}, {again}"),
    ]
    if a.test is not None:
        value = f"{c.points(a.test.difference)}{words.POINT}points"
        tiles.append(("against random search", value, "of test accuracy, mean over runs, at the same cost"))
    return tiles


def _comparison(c: Context) -> list[tuple[str, str, str, str, str]]:
    a = c.answer
    if a.val is None:
        return []
    rows = []
    for label, measure in (
        ("validation accuracy, mean over runs", a.val),
        ("test accuracy, mean over runs", a.test),
    ):
        ours, theirs = (c.mean_percent(np.mean(x), _deviation(x)) for x in (measure.ours, measure.theirs))
        rows.append((label, ours, theirs, c.points(measure.difference), _interval(c, measure)))
    tops = [int(np.argmax(x)) for x in (a.val.ours, a.val.theirs)]
    for label, measure in (("validation accuracy, best run", a.val), ("its test accuracy", a.test)):
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
    if a.baseline is None:
        return "none", [
            "Random search was not run, so nothing says what the same number of networks finds by chance."
        ]
    pairs = ", which start from the same cells" if a.val.paired else ""
    if a.runs < MIN_RUNS or np.isnan(a.test.low):
        return "unclear", [
            f"{words.count(a.runs, 'run')} of each strategy {'is' if a.runs == 1 else 'are'} too few to tell "
            "merit "
            f"from chance: {c.points(a.test.difference)} points of test accuracy against random search."
        ]
    test = (
        f"{c.points(a.test.difference)} points of test accuracy on average "
        f"(95{words.POINT}% interval {_interval(c, a.test)}; {words.count(a.runs, 'run')} of each{pairs})"
    )
    image = [] if c.run.images is None else [_one_image(c)]
    if a.test.low > 0:
        return "better", [f"Better than random search at the same cost: {test}.", *image]
    if a.test.high < 0:
        return "worse", [f"Worse than random search at the same cost: {test}.", *image]
    if a.val.low > 0:
        return "unclear", [
            f"It finds higher validation accuracy than random search at the same cost "
            f"({c.points(a.val.difference)} points, 95{words.POINT}% interval {_interval(c, a.val)}), "
            f"but on test images the difference could be chance: {test}.",
            *image,
        ]
    return "unclear", [
        f"Not shown to be better than random search at the same cost: {test}. The interval includes zero.",
        *image,
    ]


def _one_image(c: Context) -> str:
    n = c.run.images.counts["test"]
    return f"For scale: one of the {words.number(n)} test images is {words.number(100 / n, 2)} points."
