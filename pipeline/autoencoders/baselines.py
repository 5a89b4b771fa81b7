"""What info-NAS' losses stand beside: those of predicting a mean (thesis, chapter 4, "Reference")."""

from __future__ import annotations

from math import sqrt

import numpy as np
import torch
from torch import Tensor

from pipeline.autoencoders.io_losses import KINDS, deviation, in_batches, median, of_parts, pair_losses
from pipeline.autoencoders.labelled import Labelled

Z95 = 1.959964  # of the standard normal distribution


class MeanOf:
    """Predicts the mean target of a part of the labelled data."""

    def __init__(self, labelled: Labelled, name: str, settings):
        networks, images = labelled.subset(name, settings.n_measured_images)
        means = [labelled.targets.of_network(n)[images].mean(axis=0, dtype=np.float64) for n in networks]
        mean = np.mean(means, axis=0).astype(np.float32)
        self.mean = torch.as_tensor(mean, device=labelled.images.device)[None]  # (1, F)

    def of_network(self, network: int, images: np.ndarray) -> Tensor:
        """Return the mean, (1, F) for all images."""
        return self.mean


def baselines(labelled: Labelled, settings) -> list[dict]:
    """Return the losses of predicting the mean: one row a part, a mean, and a loss ("l1", "mse").

    of: "train", the training targets' mean, which a model can know; "own", the part's own, the thesis'
    reference. mean: over pairs. std, median, n_batches: over batches of the training batches' size.
    ci95: half the width of the normal 95 % confidence interval of the mean, 1.96 std / sqrt(n_batches); the
    batches are taken as independent, which those of one network are not. NaN where there is one batch.
    """
    rows, of_train = [], of_parts(MeanOf(labelled, "train", settings), labelled, settings)
    for name, by_train in of_train.items():
        own = pair_losses(MeanOf(labelled, name, settings), labelled, settings, name)
        for of, losses in (("train", by_train), ("own", own)):
            for kind in KINDS:
                batches = in_batches(losses[kind], settings.labelled_batch_size)
                rows.append(
                    {
                        "set": name,
                        "of": of,
                        "loss": kind,
                        "mean": float(losses[kind].mean()),
                        "std": deviation(batches),
                        "median": median(batches),
                        "ci95": Z95 * deviation(batches) / sqrt(len(batches)),
                        "n_batches": len(batches),
                    }
                )
    return rows


def as_arrays(rows: list[dict]) -> dict[str, np.ndarray]:
    """Return the rows by column: what the artifact keeps, as baselines/<column>."""
    return {f"baselines/{column}": np.array([row[column] for row in rows]) for column in rows[0]}


def as_facts(rows: list[dict], kind: str) -> dict[str, float]:
    """Return the means of the configured loss: mean_baseline_<set> and mean_baseline_own_<set>."""
    prefix = {"train": "mean_baseline_", "own": "mean_baseline_own_"}
    return {prefix[row["of"]] + row["set"]: row["mean"] for row in rows if row["loss"] == kind}
