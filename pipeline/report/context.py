"""What all sections need to know of a run: how to name its labels, how many digits to show, which colours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from pipeline import spaces
from pipeline.report import words
from pipeline.report.answer import Answer, answer
from pipeline.report.blocks import Data, relative
from pipeline.report.data import Run
from pipeline.report.results import along, shared_start, zero_shot_taus
from pipeline.report.terms import TERMS, Terms
from pipeline.report.theme import Style, styles


@dataclass(frozen=True)
class Context:
    """The run, and what follows from it for the page at `out`.

    frames: `along` of each strategy. shared: first cells that all strategies have in common.
    digits: decimals of a percentage. styles: of every predictor, strategy and autoencoder.
    """

    run: Run
    out: Path
    frames: Mapping[str, pd.DataFrame]
    answer: Answer | None
    shared: int
    digits: int
    styles: Mapping[str, Style]

    def data(self, key: str, frame: pd.DataFrame, table: str | Path | None = None) -> Data:
        """Return the numbers of a block. table: name of the workflow's own CSV, or a file to link to."""
        files = {Path(p).stem: Path(p) for p in self.run.sources.tables}
        file = table if isinstance(table, Path) else files.get(table)
        return Data(key, frame, relative(file, self.out) if file else None)

    def percent(self, value) -> str:
        """Return a fraction as percent with the digits that the number of images allows."""
        return words.percent(value, self.digits)

    def points(self, value, sign: bool = True) -> str:
        """Return a difference of fractions in percentage points, without the unit."""
        return words.points(value, self.digits, sign)

    def mean_percent(self, mean, deviation) -> str:
        """Return `mean ± deviation %` of fractions."""
        return words.spread_percent(mean, deviation, self.digits)

    def short(self, cell: str) -> str:
        """Return a cell's name for tight places, as its space spells it."""
        archs = [self.run.labels.archs] if self.run.labels else [s.archs for s in self.run.searches.values()]
        return spaces.load(archs[0].space).short(cell) if archs else str(cell)[:8]

    @cached_property
    def origin(self) -> str:
        """Where a search's accuracies come from: networks trained here ("children"), "table", "surrogate"."""
        sources = {source for frame in self.frames.values() for source in set(frame["source"])}
        if self.run.surrogates or "surrogate" in sources:
            return "surrogate"
        return "table" if self.run.labels is not None and self.run.labels.source else "children"

    @property
    def terms(self) -> Terms:
        """Words for what a search spends."""
        return TERMS[self.origin]

    @cached_property
    def has_test(self) -> bool:
        """Whether there is any test accuracy."""
        if self.run.labels is not None:
            return self.run.labels.test_metric is not None
        return not self.frames or any(frame["test_acc"].notna().any() for frame in self.frames.values())

    @property
    def queried(self) -> str:
        """Which accuracy of the benchmark's table the searches queried: "val_acc" or "test_acc"."""
        return next((s.queried for s in self.run.searches.values()), "val_acc")

    @property
    def judged_by_test(self) -> bool:
        """Whether found cells are judged by a test accuracy that no search has seen."""
        return self.has_test and self.queried == "val_acc"

    @property
    def names_test(self) -> bool:
        """Whether what the searches queried is a test accuracy by its full name."""
        return any("/test_acc@" in search.metric for search in self.run.searches.values())

    def within_reach(self) -> str:
        """The cells that a search may ask for, in words: all of the space, or those of a table."""
        labels = self.run.labels
        if self.origin != "table" or labels.coverage == 1:
            size = words.large(labels.space_size)
            return f"{'' if size.startswith('about') else 'the '}{size} cells of {self.space}"
        n, share = words.number(len(labels.frame)), words.percent(labels.coverage, 1)
        return f"the {n} cells of {self.space} in this table ({share} of the space)"

    @cached_property
    def zero_shot_taus(self) -> pd.DataFrame | None:
        """`results.zero_shot_taus` of the run; None without zero-shot scores or labels."""
        if self.run.zeroshot is None or self.run.labels is None:
            return None
        return zero_shot_taus(self.run.zeroshot, self.run.labels, self.run.seed)

    @property
    def images(self) -> str:
        """Name of the image set that labels come from."""
        return self.run.images.name if self.run.images else words.name(self._label_parts()[0])

    @property
    def space(self) -> str:
        """Name of the search space, for people."""
        return words.name(self.run.labels.space) if self.run.labels else "the search space"

    def labels_text(self) -> str:
        """What a label is, for captions."""
        labels = self.run.labels
        if labels is None:
            return "Labels: validation accuracy."
        images, epochs = self._label_parts()
        several = f"mean of {'up to ' if labels.source else ''}{labels.trials} trainings a cell"
        how = several if labels.trials > 1 else "" if labels.source else "one training a cell"
        file = f"from {labels.source['file']}" if labels.source.get("file") else ""
        after = f" after {epochs} epochs" if epochs else ""
        what = f"validation accuracy on {words.name(images)}{after}"
        return f"Labels: {', '.join(part for part in (what, how, file) if part)}."

    def learned_text(self) -> str:
        """What predictors learn and are tested on, for captions: test accuracy where that is configured."""
        text = self.labels_text()
        if self.run.settings.get("evaluation", {}).get("labels") == "test":
            return text.replace("validation accuracy", "test accuracy")
        return text

    def answers_text(self) -> str:
        """What the accuracies of a search are, for captions."""
        if self.origin != "surrogate":
            return self.labels_text()
        return "Accuracies: predicted by a surrogate, not trained."

    def seed_text(self) -> str:
        """The seed, for captions."""
        return f"Seed {self.run.seed}."

    def _label_parts(self) -> tuple[str, str]:
        """(image set, epochs) of a metric's full name such as `digits/val_acc@12`."""
        metric = self.run.labels.val_metric if self.run.labels else ""
        images, _, rest = metric.rpartition("/")
        return images or "the images", rest.partition("@")[2]


def context_of(run: Run, out: Path) -> Context:
    """Return the context of a run."""
    frames = {name: along(search) for name, search in run.searches.items()}
    smallest = min((run.images.counts[part] for part in ("valid", "test")), default=0) if run.images else 0
    tested = run.predictions.frame["predictor"] if run.predictions else []
    # all that are configured, so that they look alike on the pages of all benchmarks
    predictors = {*run.config.get("predictors", {}), *tested}
    strategies = {*run.config.get("strategies", {}), *frames}
    if predictors & strategies:  # what has one name has one look, which none beside it may have
        looks = styles(predictors | strategies)
    else:  # no figure mixes them
        looks = styles(predictors) | styles(strategies)
    return Context(
        run=run,
        out=out,
        frames=frames,
        answer=answer(run, frames),
        shared=shared_start(frames),
        digits=2 if smallest >= 2000 or not run.images else 1,
        styles=styles(run.autoencoders) | looks,
    )
