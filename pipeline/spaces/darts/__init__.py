"""DARTS (Liu et al. 2019), as NAS-Bench-301 uses it: a normal and a reduction cell, operations on the edges.

The layout of the arrays is described in `codes`.
"""

from pipeline.spaces.darts.codes import (
    AVG_POOL_3X3,
    CELL_CLASSES,
    CELL_NAMES,
    CELL_SPELLINGS,
    DIL_CONV_3X3,
    DIL_CONV_5X5,
    EDGES,
    INPUT_NODES,
    INTERMEDIATE,
    MAX_POOL_3X3,
    N_CELLS,
    N_NODES,
    N_OPS,
    NAME,
    NONE,
    OP_NAMES,
    OPERATIONS_ON,
    SEP_CONV_3X3,
    SEP_CONV_5X5,
    SIZE,
    SKIP_CONNECT,
)
from pipeline.spaces.darts.configurations import from_configurations, to_configurations
from pipeline.spaces.darts.costs import flops, op_flops, op_params, params
from pipeline.spaces.darts.enumeration import enumerate_cells
from pipeline.spaces.darts.hashing import cell_ids
from pipeline.spaces.darts.keys import canonical_key, cell_key, from_key
from pipeline.spaces.darts.layout import chosen_edges, edge_view, from_edges, validate
from pipeline.spaces.darts.official import (
    COLUMNS,
    from_cell_ids,
    from_columns,
    from_compact,
    from_official,
    short,
    to_compact,
    to_official,
)
from pipeline.spaces.darts.variation import crossover, mutate, sample

__all__ = [
    "AVG_POOL_3X3",
    "CELL_CLASSES",
    "CELL_NAMES",
    "CELL_SPELLINGS",
    "COLUMNS",
    "DIL_CONV_3X3",
    "DIL_CONV_5X5",
    "EDGES",
    "INPUT_NODES",
    "INTERMEDIATE",
    "MAX_POOL_3X3",
    "NAME",
    "NONE",
    "N_CELLS",
    "N_NODES",
    "N_OPS",
    "OPERATIONS_ON",
    "OP_NAMES",
    "SEP_CONV_3X3",
    "SEP_CONV_5X5",
    "SIZE",
    "SKIP_CONNECT",
    "canonical_key",
    "cell_ids",
    "cell_key",
    "chosen_edges",
    "crossover",
    "edge_view",
    "enumerate_cells",
    "flops",
    "from_cell_ids",
    "from_columns",
    "from_compact",
    "from_configurations",
    "from_edges",
    "from_key",
    "from_official",
    "mutate",
    "op_flops",
    "op_params",
    "params",
    "sample",
    "short",
    "to_compact",
    "to_configurations",
    "to_official",
    "validate",
]
