"""What the page's scripts read, compressed: the plotting library, figures, the numbers behind them, cells.

The library alone is 4.8 MB, 1.4 MB compressed; browsers unpack it by themselves (DecompressionStream).
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Iterator

import numpy as np
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from pipeline.report.blocks import Data, Section
from pipeline.report.plain import plain

DIGITS = 6  # significant ones of the numbers that are drawn


def library() -> Markup:
    """Return the plotting library, packed."""
    return packed(get_plotlyjs())


def packed(text: str) -> Markup:
    """Return a text as gzip in base64; equal texts give equal bytes."""
    return Markup(base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode())


def unpacked(text: str) -> str:
    """Return the text that `packed` packed."""
    return gzip.decompress(base64.b64decode(text)).decode()


def as_json(value) -> str:
    """Return compact JSON with sorted keys; arrays as lists, NaN as null, floats to `DIGITS` digits."""
    return json.dumps(_plain(value), separators=(",", ":"), sort_keys=True, allow_nan=False)


def figures(parts: Iterable[Section]) -> str:
    """Return all figures as JSON: {"key-0": plotly figure}."""
    found = {}
    for block in _blocks(parts):
        for number, panel in enumerate(getattr(block, "panels", ())):
            found[f"{block.key}-{number}"] = plain(panel.figure)
    return as_json(found)


def tables(parts: Iterable[Section]) -> str:
    """Return the numbers behind figures and tables as JSON: {name: CSV}."""
    return as_json({data.name: data.csv() for data in _data(parts)})


def cells(parts: Iterable[Section]) -> str:
    """Return the cells that can be looked up as JSON; null without any."""
    return as_json(next((block.index for block in _blocks(parts) if block.kind == "lookup"), None))


def _blocks(parts: Iterable[Section]) -> Iterator:
    return (block for section in parts for block in section.blocks)


def _data(parts: Iterable[Section]) -> Iterator[Data]:
    for block in _blocks(parts):
        data = getattr(getattr(block, "table", None) or block, "data", None)
        if data is not None:
            yield data


def _plain(value):
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist())
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None
    return value
