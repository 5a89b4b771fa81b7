"""The Gaussian process of a search, against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern

from pipeline.search.gaussian import Posterior, expected_improvement

NOISE = 0.05


@pytest.fixture
def learned():
    """A process that was told six of 40 candidates and two other points; targets; scikit-learn's."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(40, 3)).astype(np.float32)
    known = np.concatenate([points[[3, 7, 1, 30, 22, 9]], rng.normal(size=(2, 3)).astype(np.float32)])
    targets = rng.normal(size=8)
    posterior = Posterior(points, NOISE, 12)
    for point in known:
        posterior.add(point)
    theirs = GaussianProcessRegressor(Matern(1.0, "fixed", nu=2.5), alpha=NOISE, optimizer=None)
    return posterior, points, known, targets, theirs.fit(known, targets)


def test_means_and_variances_are_those_of_the_textbook(learned):
    posterior, points, known, targets, theirs = learned
    mean, deviation = theirs.predict(points, return_std=True)
    np.testing.assert_allclose(posterior.mean(targets), mean, atol=1e-4)
    np.testing.assert_allclose(np.sqrt(posterior.variance), deviation, atol=1e-4)
    others = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
    at, variance = posterior.at(others, targets)
    mean, deviation = theirs.predict(others, return_std=True)
    np.testing.assert_allclose(at, mean, atol=1e-4)
    np.testing.assert_allclose(np.sqrt(variance), deviation, atol=1e-4)
    np.testing.assert_allclose(posterior.at_known(targets), theirs.predict(known), atol=1e-4)


def test_cells_without_a_target_change_variances_alone_and_can_be_forgotten(learned):
    posterior, points, _, targets, _ = learned
    before, variance, state = posterior.mean(targets), posterior.variance.copy(), posterior.state()
    posterior.add(points[0])
    np.testing.assert_array_equal(posterior.mean(targets), before)
    assert posterior.variance[0] < variance[0] and (posterior.variance <= variance + 1e-12).all()
    posterior.back_to(state)
    np.testing.assert_array_equal(posterior.variance, variance)


def test_expected_improvement_is_an_integral():
    for mean, variance in ((0.3, 0.2), (-1.0, 0.5)):
        density = norm(mean, np.sqrt(variance)).pdf
        expected, _ = quad(lambda y, density=density: (y - 0.1) * density(y), 0.1, 10)
        found = expected_improvement(np.array([mean]), np.array([variance]), 0.1)
        np.testing.assert_allclose(found, [expected], rtol=1e-6)
