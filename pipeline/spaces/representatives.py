"""One spelling for all that are isomorphic."""

from __future__ import annotations

from pipeline.spaces import load
from pipeline.spaces.archs import Archs


def representatives(archs: Archs) -> Archs:
    """Return for each valid architecture the one spelling that all its isomorphic ones share.

    Of NAS-Bench-201 it is the smallest of the cells with the same reduced graph.
    """
    space = load(archs.space)
    return space.from_key(space.canonical_key(archs))
