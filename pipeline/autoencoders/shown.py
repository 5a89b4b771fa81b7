"""A few predictions of info-NAS beside the truth, for pictures (thesis, figures 4.4 to 4.11)."""

from __future__ import annotations

import numpy as np

from pipeline.autoencoders.io_losses import PARTS, Predictions
from pipeline.autoencoders.labelled import Labelled
from pipeline.randomness import rng


def shown(model, labelled: Labelled, n: int, seed: int) -> dict[str, np.ndarray]:
    """Return predicted and true targets of n networks x n images of each part (fewer where it has fewer).

    For a part P and B pairs, network by network: shown/P/predicted and shown/P/true, float32 (B, F),
    freed of the whole-set standardisation, but not of a network's own scale, as in the thesis;
    shown/P/network (B,), rows of the labelled networks; shown/P/image (B,), rows of the image set, -1 where
    a target is a mean over images. The choice depends on the seed alone, not on the model.
    """
    arrays, predictions = {}, Predictions(model, labelled)
    for name in PARTS if n else ():
        draw = rng(seed, "shown", name)
        networks, images = (_some(rows, n, draw) for rows in labelled.subset(name))
        if not len(networks) or not len(images):
            continue
        predicted = [predictions.of_network(k, images).cpu().numpy() for k in networks]
        true = [labelled.targets.of_network(k)[images] for k in networks]
        arrays |= {
            f"shown/{name}/predicted": unstandardised(np.concatenate(predicted), labelled),
            f"shown/{name}/true": unstandardised(np.concatenate(true), labelled),
            f"shown/{name}/network": np.repeat(networks, len(images)),
            f"shown/{name}/image": np.tile(labelled.image_index[images], len(networks)),
        }
    return arrays


def _some(rows: np.ndarray, n: int, draw: np.random.Generator) -> np.ndarray:
    return np.sort(draw.choice(rows, min(n, len(rows)), replace=False))


def unstandardised(values: np.ndarray, labelled: Labelled) -> np.ndarray:
    """Return targets (B, F) as they were before the whole-set standardisation, if there was one."""
    whole_set = labelled.io.whole_set if labelled.io is not None else None
    return values if whole_set is None else values * whole_set.std + whole_set.mean
