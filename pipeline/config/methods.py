"""Whether methods fit the spaces that they are used on, and predictors the searches under them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pipeline.by_benchmark import on
from pipeline.errors import ConfigError
from pipeline.predictors import replicates
from pipeline.predictors.ranking import COMPARATOR
from pipeline.search.retraining import scores_at_once
from pipeline.spaces import base, load

if TYPE_CHECKING:
    from pipeline.config.model import Config


def check_methods(config: Config, readers: Iterable[tuple[str, str, dict]]) -> None:
    """Raise ValueError, with the key's path, if a method cannot work where it is used.

    readers: (benchmark, path, settings) of predictors and strategies, a strategy's predictor under
    "strategies.NAME.predictor".
    """
    for benchmark, path, settings in readers:
        if path.startswith("predictors.") or path.endswith(".predictor"):
            _fits_space(config, benchmark, path, settings)
        elif "predictor" in settings:
            predictor = on(config.predictors[settings["predictor"]], benchmark)
            if predictor.get("loss") == COMPARATOR and not scores_at_once(settings):
                raise ValueError(
                    f"{path}: it compares cells that {settings['predictor']} scores at different times, but "
                    f"with loss: {COMPARATOR} a score is a place among the cells scored together; take "
                    "another loss, or search by inner: sample"
                )


def _fits_space(config: Config, benchmark: str, path: str, settings: dict) -> None:
    """A plug-in may have `fits(settings, space)`, which raises ConfigError."""
    module, space = replicates.load(settings["method"]), config.benchmarks[benchmark].space
    if not hasattr(module, "fits"):
        return
    own = {key: value for key, value in settings.items() if key in module.Settings.model_fields}
    try:
        module.fits(module.Settings(**own), load(base(space)))
    except ConfigError as error:
        place = "" if path.startswith("predictors.") else " (its predictor)"
        raise ValueError(
            f"{path.removesuffix('.predictor')}{place}: on benchmarks.{benchmark}, of {space}: {error}"
        ) from error
