"""The DARTS space is too large to be written down."""

from __future__ import annotations

from pipeline.errors import ConfigError
from pipeline.spaces.archs import Archs
from pipeline.spaces.darts.codes import NAME, SIZE


def enumerate_cells() -> Archs:
    """Raise ConfigError: there are about 1.08e18 architectures; take a sample instead."""
    raise ConfigError(
        f"{NAME}: the space has {SIZE:.3g} architectures, too many to be enumerated; "
        "sample it instead, or take the architectures of a benchmark table"
    )
