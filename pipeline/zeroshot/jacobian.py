"""How alike a network's outputs depend on different images: jacob_cov and epe_nas.

Both look at J, the gradient of the sum of all logits by the images, a row an image, with batch norm by the
batch's statistics, and at the correlations of its rows.
"""

from __future__ import annotations

import numpy as np
import torch

K = 1e-5  # of both papers' code
MANY_CLASSES = 100  # from more on, epe_nas compares classes instead of adding them


def correlations(jacobian: torch.Tensor) -> np.ndarray:
    """Return the correlations of the rows of `jacobian` (B, …), float64 (B, B); NaN where one is constant."""
    rows = jacobian.reshape(len(jacobian), -1).double()
    rows = rows - rows.mean(1, keepdim=True)
    rows = rows / rows.norm(dim=1, keepdim=True)
    return (rows @ rows.T).cpu().numpy()


def jacob_cov(correlation: np.ndarray) -> float:
    """Return -sum(log(v + k) + 1 / (v + k)), v the eigenvalues of the correlations (Mellor et al. 2020)."""
    if not np.isfinite(correlation).all():
        return float("nan")
    v = torch.linalg.eigvalsh(torch.from_numpy(correlation)).numpy() + K
    with np.errstate(invalid="ignore"):
        return float(-(np.log(v) + 1 / v).sum())


def epe_nas(correlation: np.ndarray, labels: np.ndarray, classes: int) -> float:
    """Return EPE-NAS' score (Lopes et al. 2021, equations 4 to 6).

    labels: (B,), positions of `classes` classes. A class scores the sum of log(|r| + k) over the correlations
    r of its images. Up to 100 classes: the sum of the classes' absolute scores. More: a class' score is
    divided by the number of its images, and the absolute differences of classes are added, divided by how
    many there are.
    Classes that the batch does not hold take no part.
    """
    if not np.isfinite(correlation).all():
        return float("nan")
    rows = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    scores = np.array([np.log(np.abs(correlation[np.ix_(r, r)]) + K).sum() for r in rows])
    if classes <= MANY_CLASSES:
        return float(np.abs(scores).sum())
    scores /= np.array([len(r) for r in rows])
    return float(np.abs(scores[:, None] - scores[None, :]).sum() / len(scores))
