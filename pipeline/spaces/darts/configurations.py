"""NAS-Bench-301's spelling of architectures: the configuration dictionary of its result files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.errors import DataError
from pipeline.spaces.archs import Archs
from pipeline.spaces.darts.codes import CELL_NAMES, EDGES, INTERMEDIATE, OP_NAMES
from pipeline.spaces.darts.layout import chosen_edges
from pipeline.spaces.darts.official import archs_of

PREFIX = "NetworkSelectorDatasetInfo:darts:"
_CODE = {name: code for code, name in enumerate(OP_NAMES) if code}


def from_configurations(configurations: Sequence[Mapping[str, Any]]) -> Archs:
    """Return the architectures of configuration dictionaries; keys that are about other things are let be.

    `…:inputs_node_<cell>_<3|4|5>` = "a_b" are the two sources of a node, node 2 takes 0 and 1, and
    `…:edge_<cell>_<i>` is the operation of possible edge i (`EDGES`); cell is `normal` or `reduce`. The
    operation of an edge that no node takes is not looked at. Raises DataError naming the first dictionary
    that lacks a key or has a value that is not of this space.
    """
    rows = [_edges(configuration, row) for row, configuration in enumerate(configurations)]
    return archs_of(rows, lambda row: f"DARTS configuration {row}")


def _edges(configuration: Mapping[str, Any], row: int) -> list[tuple[int, int]]:
    edges = []
    for cell in CELL_NAMES:
        for node in INTERMEDIATE:
            for source in _sources(configuration, row, cell, node):
                key = f"{PREFIX}edge_{cell}_{EDGES.index((source, node))}"
                operation = configuration.get(key)
                if not isinstance(operation, str) or operation not in _CODE:
                    raise DataError(
                        f"DARTS configuration {row}: {key} is {operation!r}; "
                        f"expected one of {', '.join(_CODE)}, as node {node} takes node {source}"
                    )
                edges.append((source, _CODE[operation]))
    return edges


def _sources(configuration: Mapping[str, Any], row: int, cell: str, node: int) -> tuple[int, int]:
    if node == INTERMEDIATE[0]:
        return 0, 1
    key = f"{PREFIX}inputs_node_{cell}_{node}"
    value = configuration.get(key)
    known = [f"{a}_{b}" for a in range(node) for b in range(a + 1, node)]
    if value not in known:
        raise DataError(f"DARTS configuration {row}: {key} is {value!r}; expected one of {', '.join(known)}")
    return int(value[0]), int(value[2])


def to_configurations(archs: Archs) -> list[dict[str, str]]:
    """Return the configuration dictionary of each architecture, the reverse of `from_configurations`.

    It holds the edges that there are and the nodes' inputs, nothing about training.
    """
    sources, codes = (array.tolist() for array in chosen_edges(archs))
    configurations = []
    for pairs, operations in zip(sources, codes, strict=True):
        configuration = {}
        for c, cell in enumerate(CELL_NAMES):
            for v, node in enumerate(INTERMEDIATE):
                if v:
                    configuration[f"{PREFIX}inputs_node_{cell}_{node}"] = "{}_{}".format(*pairs[c][v])
                for source, code in zip(pairs[c][v], operations[c][v], strict=True):
                    edge = EDGES.index((source, node))
                    configuration[f"{PREFIX}edge_{cell}_{edge}"] = OP_NAMES[code]
        configurations.append(configuration)
    return configurations
