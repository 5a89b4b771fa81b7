"""Architectures as sequences of layers, each described by type, kernel size and channels, as in Peephole.

Source: ReNAS, section 4.1, on Deng et al. 2017. A layer is a node of NAS-Bench-101's cells, with input and
output, or an edge of NAS-Bench-201's; what is connected to what is not said. All cells of a network have the
same layers but for a common factor in the channels, so the sequence is that of the first one.

Channels are put into bins that are half an octave wide (the paper of Peephole has bins, too); a layer that is
not there has the codes 0.
"""

from __future__ import annotations

import numpy as np

from pipeline import spaces
from pipeline.errors import ConfigError
from pipeline.spaces.archs import Archs

SPACES = ("nasbench101", "nasbench201")
CHANNELS = 128  # of the first cell of NAS-Bench-101's networks
CHANNEL_BINS = 1 + 2 * 7 + 1  # none, and 1 to 128 channels
KERNELS = {"conv3x3": 3, "maxpool3x3": 3, "conv1x1": 1}
KERNELS |= {"nor_conv_3x3": 3, "avg_pool_3x3": 3, "nor_conv_1x1": 1}
SIZES = (0, 1, 3)  # kernel sizes by code; 0: no kernel


def vocabulary(space) -> tuple[int, int, int]:
    """Return how many types, kernel sizes and channel bins there are.

    Raises ConfigError for a space whose cells are not encoded so.
    """
    if space.NAME not in SPACES:
        raise ConfigError(
            f"peephole: it reads layers of {' and '.join(SPACES)}, not of {space.NAME}; use the method lstm"
        )
    return space.N_OPS, len(SIZES), CHANNEL_BINS


def layers(archs: Archs) -> np.ndarray:
    """Return uint8 (N, T, 3): type, kernel size and channels of each layer, as codes from 0."""
    space = spaces.load(archs.space)
    kernel = np.array([SIZES.index(KERNELS.get(op, 0)) for op in space.OP_NAMES], np.uint8)
    if space.OPERATIONS_ON == "nodes":
        channels = space.vertex_channels(archs.adj, CHANNELS, CHANNELS)
    else:
        channels = np.where(archs.ops == space.NONE, 0, 16)  # the same everywhere
    bins = np.where(channels > 0, 1 + np.round(2 * np.log2(np.maximum(channels, 1))), 0).astype(np.uint8)
    return np.stack([archs.ops, kernel[archs.ops], bins], axis=2)
