"""A plotly figure as plain lists; plotly itself writes arrays as base64, which nothing compresses."""

from __future__ import annotations

import base64

import numpy as np
import plotly.graph_objects as go


def plain(figure: go.Figure) -> dict:
    """Return {data: traces, layout}, every array as nested lists."""
    return _plain(figure.to_plotly_json())


def _plain(value):
    if isinstance(value, dict):
        if "bdata" in value:
            return _decoded(value).tolist()
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def _decoded(packed: dict) -> np.ndarray:
    flat = np.frombuffer(base64.b64decode(packed["bdata"]), packed["dtype"])
    shape = str(packed.get("shape", len(flat)))  # "rows, columns"
    return flat.reshape([int(n) for n in shape.split(",")])
