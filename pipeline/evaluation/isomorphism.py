"""Does a predictor score isomorphic cells alike, and how well does it rank all of them? GATES, section 4.2.

Which spellings a cell has is its space's business: `pipeline.spaces.<space>.isomorphs`.
"""

from __future__ import annotations

import importlib

import numpy as np

from pipeline import spaces
from pipeline.evaluation.measures import kendall_tau
from pipeline.spaces.archs import Archs

_CELLS_AT_ONCE = 1024  # a cell may have hundreds of spellings, of which few are kept


def spellings(archs: Archs, most: int, rng: np.random.Generator) -> tuple[Archs, np.ndarray]:
    """Return up to `most` isomorphic spellings of each cell, and the row of each one's cell, int64 (M,).

    They come cell by cell, the cell as it is first; of more than `most`, the others are drawn at random.
    """
    isomorphs = importlib.import_module(f"pipeline.spaces.{spaces.base(archs.space)}.isomorphs").isomorphs
    parts, rows = [archs[:0]], [np.zeros(0, np.int64)]
    for start in range(0, len(archs), _CELLS_AT_ONCE):
        forms, row = isomorphs(archs[start : start + _CELLS_AT_ONCE])
        first = np.searchsorted(row, row)  # rows ascend: where each one's cell begins
        turn = rng.random(len(row))
        turn[first == np.arange(len(row))] = -1.0
        order = np.lexsort((turn, row))
        kept = order[np.arange(len(row)) - first < most]
        parts.append(forms[kept])
        rows.append(row[kept] + start)
    return Archs.concatenate(parts), np.concatenate(rows)


def isomorphic_measures(truth, score, rows) -> dict[str, float]:
    """Return isomorphic_kendall_tau and isomorphic_std of one run's scores of spellings.

    truth: (N,), accuracies of the cells. score: (M,), of the spellings. rows: int (M,), the cell of each.
    tau is taken over all spellings, each with the accuracy of its cell. The other is the standard deviation
    of scores among the spellings of a cell (root of the mean variance over cells that have several) in units
    of the standard deviation of all scores: 0 where isomorphic cells are one to the predictor, about 1 where
    they are as different as any two. NaN where no cell has two spellings, or no two scores differ.
    """
    truth, score, rows = np.asarray(truth, np.float64), np.asarray(score, np.float64), np.asarray(rows)
    count = np.bincount(rows, minlength=len(truth))
    several = count > 1
    mean = np.bincount(rows, score, len(truth)) / np.maximum(count, 1)
    squares = np.bincount(rows, (score - mean[rows]) ** 2, len(truth))
    spread, within = np.nan, np.nan
    if several.any() and np.ptp(score) > 0:
        spread, within = score.std(), np.sqrt(np.mean(squares[several] / (count[several] - 1)))
    tau = kendall_tau(truth[rows], score)
    return {"isomorphic_kendall_tau": tau, "isomorphic_std": float(within / spread)}
