"""A Gaussian process that learns from comparisons: which of two cells is better.

The latent score f of cells has a Gaussian prior, whose covariance is an arc-cosine kernel of structure and
zero-shot scores; of two training cells the better one has the higher f with chance
sigmoid(SHARPNESS (f_better - f_worse)), for all pairs (Chu & Ghahramani 2005, "Preference Learning with
Gaussian Processes", with a logistic link). The score is the most likely f. So nothing depends on how
accuracies are spread, and no cell's rank is a number to be hit.
"""

from __future__ import annotations

import numpy as np

from pipeline.predictors.arc_cosine import arc_cosine, inner_products

SCORES_WEIGHT = 2.25  # of zero-shot scores against structure, in inner products
SHARPNESS = 12.0  # where f has variance 1
WEIGHT = 16.0  # of a cell's comparisons, all together, against the prior
INDUCING_CELLS = 1500  # f is a combination of kernels at so many training cells
COMPARED_WITH = 512  # cells are compared within random groups of so many
STEPS = 50  # of the optimiser; twice as many change tau by less than .001
JITTER = 1e-4
NOISES = 10.0 ** np.arange(
    -4, 0.5, 0.5
)  # of ranks, against the prior's variance: what `predict_std` may take


class PreferenceProcess:
    """f of cells that are given by structure (N, S) and scores (N, Z), Z may be 0."""

    def fit(self, structure: np.ndarray, scores: np.ndarray, y: np.ndarray, generator) -> PreferenceProcess:
        """Learn from accuracies y (N,), of which only the order counts. generator: NumPy's."""
        n = len(y)
        base = np.sort(generator.permutation(n)[:INDUCING_CELLS]) if n > INDUCING_CELLS else np.arange(n)
        self._base = _parts(structure[base], scores[base])
        gram = arc_cosine(self._base, self._base)
        self._size = np.trace(gram) / len(base)
        gram /= self._size
        self._factor = np.linalg.cholesky(gram + JITTER * np.eye(len(base)))
        basis = self._basis(_parts(structure, scores))  # (N, m): f = basis u, u ~ N(0, 1)
        self._u = _most_likely(basis, y, generator)
        f = basis @ self._u
        self._shift, self._spread = f.mean(), f.std() or 1.0
        self._gram, self._targets, self._posterior = gram, _rank_targets(y[base]), None
        return self

    def predict(self, structure: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Return f (N,), with mean 0 and deviation 1 over the training cells."""
        return (self._basis(_parts(structure, scores)) @ self._u - self._shift) / self._spread

    def predict_std(self, structure: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Return the deviation of f (N,), in units of `predict`.

        It is that of the regression of ranks with the same prior, which has a closed form; variance and noise
        are the most likely ones.
        """
        if self._posterior is None:
            self._posterior = _regression(self._gram, self._targets)
        variance, inverse = self._posterior
        parts = _parts(structure, scores)
        cross = arc_cosine(parts, self._base) / self._size
        own = inner_products(parts, [(weight, rows[:1]) for weight, rows in parts])[1] / self._size
        left = own - np.einsum("nm,nm->n", cross @ inverse, cross)
        return np.sqrt(variance * np.maximum(left, 0))

    def _basis(self, parts) -> np.ndarray:
        from scipy.linalg import solve_triangular

        cross = arc_cosine(parts, self._base) / self._size
        return solve_triangular(self._factor, cross.T, lower=True).T


def _parts(structure: np.ndarray, scores: np.ndarray) -> list[tuple[float, np.ndarray]]:
    return [(1.0, structure), (SCORES_WEIGHT, scores)]


def _rank_targets(y: np.ndarray) -> np.ndarray:
    """Return ranks with mean 0 and deviation 1; equal accuracies share one."""
    from scipy.stats import rankdata

    ranks = rankdata(y)
    return (ranks - ranks.mean()) / (ranks.std() or 1.0)


def _regression(gram: np.ndarray, targets: np.ndarray) -> tuple[float, np.ndarray]:
    """Return (variance of the prior, inverse of (gram + noise)) of the greatest evidence."""
    values, vectors = np.linalg.eigh(gram)
    squares = (vectors.T @ targets) ** 2
    costs, variances = [], []
    for noise in NOISES:
        whole = np.maximum(values, 0) + noise
        variances.append((squares / whole).mean())
        costs.append(np.log(variances[-1]) + np.log(whole).mean())
    best = int(np.argmin(costs))
    return variances[best], (vectors / (np.maximum(values, 0) + NOISES[best])) @ vectors.T


def _most_likely(basis: np.ndarray, y: np.ndarray, generator) -> np.ndarray:
    """Return u (m,) of f = basis u, u ~ N(0, 1), under which the order of y (N,) is most likely."""
    from scipy.optimize import minimize

    n = len(y)
    order, n_groups = generator.permutation(n), -(-n // COMPARED_WITH)
    groups = [np.sort(order[k::n_groups]) for k in range(n_groups)]
    signs = [np.sign(y[rows][:, None] - y[rows][None]) for rows in groups]

    def cost(u: np.ndarray) -> tuple[float, np.ndarray]:
        f, total, slope = basis @ u, 0.0, np.zeros(n)
        for rows, sign in zip(groups, signs, strict=True):
            gap = SHARPNESS * sign * (f[rows][:, None] - f[rows][None])
            wrong = 1 / (1 + np.exp(np.clip(gap, -60, 60)))
            share = WEIGHT / len(rows)
            total += share * np.where(sign != 0, np.logaddexp(0, -gap), 0).sum()
            slope[rows] -= 2 * share * SHARPNESS * (sign * wrong).sum(axis=1)
        return total + 0.5 * u @ u, basis.T @ slope + u

    start = np.zeros(basis.shape[1])
    return minimize(cost, start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS}).x
