"""What all sections need to know of a run: how to name its labels, how many digits to show, which colours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from pipeline.report import words
from pipeline.report.blocks import Data, relative
from pipeline.report.data import Run
from pipeline.report.results import Answer, along, answer, shared_start, zero_shot_taus
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

    def data(self, key: str, frame: pd.DataFrame, table: str | None = None) -> Data:
        """Return the numbers of a block; `table` names the workflow's own CSV."""
        files = {Path(p).stem: Path(p) for p in self.run.sources.tables}
        return Data(key, frame, relative(files[table], self.out) if table in files else None)

    def percent(self, value) -> str:
        """Return a fraction as percent with the digits that the number of images allows."""
        return words.percent(value, self.digits)

    def points(self, value, sign: bool = True) -> str:
        """Return a difference of fractions in percentage points, without the unit."""
        return words.points(value, self.digits, sign)

    def mean_percent(self, mean, deviation) -> str:
        """Return `mean ± deviation %` of fractions."""
        return words.spread_percent(mean, deviation, self.digits)

    @cached_property
    def zero_shot_taus(self) -> pd.DataFrame | None:
        """`results.zero_shot_taus` of the run; None without zero-shot scores or labels."""
        if self.run.zeroshot is None or self.run.labels is None:
            return None
        return zero_shot_taus(self.run.zeroshot, self.run.labels, self.run.seed)

    @property
    def images(self) -> str:
        """Name of the image set that labels come from."""
        return self.run.images.name if self.run.images else self._label_parts()[0]

    @property
    def space(self) -> str:
        """Name of the search space, for people."""
        return words.name(self.run.labels.space) if self.run.labels else "the search space"

    def labels_text(self) -> str:
        """What a label is, for captions."""
        if self.run.labels is None:
            return "Labels: validation accuracy."
        images, epochs = self._label_parts()
        trials = self.run.labels.trials
        how = "one training a cell" if trials == 1 else f"mean of {trials} trainings a cell"
        after = f" after {epochs} epochs" if epochs else ""
        return f"Labels: validation accuracy on {images}{after}, {how}."

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
    predictors = list(dict.fromkeys(run.predictions.frame["predictor"])) if run.predictions else []
    return Context(
        run=run,
        out=out,
        frames=frames,
        answer=answer(run, frames),
        shared=shared_start(frames),
        digits=2 if smallest >= 2000 or not run.images else 1,
        styles=styles(run.autoencoders) | styles(predictors) | styles(frames),  # no figure mixes them
    )
