"""A small search space for tests of whatever works on any space, and an oracle that counts."""

from __future__ import annotations

import numpy as np

from pipeline.spaces.archs import Archs

NAME = "toy"
SLOTS, N_OPS = 6, 5
_DIGITS = N_OPS ** np.arange(SLOTS)


def cells() -> Archs:
    """All 15,625 spellings; a spelling and its mirror image are the same cell."""
    grid = np.indices((N_OPS,) * SLOTS).reshape(SLOTS, -1).T
    return Archs(NAME, np.ascontiguousarray(grid).astype(np.uint8))


def validate(archs: Archs) -> np.ndarray:
    return (archs.ops < N_OPS).all(axis=1)


def canonical_key(archs: Archs) -> np.ndarray:
    ops = archs.ops.astype(np.int64)
    return np.minimum(ops @ _DIGITS, ops[:, ::-1] @ _DIGITS).astype(np.uint64)


cell_key = canonical_key


def from_key(keys: np.ndarray) -> Archs:
    return Archs(NAME, (keys.astype(np.int64)[:, None] // _DIGITS % N_OPS).astype(np.uint8))


def unique_cells() -> Archs:
    archs = cells()
    return archs[np.unique(canonical_key(archs), return_index=True)[1]]


def mutate(archs: Archs, rng) -> Archs:
    ops = archs.ops.copy()
    row, slot = np.arange(len(ops)), rng.integers(SLOTS, size=len(ops))
    ops[row, slot] = (ops[row, slot] + rng.integers(1, N_OPS, size=len(ops))) % N_OPS
    return Archs(NAME, ops)


def crossover(a: Archs, b: Archs, rng) -> Archs:
    return Archs(NAME, np.where(rng.random(a.ops.shape) < 0.5, a.ops, b.ops))


def quality(archs: Archs) -> np.ndarray:
    """The more slots hold operation 2 the better, with a little that depends on the rest."""
    key = canonical_key(archs).astype(np.float64)
    return 0.5 + 0.07 * (archs.ops == 2).sum(axis=1) + 0.01 * np.sin(key)


class CountingOracle:
    """Tells `quality` as validation accuracy and 10 more as test accuracy; remembers what it was asked."""

    optimum = 0.93  # no cell reaches it

    def __init__(self, space, quality=quality, failing=()):
        self.space, self.quality, self.failing = space, quality, set(failing)
        self.asked: list[int] = []

    def evaluate(self, archs: Archs) -> dict:
        keys = self.space.canonical_key(archs).tolist()
        self.asked += keys
        val_acc = np.where([key in self.failing for key in keys], np.nan, self.quality(archs))
        return {
            "cell": [f"cell{key}" for key in keys],
            "val_acc": val_acc,
            "test_acc": val_acc + 10,
            "source": ["known" if key % 3 == 0 else "trained" for key in keys],
            "train_seconds": np.full(len(keys), 60.0),
        }


class PerfectPredictor:
    """Scores cells by `quality`, whatever it was trained on."""

    def predict(self, archs: Archs) -> np.ndarray:
        return quality(archs).astype(np.float32)
