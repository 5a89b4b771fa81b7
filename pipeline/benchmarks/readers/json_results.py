"""One `results_<k>.json` of NAS-Bench-301: what is read of it, and what is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.errors import DataError

CONFIG = "optimized_hyperparamater_config"  # their spelling
_CELLS = ("NetworkSelectorDatasetInfo:darts:edge_", "NetworkSelectorDatasetInfo:darts:inputs_node_")
LARGEST = 16 << 20  # bytes; official files have a few thousand


class Training(NamedTuple):
    """What a file says of one training. Accuracies in percent; params: None where it is not stated."""

    path: Path
    budget: float
    val_percent: float
    test_percent: float
    seconds: float
    params: int | None


def read_training(path: Path) -> tuple[Training, dict[str, str]]:
    """Return a file's training and the part of its configuration that spells the cells.

    Raises DataError, naming file and key, if the file is no JSON mapping, lacks a key, or has a value of
    the wrong type, not finite, or impossible.
    """
    content = _load(path)
    config = _get(path, content, CONFIG, dict, "a mapping")
    cells = {key: text for key, text in config.items() if key.startswith(_CELLS)}
    for key, text in cells.items():
        if not isinstance(text, str) or len(text) > 100:
            raise _wrong(path, f"{CONFIG}.{key}", text, "the name of an operation or the numbers of nodes")
    where, info = _last(path, _get(path, content, "info", list, "a list of one mapping"))
    budget = _number(path, content, "budget")
    if budget <= 0:
        raise _wrong(path, "budget", budget, "a positive number of epochs")
    seconds = _number(path, content, "runtime")
    if seconds < 0:
        raise _wrong(path, "runtime", seconds, "seconds, 0 or more")
    params = info.get("model_parameters")
    if not isinstance(params, int) or not 0 < params < 2**53:
        params = None
    val = _percent(path, info, "val_accuracy", where)
    return Training(path, budget, val, _percent(path, content, "test_accuracy"), seconds, params), cells


def _load(path: Path) -> dict:
    try:
        if not path.is_file():  # a pipe or a device would never end
            raise DataError(f"{path}: no regular file; expected JSON")
        size = path.stat().st_size
        if size > LARGEST:
            raise DataError(f"{path}: {size} bytes; expected one training, a few thousand bytes of JSON")
        content = json.loads(path.read_bytes(), parse_constant=_refuse)
    except (ValueError, RecursionError, OSError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]
        raise DataError(f"{path}: no whole JSON file ({why}); unpack the archive again") from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: holds {_shown(content)}, expected a mapping with {CONFIG}, info, …")
    return content


def _refuse(text: str):
    raise ValueError(f"{text} is no finite number")


def _last(path: Path, info: list) -> tuple[str, dict]:
    """Return (name, entry) of what was measured last: the only entry, or the one of most `epochs`."""
    if not info or not all(isinstance(entry, dict) for entry in info):
        raise _wrong(path, "info", info, "a list of mappings, at least one")
    if len(info) == 1:
        return "info[0].", info[0]
    epochs = [_number(path, entry, "epochs", f"info[{k}].") for k, entry in enumerate(info)]
    if len(set(epochs)) < len(epochs):
        raise _wrong(path, "info", epochs, "entries of different numbers of epochs")
    last = epochs.index(max(epochs))
    return f"info[{last}].", info[last]


def _percent(path: Path, content: dict, key: str, where: str = "") -> float:
    value = _number(path, content, key, where)
    if 0 <= value <= 1:
        raise _wrong(path, where + key, value, "percent (chance is 10); it looks like a fraction")
    if not 0 <= value <= 100:
        raise _wrong(path, where + key, value, "percent, 0 to 100")
    return value


def _number(path: Path, content: dict, key: str, where: str = "") -> float:
    value = _get(path, content, key, (int, float), "a number", where)
    if isinstance(value, bool) or abs(value) > 1e300 or not math.isfinite(value):
        raise _wrong(path, where + key, value, "a finite number")
    return float(value)


def _get(path: Path, content: dict, key: str, kind, expected: str, where: str = "") -> Any:
    if key not in content:
        there = ", ".join(map(str, list(content)[:20])) or "nothing"
        raise DataError(f"{path}: {where}{key} is missing; it has {there[:500]}")
    if not isinstance(content[key], kind):
        raise _wrong(path, where + key, content[key], expected)
    return content[key]


def _wrong(path: Path, key: str, value, expected: str) -> DataError:
    return DataError(f"{path}: {key} is {_shown(value)}, expected {expected}")


def _shown(value) -> str:
    """Return a value in a few characters, and cheaply whatever its size."""
    if isinstance(value, (dict, list)):
        kind = "a mapping" if isinstance(value, dict) else "a list"
        return f"{kind} of {len(value)}"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 10**20:
        return "a huge number"
    return json.dumps(value)[:80]
