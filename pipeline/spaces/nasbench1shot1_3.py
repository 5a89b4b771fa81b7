"""Subspace 3 of NAS-Bench-1Shot1 (Zela et al. 2020): 55,854 NAS-Bench-101 cells.

Five interior vertices with 1, 1, 1, 2 and 2 parents, and an output with 2.
The parts in which it differs from NAS-Bench-101 are in `pipeline.spaces.nasbench1shot1`.
"""

from pipeline.spaces.nasbench1shot1.subspace import Subspace
from pipeline.spaces.nasbench101.codes import (
    CONV1X1,
    CONV3X3,
    INPUT,
    INTERIOR_OPS,
    MAX_EDGES,
    MAXPOOL3X3,
    N_OPS,
    NONE,
    OP_NAMES,
    OPERATIONS_ON,
    OUTPUT,
    V,
    vertices,
)
from pipeline.spaces.nasbench101.costs import (
    flops,
    op_flops,
    op_params,
    params,
    vertex_channels,
)
from pipeline.spaces.nasbench101.hashing import (
    cell_ids,
    short,
)
from pipeline.spaces.nasbench101.keys import (
    canonical_key,
    cell_key,
    from_key,
)
from pipeline.spaces.nasbench101.layout import (
    node_view,
    on_path,
    prune,
)
from pipeline.spaces.nasbench101.official import (
    COLUMNS,
    OFFICIAL_OPS,
    from_columns,
    from_official,
    to_official,
)

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
    "PARENTS",
    "SIZE",
    "V",
    "canonical_key",
    "cell_ids",
    "cell_key",
    "chain_cells",
    "crossover",
    "enumerate_cells",
    "enumerate_raw",
    "flops",
    "from_columns",
    "from_genotype",
    "from_key",
    "from_official",
    "mutate",
    "n_raw",
    "node_view",
    "on_path",
    "op_flops",
    "op_params",
    "params",
    "prune",
    "sample",
    "short",
    "sizes",
    "to_genotype",
    "to_official",
    "validate",
    "vertex_channels",
    "vertices",
]

NAME = "nasbench1shot1_3"
SIZE = 55_854  # unique cells
PARENTS = (1, 1, 1, 2, 2, 2)  # of vertices 1, 2, … and of the output

_subspace = Subspace(NAME, PARENTS)
enumerate_cells = _subspace.enumerate_cells
validate = _subspace.validate
sample = _subspace.sample
mutate = _subspace.mutate
crossover = _subspace.crossover
enumerate_raw = _subspace.enumerate_raw
n_raw = _subspace.n_raw
sizes = _subspace.sizes
chain_cells = _subspace.chain_cells
from_genotype = _subspace.from_genotype
to_genotype = _subspace.to_genotype
