"""NAS-Bench-101 (Ying et al. 2019): 423,624 cells with operations on the vertices.

The layout of the arrays is described in `codes`.
"""

from pipeline.spaces.nasbench101.codes import (
    CONV1X1,
    CONV3X3,
    INPUT,
    INTERIOR_OPS,
    MAX_EDGES,
    MAXPOOL3X3,
    N_OPS,
    NAME,
    NONE,
    OP_NAMES,
    OPERATIONS_ON,
    OUTPUT,
    SIZE,
    V,
    vertices,
)
from pipeline.spaces.nasbench101.costs import (
    flops,
    op_costs_by_cell,
    op_flops,
    op_params,
    params,
    vertex_channels,
)
from pipeline.spaces.nasbench101.enumeration import enumerate_cells
from pipeline.spaces.nasbench101.hashing import cell_ids, short
from pipeline.spaces.nasbench101.keys import canonical_key, cell_key, from_key
from pipeline.spaces.nasbench101.layout import node_view, on_path, prune, validate
from pipeline.spaces.nasbench101.official import (
    COLUMNS,
    OFFICIAL_OPS,
    from_columns,
    from_official,
    to_official,
)
from pipeline.spaces.nasbench101.variation import crossover, mutate, sample

__all__ = [
    "COLUMNS",
    "CONV1X1",
    "CONV3X3",
    "INPUT",
    "INTERIOR_OPS",
    "MAXPOOL3X3",
    "MAX_EDGES",
    "NAME",
    "NONE",
    "N_OPS",
    "OFFICIAL_OPS",
    "OPERATIONS_ON",
    "OP_NAMES",
    "OUTPUT",
    "SIZE",
    "V",
    "canonical_key",
    "cell_ids",
    "cell_key",
    "crossover",
    "enumerate_cells",
    "flops",
    "from_columns",
    "from_key",
    "from_official",
    "mutate",
    "node_view",
    "on_path",
    "op_costs_by_cell",
    "op_flops",
    "op_params",
    "params",
    "prune",
    "sample",
    "short",
    "to_official",
    "validate",
    "vertex_channels",
    "vertices",
]
