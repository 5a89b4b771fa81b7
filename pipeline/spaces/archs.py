"""A set of architectures as a struct of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Archs:
    """N architectures of one space.

    space: the space's name, as in `pipeline.spaces.load`.
    ops:   uint8 (N, ...), operation codes; which axis means what is the space's business.
    adj:   uint8 (N, V, V), 1 where an edge runs from row to column; None where the space's
           graph is fixed (NAS-Bench-201) or coded in `ops`.
    """

    space: str
    ops: np.ndarray
    adj: np.ndarray | None = None

    def __post_init__(self):
        if self.ops.dtype != np.uint8 or (self.adj is not None and self.adj.dtype != np.uint8):
            raise TypeError("Archs: ops and adj must be uint8")
        if self.adj is not None and len(self.adj) != len(self.ops):
            raise ValueError(f"Archs: {len(self.ops)} rows of ops but {len(self.adj)} of adj")

    def __len__(self) -> int:
        return len(self.ops)

    def __array__(self, *args, **kwargs):
        raise TypeError("Archs: a set of architectures is several arrays; take .ops or .adj")

    def __getitem__(self, index) -> Archs:
        """Select by slice, integer array or boolean array; an integer gives a set of one."""
        if isinstance(index, (int, np.integer)):
            if not -len(self) <= index < len(self):
                raise IndexError(f"Archs: index {index} of {len(self)} architectures")
            index = slice(index, index + 1) if index != -1 else slice(index, None)
        return Archs(self.space, self.ops[index], None if self.adj is None else self.adj[index])

    @staticmethod
    def concatenate(parts: Sequence[Archs]) -> Archs:
        """Join sets of the same space, in order."""
        spaces = {p.space for p in parts}
        if len(spaces) != 1:
            raise ValueError(f"Archs: cannot join architectures of {sorted(spaces)}")
        adj = None if parts[0].adj is None else np.concatenate([p.adj for p in parts])
        return Archs(parts[0].space, np.concatenate([p.ops for p in parts]), adj)
