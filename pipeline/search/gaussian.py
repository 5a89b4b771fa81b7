"""A Gaussian process over a fixed list of candidates that learns one cell after another.

The kernel and its lengths do not change while a search goes on. So what a new cell tells about all candidates
is one more row of a triangular solve, and the posterior of N candidates after n cells costs N * n operations
a step instead of N * n^2 (Rasmussen & Williams, "Gaussian Processes for Machine Learning", algorithm 2.1).
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import ndtr

SMALLEST = 1e-9  # variance


def matern(squares: np.ndarray) -> np.ndarray:
    """Return the Matern kernel of smoothness 5/2 and length 1 from squared distances, as float32."""
    r = np.sqrt(5 * np.maximum(squares, 0))
    return ((1 + r + r * r / 3) * np.exp(-r)).astype(np.float32)


class Posterior:
    """What is known of N candidates' targets after n of at most `most` cells; prior mean 0, variance 1.

    points: float32 (N, D) of the candidates, lengths included. noise: variance of a target's noise.
    """

    def __init__(self, points: np.ndarray, noise: float, most: int):
        self.points, self.noise, self.n = points, noise, 0
        self._squares = np.square(points).sum(axis=1)
        self._known = np.zeros((most, points.shape[1]), np.float32)  # points of the cells that were added
        self._lower = np.zeros((most, most))  # Cholesky factor of their covariance
        self._rows = np.zeros((most, len(points)), np.float32)  # its inverse times their covariance with all
        self.variance = np.ones(len(points))  # of each candidate, without noise

    def add(self, point: np.ndarray) -> None:
        """Learn that the target at `point` float32 (D,) will be known; it need not be a candidate's."""
        n = self.n
        weights, left = self._solved(point[None])
        weights, pivot = weights[:, 0], np.sqrt(left[0] + self.noise)
        squares = self._squares + point @ point - 2 * (self.points @ point)
        row = (matern(squares) - weights.astype(np.float32) @ self._rows[:n]) / np.float32(pivot)
        self._known[n], self._rows[n] = point, row
        self._lower[n, :n], self._lower[n, n] = weights, pivot
        self.variance = np.maximum(self.variance - np.square(row, dtype=np.float64), SMALLEST)
        self.n += 1

    def state(self) -> tuple[int, np.ndarray]:
        """Return what `back_to` needs to forget cells that are added later."""
        return self.n, self.variance

    def back_to(self, state: tuple[int, np.ndarray]) -> None:
        """Forget the cells that were added since `state`."""
        self.n, self.variance = state

    def mean(self, targets: np.ndarray) -> np.ndarray:
        """Return each candidate's mean, float64 (N,), from the targets (m,) of the first m cells added."""
        m = len(targets)
        return (self._half(targets).astype(np.float32) @ self._rows[:m]).astype(np.float64)

    def at(self, points: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (mean, variance) float64 (k,) at other points, float32 (k, D)."""
        weights, variance = self._solved(points)
        return self._half(targets) @ weights[: len(targets)], variance

    def at_known(self, targets: np.ndarray) -> np.ndarray:
        """Return the means at the first m cells themselves, (m,): their targets less what counts as noise."""
        m = len(targets)
        alpha = solve_triangular(self._lower[:m, :m], self._half(targets), lower=True, trans="T")
        return targets - self.noise * alpha

    def _half(self, targets: np.ndarray) -> np.ndarray:
        m = len(targets)
        return solve_triangular(self._lower[:m, :m], targets, lower=True)

    def _solved(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (L^-1 k (n, k), variance (k,)) of points (k, D)."""
        known = self._known[: self.n]
        squares = np.square(known).sum(1)[:, None] + np.square(points).sum(1) - 2 * (known @ points.T)
        weights = solve_triangular(self._lower[: self.n, : self.n], matern(squares), lower=True)
        return weights, np.maximum(1 - np.square(weights).sum(axis=0), SMALLEST)


def expected_improvement(mean: np.ndarray, variance: np.ndarray, best: float) -> np.ndarray:
    """Return by how much a target is expected to be above `best` (where it is below, by 0)."""
    deviation = np.sqrt(variance)
    u = (mean - best) / deviation
    return deviation * (u * ndtr(u) + np.exp(-u * u / 2) / np.sqrt(2 * np.pi))
