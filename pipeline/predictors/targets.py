"""What regressors are trained on: accuracies, standardised accuracies, or ranks; and the way back."""

from __future__ import annotations

import numpy as np


class Accuracy:
    """Targets are the accuracies y, float (N,), as they are."""

    def __init__(self, y: np.ndarray):
        pass

    def of(self, y: np.ndarray) -> np.ndarray:
        """Return the targets of the training cells' accuracies."""
        return y

    def back(self, predicted: np.ndarray) -> np.ndarray:
        """Return the accuracies that predicted targets stand for."""
        return predicted


class Standardised(Accuracy):
    """Targets have mean 0 and deviation 1 over the training cells."""

    def __init__(self, y: np.ndarray):
        self.mean, self.deviation = mean_and_deviation(y)

    def of(self, y: np.ndarray) -> np.ndarray:
        """Return the targets of the training cells' accuracies."""
        return (y - self.mean) / self.deviation

    def back(self, predicted: np.ndarray) -> np.ndarray:
        """Return the accuracies that predicted targets stand for."""
        return predicted * self.deviation + self.mean


class Ranks(Accuracy):
    """Targets are ranks among the training cells, from -1 (worst) to 1; equal accuracies share one.

    A predicted rank is the accuracy that had it, linearly between two; beyond the ends it goes on by the
    interquartile range for each unit. Accuracies more than three of these below the lower quartile (Tukey's
    outer fence) count as that: where a training diverged, a cell that is predicted to be the worst of all is
    not predicted to diverge as well. Ranks between two such ones stand for the same accuracy.
    """

    def __init__(self, y: np.ndarray):
        low, high = np.quantile(y, [0.25, 0.75])
        self.slope = high - low
        self.known = np.maximum(np.unique(y), low - 3 * self.slope)
        self.ranks = np.unique(self.of(y))

    def of(self, y: np.ndarray) -> np.ndarray:
        """Return the targets of the training cells' accuracies."""
        from scipy.stats import rankdata

        return (2 * rankdata(y) - 1) / len(y) - 1

    def back(self, predicted: np.ndarray) -> np.ndarray:
        """Return the accuracies that predicted targets stand for."""
        beyond = predicted - np.clip(predicted, self.ranks[0], self.ranks[-1])
        return np.interp(predicted, self.ranks, self.known) + beyond * self.slope


TARGETS = {"accuracy": Accuracy, "standardised": Standardised, "ranks": Ranks}


def mean_and_deviation(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both along the first axis.

    The deviation is infinite where values differ by no more than rounding: nothing can be learned from these,
    and a test cell that differs there must not count as far away.
    """
    deviation = values.std(axis=0)
    varied = deviation > 1e-6 * np.abs(values).max(axis=0)
    return values.mean(axis=0), np.where(varied, deviation, np.inf)
