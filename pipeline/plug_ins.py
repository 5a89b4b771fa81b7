"""Plug-ins that a configuration chooses by name: a module of a package, with settings of its own."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.settings import Settings


def plug_in(package: str, key: str = "method", common: type[Settings] | None = None) -> Callable[[Any], dict]:
    """Return a checker for {key: <module of package>, <its settings>}, which fills in the defaults.

    package: path below `pipeline`, e.g. "predictors". A module with a class `Settings` is a plug-in.
    common: settings that all plug-ins of the package have beside their own.
    """

    def check(value: Any) -> dict:
        if not isinstance(value, dict) or not isinstance(value.get(key), str):
            raise ValueError(f"expected a mapping with the key {key!r}")
        names = plug_ins_of(package)
        name = value[key]
        if name not in names:
            raise ValueError(f"unknown {key} {name!r}; expected one of {', '.join(names)}")
        module = importlib.import_module(f"pipeline.{package.replace('/', '.')}.{name}")
        shared = {k: v for k, v in value.items() if common and k in common.model_fields}
        own = {k: v for k, v in value.items() if k != key and k not in shared}
        checked = common(**shared).model_dump(mode="json") if common else {}
        return {key: name, **checked, **module.Settings(**own).model_dump(mode="json")}

    return check


def plug_ins_of(package: str, kind: str = "Settings") -> list[str]:
    """Return the names of a package's plug-ins: its modules with a class `kind`; none is imported."""
    files = (Path(__file__).parent / package).glob("*.py")
    return sorted(p.stem for p in files if f"\nclass {kind}(" in p.read_text())
