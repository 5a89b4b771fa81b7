"""Protocols: which cells a predictor is trained on, how often, and with which seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.errors import UserError
from pipeline.evaluation.settings import Protocol
from pipeline.randomness import derive, rng
from pipeline.spaces.by_cost import drawn


def chosen_rows(role: np.ndarray, protocol: Protocol, benchmark: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of a table that are its pool and its test set, int64 each, ascending.

    role: str (N,), of each row. Raises UserError if the table is too small for the protocol, or if held-out
    cells would be in the pool.
    """
    rows = np.arange(len(role))
    if isinstance(protocol.pool, int):
        if protocol.pool >= len(role) + (protocol.test == "all"):
            raise UserError(
                f"evaluation.protocol.pool: {protocol.pool} cells, but the table of {benchmark} has "
                f"{len(role)}; take fewer, or the file that the protocol is for"
            )
        pool = rows[: protocol.pool]
    else:
        pool = rows if protocol.pool == "all" else rows[role == "labelled"]
    if protocol.test == "all":
        return pool, rows
    test = rows[role == "held_out"] if protocol.test == "held_out" else np.setdiff1d(rows, pool)
    if both := len(np.intersect1d(pool, test)):
        raise UserError(
            f"evaluation.protocol: {both} held-out cells of {benchmark} are in the pool; set test: rest "
            "(all but the pool) or test: all (training cells, too)"
        )
    return pool, test


def training_runs(
    n_pool: int,
    n_train: int,
    n_subsets: int,
    n_seeds: int,
    seed: int,
    benchmark: str,
    seeds: Sequence[int] | None = None,
    costs: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Draw the runs of one training size: every subset with every seed, the same for all predictors.

    seeds: the predictors' seeds, of a protocol that names them; None: n_seeds derived from `seed`.
    costs: (n_pool,), to take cells at even distances in their order (`spaces.by_cost`); None: at random.
    Returns (subsets int64 (R, n_train), rows of the pool; subset numbers int64 (R,); seeds (R,)) with
    R = n_subsets * number of seeds. At random, the subset of a smaller size is the beginning of the larger
    one's, so a curve over sizes adds labels to those that were there. Raises UserError if the pool is too
    small.
    """
    if n_train > n_pool:
        raise UserError(
            f"evaluation.n_train: {n_train} training cells, but {benchmark} has labels of {n_pool}; "
            "lower n_train or label more cells"
        )
    streams = [rng(seed, "subset", benchmark, i) for i in range(n_subsets)]
    orders = [drawn(n_pool, n_train, costs, stream) for stream in streams]
    if seeds is None:
        seeds = [derive(seed, "predictor", benchmark, s) for s in range(n_seeds)]
    numbers = np.repeat(np.arange(n_subsets), len(seeds))
    return np.stack([orders[i] for i in numbers]).astype(np.int64), numbers, [*seeds] * n_subsets
