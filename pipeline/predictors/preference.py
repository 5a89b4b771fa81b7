"""A Gaussian process that learns from comparisons: which of two cells is better.

The latent score f of cells has a Gaussian prior; of two training cells the better one has the higher f
with chance sigmoid(SHARPNESS (f_better - f_worse)), for all pairs (Chu & Ghahramani 2005, "Preference
Learning with Gaussian Processes", with a logistic link). The score is the most likely f. So nothing
depends on how accuracies are spread, and no cell's rank is a number to be hit.

The prior's covariance, of structure s and scores z (rows of features, each kind scaled), Matern kernels M of
smoothness 5/2 of distances per feature:

    v1 M(s, s'; l1) M(z, z'; l2) + v2 M(z, z'; l3) + w z.z'/dim z
    v1 M(s, s'; l1) + w s.s'/dim s                                      without scores

Its logarithmic parameters, and the noise, maximise the evidence of the training cells' ranks as regression
targets, times a Gaussian prior about START: with 78 cells evidence alone is a poor guide.
"""

from __future__ import annotations

import numpy as np

SHARPNESS = 12.0  # where f has the scale of its prior
WEIGHT = 16.0  # of a cell's comparisons, all together, against the prior
PRIOR_DEVIATION = 0.2  # of logarithmic parameters
START = {"scale": 0.5, "length": 1.0, "linear": 0.4, "noise": 0.03}
EVIDENCE_CELLS = 300  # parameters are fitted to so many
INDUCING_CELLS = 1500  # f is a combination of kernels at so many training cells
COMPARED_WITH = 512  # cells are compared within random groups of so many
JITTER = 1e-4


