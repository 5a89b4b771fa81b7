"""NAS-Bench-201 (Dong & Yang 2020): 15,625 cells with operations on the edges.

The layout of the arrays is described in `codes`. There are two notions of sameness beside that of the
string (`cell_key`), both exact:
- `canonical_key`: isomorphic reduced computation graphs (`reduction`);
- `unique_strings`: the benchmark's own expression (`unique`), 6,466 classes.
"""

from pipeline.spaces.nasbench201.codes import (
    AVG_POOL_3X3,
    EDGES,
    INPUT_NODES,
    N_CELLS,
    N_NODES,
    N_OPS,
    NAME,
    NONE,
    NOR_CONV_1X1,
    NOR_CONV_3X3,
    OP_NAMES,
    OPERATIONS_ON,
    OUTPUT_NODE,
    SIZE,
    SKIP_CONNECT,
)
from pipeline.spaces.nasbench201.costs import flops, op_costs_by_cell, op_flops, op_params, params
from pipeline.spaces.nasbench201.enumeration import enumerate_cells
from pipeline.spaces.nasbench201.hashing import cell_ids
from pipeline.spaces.nasbench201.keys import canonical_key, cell_key, from_key
from pipeline.spaces.nasbench201.layout import edge_view, on_path, prune, reaches_output, validate
from pipeline.spaces.nasbench201.official import COLUMNS, from_columns, from_official, short, to_official
from pipeline.spaces.nasbench201.unique import unique_strings
from pipeline.spaces.nasbench201.variation import crossover, mutate, sample

__all__ = [
    "AVG_POOL_3X3",
    "COLUMNS",
    "EDGES",
    "INPUT_NODES",
    "NAME",
    "NONE",
    "NOR_CONV_1X1",
    "NOR_CONV_3X3",
    "N_CELLS",
    "N_NODES",
    "N_OPS",
    "OPERATIONS_ON",
    "OP_NAMES",
    "OUTPUT_NODE",
    "SIZE",
    "SKIP_CONNECT",
    "canonical_key",
    "cell_ids",
    "cell_key",
    "crossover",
    "edge_view",
    "enumerate_cells",
    "flops",
    "from_columns",
    "from_key",
    "from_official",
    "mutate",
    "on_path",
    "op_costs_by_cell",
    "op_flops",
    "op_params",
    "params",
    "prune",
    "reaches_output",
    "sample",
    "short",
    "to_official",
    "unique_strings",
    "validate",
]
