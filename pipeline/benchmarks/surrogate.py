"""A surrogate: boosted trees that say what accuracy a benchmark would give any cell of its space.

Like NAS-Bench-301's (Zela, Siems et al. 2022), trained on cells that were trained, but kept in XGBoost's
own format (UBJSON), which later versions of XGBoost read, and not as a pickle. The raw prediction is the
accuracy in percent. The attribute `nasflow` of the model says in JSON what it is, and `nasflow_sha256` is
the checksum of the file with this attribute's digits set to 0, so the file alone suffices.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import spaces
from pipeline.benchmarks.boosting import fit_booster, predict
from pipeline.benchmarks.surrogate_settings import SurrogateSettings
from pipeline.benchmarks.ubjson import check_nesting
from pipeline.encodings import flat
from pipeline.errors import ArtifactError, UserError
from pipeline.evaluation.measures import kendall_tau, mse, spearman
from pipeline.randomness import derive, rng
from pipeline.settings import canonical_json
from pipeline.spaces.archs import Archs

if TYPE_CHECKING:
    import pandas
    import xgboost

FORMAT = 1
AT_ONCE = 100_000  # cells whose features are held at a time
_NO_SUM = "0" * 64
_SUM = re.compile(rb"(nasflow_sha256.{1,12}?)([0-9a-f]{64})", re.DOTALL)


@dataclass(frozen=True)
class Surrogate:
    """A trained surrogate. about: format, space, metric, features (version), n_cells, settings, seed."""

    booster: xgboost.Booster
    about: dict[str, Any]

    @property
    def space(self) -> str:
        """Name of the space whose cells it knows."""
        return self.about["space"]

    @property
    def metric(self) -> str:
        """Full name of the metric that it predicts."""
        return self.about["metric"]

    def predict(self, archs: Archs, threads: int = 1) -> np.ndarray:
        """Return the predicted accuracy of each cell as a fraction, float64 (N,).

        Raises UserError for cells of another space.
        """
        if archs.space != self.space:
            raise UserError(f"surrogate of {self.metric}: it knows cells of {self.space}, not {archs.space}")
        parts = [
            predict(self.booster, flat.flat_features(archs[start : start + AT_ONCE]), threads)
            for start in range(0, len(archs), AT_ONCE)
        ]
        return np.clip(np.concatenate([np.zeros(0), *parts]) / 100, 0.0, 1.0)

    def save(self, path) -> None:
        """Write the model in XGBoost's UBJSON; `xgboost.Booster(model_file=...)` reads it, too."""
        model = self.booster.copy()
        model.set_attr(nasflow=canonical_json(self.about), nasflow_sha256=_NO_SUM)
        content = bytes(model.save_raw("ubj"))
        digest = hashlib.sha256(content).hexdigest().encode()
        Path(path).write_bytes(_SUM.sub(rb"\g<1>" + digest, content, count=1))


def load_surrogate(path) -> Surrogate:
    """Return the surrogate at `path`.

    Raises ArtifactError if the file is missing, damaged, not written by nasflow, or was trained on other
    features than this version computes.
    """
    import xgboost

    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ArtifactError(
            f"{path}: cannot be read ({error.strerror}); run the stage that makes it"
        ) from error
    again = f"delete it and run the workflow again (rm {path})"
    stated = _SUM.search(content)
    if stated is None:
        raise ArtifactError(f"{path}: no surrogate that nasflow wrote, or cut short; {again}")
    if hashlib.sha256(_SUM.sub(rb"\g<1>" + _NO_SUM.encode(), content, count=1)).hexdigest() != (
        stated[2].decode()
    ):
        raise ArtifactError(f"{path}: its checksum fails (the file is damaged); {again}")
    try:
        check_nesting(content)
        booster = xgboost.Booster(params={"nthread": 1, "verbosity": 0}, model_file=bytearray(content))
        about = json.loads(booster.attr("nasflow") or "{}")
    except (xgboost.core.XGBoostError, ValueError, RecursionError, MemoryError) as error:
        said = (str(error) or type(error).__name__).strip().splitlines()[-1][:200]
        raise ArtifactError(
            f"{path}: XGBoost {xgboost.__version__} cannot read it ({said}); {again}"
        ) from error
    about = about if isinstance(about, dict) else {}
    found, wanted = (about.get("format"), about.get("features")), (FORMAT, flat.VERSION)
    if found != wanted:
        raise ArtifactError(f"{path}: format and features of version {found}, expected {wanted}; {again}")
    return Surrogate(booster, about)


def fit_surrogate(
    archs: Archs, values, settings: SurrogateSettings, seed: int, threads: int = 1, metric: str = ""
) -> Surrogate:
    """Train a surrogate on cells with accuracies `values`, fractions (N,).

    metric: full name of what they are. The model is the same for any number of threads. Raises UserError if
    a value is NaN or if all are equal.
    """
    values = _checked(archs, values)
    booster = fit_booster(flat.flat_features(archs), values * 100, settings, seed, threads)
    about = {
        "format": FORMAT,
        "space": archs.space,
        "metric": metric,
        "features": flat.VERSION,
        "n_cells": len(archs),
        "unit": "percent",
        "settings": settings.model_dump(mode="json"),
        "seed": seed,
    }
    return Surrogate(booster, about)


def cross_validate(
    archs: Archs, values, settings: SurrogateSettings, k: int, seed: int, threads: int = 1
) -> pandas.DataFrame:
    """Return how well surrogates predict cells that they were not trained on: one row for each of k folds.

    Isomorphic cells are in the same fold. Columns: fold, n (cells held out), kendall_tau, spearman, r2, mse
    (of fractions). Raises UserError if there are fewer than 2k different cells, a value is NaN, or all are
    equal.
    """
    import pandas

    values = _checked(archs, values)
    _, group = np.unique(spaces.load(archs.space).canonical_key(archs), return_inverse=True)
    n_groups = int(group.max()) + 1
    if n_groups < 2 * k:
        raise UserError(f"surrogate: {n_groups} different cells; {k} folds need at least {2 * k}")
    fold_of = (rng(seed, "folds").permutation(n_groups) % k)[group]
    features, rows = flat.flat_features(archs), []
    for fold in range(k):
        held = fold_of == fold
        booster = fit_booster(
            features[~held], values[~held] * 100, settings, derive(seed, "fold", fold), threads
        )
        truth, guess = values[held], predict(booster, features[held], threads) / 100
        error, spread = mse(truth, guess), float(np.var(truth))
        rows.append(
            {
                "fold": fold,
                "n": int(held.sum()),
                "kendall_tau": kendall_tau(truth, guess),
                "spearman": spearman(truth, guess),
                "r2": 1 - error / spread if spread > 0 else float("nan"),
                "mse": error,
            }
        )
    return pandas.DataFrame(rows)


def _checked(archs: Archs, values) -> np.ndarray:
    values = np.asarray(values, np.float64)
    if values.shape != (len(archs),):
        raise ValueError(f"values of shape {values.shape} for {len(archs)} cells")
    if np.isnan(values).any():
        raise UserError(f"surrogate: {int(np.isnan(values).sum())} labels are NaN; drop these cells")
    if len(np.unique(values)) < 2:
        raise UserError(f"surrogate: {len(values)} labels, all equal; at least two different ones are needed")
    return values
