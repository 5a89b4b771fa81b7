"""Search spaces. Each is a package with the same functions; see `pipeline.spaces.nasbench101`.

The NAS-Bench-1shot1 spaces and `nasbench101_skip` are subsets of NAS-Bench-101: a module each, whose cells
are NAS-Bench-101's.
"""

from __future__ import annotations

import importlib
from types import ModuleType

from pipeline.errors import ConfigError
from pipeline.spaces.archs import Archs

SUBSPACES = {  # subspace -> whose cells it holds
    name: "nasbench101" for name in (*(f"nasbench1shot1_{k}" for k in (1, 2, 3)), "nasbench101_skip")
}
NAMES = ("nasbench101", *SUBSPACES, "nasbench201", "darts")
UNLISTED = ("darts",)  # too large to be enumerated

__all__ = ["NAMES", "SUBSPACES", "UNLISTED", "Archs", "base", "code", "load", "network", "whole"]


def load(name: str) -> ModuleType:
    """Return the space's module. Raises ConfigError for a name that is not in `NAMES`."""
    if name not in NAMES:
        raise ConfigError(f"space: unknown space {name!r}; expected one of {', '.join(NAMES)}")
    return importlib.import_module(f"pipeline.spaces.{name}")


def base(name: str) -> str:
    """Return the name that the space's `Archs` carry: the space's own, or that of the space it is part of."""
    return SUBSPACES.get(name, name)


def network(name: str) -> ModuleType:
    """Return the module that builds the space's networks (`build_network`); needs torch."""
    return importlib.import_module(f"pipeline.spaces.{base(name)}.network")


def code(name: str, *parts: str) -> list[str]:
    """Return the modules that the named parts of a space (`keys`, `network`, …) are in, for a recipe.

    Which cells there are is a subspace's own; all else is that of the space it is part of.
    """
    modules = [f"pipeline.spaces.{base(name)}.{part}" for part in parts]
    own = base(name) != name and not {"codes", "enumeration", "layout"}.isdisjoint(parts)
    return [*modules, f"pipeline.spaces.{name}"] if own else modules


def whole(name: str) -> list[str]:
    """Return the modules through which all of a space's functions are reached, for a recipe."""
    return [f"pipeline.spaces.{part}" for part in dict.fromkeys((base(name), name))]
