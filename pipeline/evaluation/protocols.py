"""Protocols: which cells a predictor is trained on, how often, and with which seeds."""

from __future__ import annotations

import numpy as np

from pipeline.errors import UserError
from pipeline.randomness import derive, rng


def training_runs(
    n_pool: int, n_train: int, n_subsets: int, n_seeds: int, seed: int, benchmark: str
) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Draw the runs of one training size: every subset with every seed, the same for all predictors.

    Returns (subsets int64 (R, n_train), rows of the pool; subset numbers int64 (R,); seeds (R,)) with
    R = n_subsets * n_seeds. The subset of a smaller size is the beginning of the larger one's, so a curve
    over sizes adds labels to those that were there. Raises UserError if the pool is too small.
    """
    if n_train > n_pool:
        raise UserError(
            f"evaluation.n_train: {n_train} training cells, but {benchmark} has labels of {n_pool}; "
            "lower n_train or label more cells"
        )
    orders = [rng(seed, "subset", benchmark, i).permutation(n_pool)[:n_train] for i in range(n_subsets)]
    numbers = np.repeat(np.arange(n_subsets), n_seeds)
    seeds = [derive(seed, "predictor", benchmark, s) for _ in range(n_subsets) for s in range(n_seeds)]
    return np.stack([orders[i] for i in numbers]).astype(np.int64), numbers, seeds
