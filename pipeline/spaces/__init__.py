"""Search spaces. Each is a package with the same functions; see `pipeline.spaces.nasbench101`."""

from __future__ import annotations

import importlib
from types import ModuleType

from pipeline.errors import ConfigError
from pipeline.spaces.archs import Archs

NAMES = ("nasbench101",)

__all__ = ["NAMES", "Archs", "load"]


def load(name: str) -> ModuleType:
    """Return the space's module. Raises ConfigError for a name that is not in `NAMES`."""
    if name not in NAMES:
        raise ConfigError(f"space: unknown space {name!r}; expected one of {', '.join(NAMES)}")
    return importlib.import_module(f"pipeline.spaces.{name}")
