"""Predictors by name, and the order in which they put cells."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pipeline.benchmarks.tables import BenchmarkTable
from pipeline.errors import UserError
from pipeline.library.cells import all_cells
from pipeline.library.checked import device_of, plugged_in
from pipeline.predictors.replicates import load
from pipeline.predictors.resources import Resources
from pipeline.spaces.archs import Archs


def make_predictor(
    method: str,
    *,
    seed: int = 0,
    device: str = "cpu",
    threads: int = 1,
    latents_files: Mapping[str, Path | str] | None = None,
    zeroshot_file: Path | str | None = None,
    **settings,
):
    """Return an untrained predictor with `fit(archs, scores)` and `predict(archs)`, as in scikit-learn.

    method: a plug-in of `pipeline.predictors`, such as "gates", "xgboost", "preference_gp". settings: its
    own, as in a configuration. archs: `Archs` of N cells; scores: accuracies, float (N,); predictions are
    float32 (N,), higher is better. latents_files: autoencoder artifacts by name, and zeroshot_file: an
    artifact of zero-shot scores, for predictors that read them. The same seed gives the same predictor.

    Raises ConfigError for an unknown method or setting, UserError for a device that is not there.
    """
    own = plugged_in("predictors", f"make_predictor {method}", method=method, **settings)
    own.pop("method")
    latents = {name: Path(file) for name, file in (latents_files or {}).items()}
    zeroshot = Path(zeroshot_file) if zeroshot_file is not None else None
    plug_in = load(method)
    where = device_of(device, threads)
    return plug_in.Predictor(plug_in.Settings(**own), Resources(latents, zeroshot, threads), seed, where)


def rank_cells(predictor, cells: Archs | BenchmarkTable | str, *, top: int | None = None):
    """Return cells in the order of a trained predictor, the best first, as a DataFrame.

    cells: cells, a benchmark table, or the name of a space for all of its cells. top: so many rows at most.
    Columns: rank (1 = best), cell, score; of a table also val_acc and test_acc (means over trials, NaN where
    unknown) and role. Raises UserError if a score is no finite number.
    """
    import pandas as pd

    from pipeline import spaces
    from pipeline.predictors.rank import ranked

    table = cells if isinstance(cells, BenchmarkTable) else None
    archs = table.archs if table is not None else all_cells(cells) if isinstance(cells, str) else cells
    scores = predictor.predict(archs)
    if not np.isfinite(scores).all():
        raise UserError("rank_cells: the predictor gives scores that are not finite numbers; lower its lr")
    order = np.argsort(-scores, kind="stable")[:top]
    space, best = spaces.load(archs.space), archs[order]
    if table is not None:
        nothing = np.array([], dtype=np.int64)
        found = ranked(table, best, space.cell_key(best), scores[order], nothing)
        return found.drop(columns="trained_on")
    names, places = space.cell_ids(best), np.arange(1, len(best) + 1)
    return pd.DataFrame({"rank": places, "cell": names, "score": scores[order]})