class PreferenceProcess:
    """f of cells that are given by structure (N, S) and scores (N, Z), Z may be 0."""

    def fit(self, structure: np.ndarray, scores: np.ndarray, y: np.ndarray, generator) -> PreferenceProcess:
        """Learn from accuracies y (N,), of which only the order counts. generator: NumPy's."""
        structure, scores = structure.astype(np.float64), scores.astype(np.float64)
        n = len(y)
        some = generator.permutation(n)[:EVIDENCE_CELLS]
        self.kernel = _fitted_kernel(structure[some], scores[some], _rank_targets(y[some]))
        base = np.sort(generator.permutation(n)[:INDUCING_CELLS]) if n > INDUCING_CELLS else np.arange(n)
        self.base = structure[base], scores[base]
        gram = self.kernel(*self.base, *self.base)
        size = np.trace(gram) / len(base)
        self._factor = np.linalg.cholesky(gram + JITTER * size * np.eye(len(base))) / np.sqrt(size)
        self._noisy = np.linalg.inv(gram + self.kernel.noise * np.eye(len(base)))
        self._size = size
        basis = self._basis(structure, scores)  # (N, m): f = basis u, u ~ N(0, 1)
        u = _most_likely(basis, y, generator)
        f = basis @ u
        self._shift, self._spread = f.mean(), f.std() or 1.0
        self._u = u
        return self

    def predict(self, structure: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Return f (N,), with mean 0 and deviation 1 over the training cells."""
        return (self._basis(structure, scores) @ self._u - self._shift) / self._spread

    def predict_std(self, structure: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Return the deviation of f (N,) under the posterior of regression on ranks, in units of `predict`.

        0 for a training cell but for noise, about 1 far from all of them.
        """
        cross = self.kernel(structure, scores, *self.base)
        explained = np.einsum("nm,mk,nk->n", cross, self._noisy, cross, optimize=True)
        return np.sqrt(np.maximum(self.kernel.diagonal(structure, scores) - explained, 0))

    def _basis(self, structure, scores) -> np.ndarray:
        from scipy.linalg import solve_triangular

        cross = self.kernel(structure, scores, *self.base) / self._size
        return solve_triangular(self._factor, cross.T, lower=True).T


class Kernel:
    """The covariance for given logarithmic parameters, float (P,)."""

    def __init__(self, with_scores: bool, parameters: np.ndarray | None = None):
        names = ["scale", "length", "length", "scale", "length"] if with_scores else ["scale", "length"]
        self.start = np.log([START[name] for name in [*names, "linear", "noise"]])
        if not with_scores:
            self.start[0] = 0.0  # the one term has all the variance
        self.with_scores, self.parameters = with_scores, self.start if parameters is None else parameters

    @property
    def noise(self) -> float:
        """Variance of the noise of rank targets."""
        return float(np.exp(self.parameters[-1])) + JITTER

    def __call__(self, s, z, s_other, z_other) -> np.ndarray:
        """Return the covariances (N, M) of rows (s, z) with rows (s_other, z_other)."""
        return self.of_distances(*distances(s, s_other), *distances(z, z_other))

    def of_distances(self, apart_s, inner_s, apart_z, inner_z) -> np.ndarray:
        """Return the covariances; see `distances` for what they are made of."""
        p = np.exp(self.parameters)
        if not self.with_scores:
            return p[0] * _matern(apart_s, p[1]) + p[2] * inner_s
        return (
            p[0] * _matern(apart_s, p[1]) * _matern(apart_z, p[2])
            + p[3] * _matern(apart_z, p[4])
            + p[5] * inner_z
        )

    def diagonal(self, s, z) -> np.ndarray:
        """Return the variances (N,) of rows (s, z)."""
        p, rows = np.exp(self.parameters), z if self.with_scores else s
        linear = (rows.astype(np.float64) ** 2).mean(axis=1)
        return (p[0] + p[3] + p[5] * linear) if self.with_scores else p[0] + p[2] * linear


def distances(x: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return squared distances and inner products (N, M), both divided by the number of features."""
    x, other, width = x.astype(np.float64), other.astype(np.float64), max(x.shape[1], 1)
    inner = x @ other.T
    squared = (x**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)[None] - 2 * inner
    return np.maximum(squared, 0) / width, inner / width


def _matern(squared: np.ndarray, length: float) -> np.ndarray:
    root = np.sqrt(5 * squared) / length
    return (1 + root + root * root / 3) * np.exp(-root)


def _rank_targets(y: np.ndarray) -> np.ndarray:
    """Return ranks with mean 0 and deviation 1; equal accuracies share one."""
    from scipy.stats import rankdata

    ranks = rankdata(y)
    return (ranks - ranks.mean()) / (ranks.std() or 1.0)


def _fitted_kernel(s: np.ndarray, z: np.ndarray, targets: np.ndarray) -> Kernel:
    """Return the kernel with the parameters that maximise evidence times prior."""
    from scipy.optimize import minimize

    kernel, parts = Kernel(z.shape[1] > 0), (*distances(s, s), *distances(z, z))
    start, unit = kernel.start, np.eye(len(targets))

    def cost(parameters: np.ndarray) -> float:
        kernel.parameters = parameters
        lower = np.linalg.cholesky(kernel.of_distances(*parts) + kernel.noise * unit)
        whitened = np.linalg.solve(lower, targets)
        evidence = -0.5 * whitened @ whitened - np.log(np.diag(lower)).sum()
        return 0.5 * (((parameters - start) / PRIOR_DEVIATION) ** 2).sum() - evidence

    bounds = [(x - 5, x + 5) for x in start]
    kernel.parameters = minimize(cost, start, method="L-BFGS-B", bounds=bounds, options={"maxiter": 40}).x
    return kernel


def _most_likely(basis: np.ndarray, y: np.ndarray, generator) -> np.ndarray:
    """Return u (m,) of f = basis u, u ~ N(0, 1), under which the order of y (N,) is most likely."""
    from scipy.optimize import minimize

    n = len(y)
    order = generator.permutation(n)
    groups = [np.sort(order[k :: -(-n // COMPARED_WITH)]) for k in range(-(-n // COMPARED_WITH))]
    signs = [np.sign(y[rows][:, None] - y[rows][None]) for rows in groups]

    def cost(u: np.ndarray) -> tuple[float, np.ndarray]:
        f, total, slope = basis @ u, 0.0, np.zeros(n)
        for rows, sign in zip(groups, signs, strict=True):
            gap = SHARPNESS * sign * (f[rows][:, None] - f[rows][None])
            wrong = 1 / (1 + np.exp(np.clip(gap, -60, 60)))
            compared = sign != 0
            share = WEIGHT / len(rows)
            total += share * np.where(compared, np.logaddexp(0, -gap), 0).sum()
            slope[rows] -= 2 * share * SHARPNESS * (sign * wrong).sum(axis=1)
        return total + 0.5 * u @ u, basis.T @ slope + u

    return minimize(cost, np.zeros(basis.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 100}).x
