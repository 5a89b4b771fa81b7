"""Zero-shot scores of cells: what networks tell before any of them is trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.library.checked import settings_of
from pipeline.spaces.archs import Archs


def zero_shot_scores(
    cells: Archs,
    metrics: Sequence[str] | str = ("synflow", "params"),
    *,
    images: Path | str = "digits",
    seed: int = 1,
    device: str = "cpu",
    threads: int = 1,
    **settings,
):
    """Return scores of untrained networks as a DataFrame: cell, a float column a metric, reason.

    metrics: some of docs/explanation/zeroshot.md, or "all". images: an image set of the workflow (.h5), or
    "digits" for scikit-learn's. settings: batch_size, seeds and network ({stem_channels, stacks,
    cells_per_stack}), as in a configuration. A score that cannot be computed is NaN, and `reason` says why.

    Raises ConfigError for an unknown metric or setting, ArtifactError for a damaged image set.
    """
    import pandas as pd

    from pipeline.images.sets import load_images
    from pipeline.job import Job
    from pipeline.zeroshot.scores import score_cells
    from pipeline.zeroshot.settings import ScoreSettings

    named = "all" if metrics == "all" else [metrics] if isinstance(metrics, str) else list(metrics)
    asked = settings_of(ScoreSettings, "zero_shot_scores", metrics=named, **settings)
    shown = _digits(seed) if images == "digits" else load_images(images)
    where = Job("library", {}, device=device, threads=threads).torch_device()
    found = score_cells(cells, shown, asked, seed, where)
    return pd.DataFrame({"cell": found.cells, **found.arch, "reason": found.reason})


def _digits(seed: int):
    from pipeline.images.command import read_images

    return read_images("digits", None, {"source": "digits"}, seed)[0]
