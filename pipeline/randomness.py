"""Random streams named by the configuration's seed and by what they are for.

Two different names give independent streams; the same name gives the same stream on every machine,
so an artifact does not depend on which job, chunk or order computed it.
"""

from __future__ import annotations

import hashlib

import numpy as np


def derive(seed: int, *names) -> int:
    """Return a 63-bit seed for the stream `names` (strings or integers) under `seed`."""
    text = "\x1f".join([str(int(seed)), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


def rng(seed: int, *names) -> np.random.Generator:
    """Return NumPy's generator for the stream `names` under `seed`."""
    return np.random.default_rng(derive(seed, *names))


def torch_generator(seed: int, *names):
    """Return torch's CPU generator for the stream `names` under `seed`."""
    import torch

    return torch.Generator().manual_seed(derive(seed, *names))


def seed_torch(seed: int, *names) -> None:
    """Seed torch's global generators (initialisation, dropout) for the stream `names`."""
    import torch

    torch.manual_seed(derive(seed, *names))
