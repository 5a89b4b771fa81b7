"""Gradient-boosted regression trees, the same on every machine and for every number of threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.benchmarks.surrogate_settings import BoostingSettings

if TYPE_CHECKING:
    import xgboost


def fit_booster(
    features: np.ndarray, targets: np.ndarray, settings: BoostingSettings, seed: int, threads: int = 1
) -> xgboost.Booster:
    """Return trees that regress `targets` (N,) on `features` float32 (N, F), squared error.

    Targets should be of the order of 1: XGBoost stops splitting where the loss falls by less than 1e-6.
    """
    import xgboost

    own = settings.model_dump(include=set(BoostingSettings.model_fields))
    rounds = own.pop("n_estimators")
    options = {
        **own,
        "objective": "reg:squarederror",
        "tree_method": "hist",
        "device": "cpu",
        "seed": seed % 2**31,
        "nthread": threads,
        "verbosity": 0,
    }
    data = xgboost.DMatrix(features, np.asarray(targets, np.float32), nthread=threads)
    return xgboost.train(options, data, rounds)


def predict(booster: xgboost.Booster, features: np.ndarray, threads: int = 1) -> np.ndarray:
    """Return the predicted targets of `features` float32 (N, F), float64 (N,)."""
    import xgboost

    if not len(features):
        return np.zeros(0)
    booster.set_param({"nthread": threads})
    return booster.predict(xgboost.DMatrix(features, nthread=threads)).astype(np.float64)
