"""The vocabulary of the DARTS space and the array layout of its architectures.

An architecture is two cells, a normal and a reduction cell. Each has two input nodes, 0 (the output of the
cell before the last one) and 1 (that of the last one), and four intermediate nodes, 2 to 5; an intermediate
node is the sum of two edges from two different earlier nodes, each with one of 7 operations; the cell's
output is the concatenation of the intermediate nodes (Liu et al. 2019, "DARTS: Differentiable Architecture
Search", sections 2.1 and 2.4; as in NAS-Bench-301, Siems et al. 2020).

Here an architecture is `ops` uint8 (N, 2 cells, 14 edges): the operation of every possible edge, NONE where
there is no edge, in the order of `EDGES`, which is NAS-Bench-301's; `adj` is None.
"""

from __future__ import annotations

import numpy as np

NAME = "darts"
N_CELLS = 2
CELL_NAMES = ("normal", "reduce")
N_NODES = 6
INPUT_NODES = (0, 1)
INTERMEDIATE = (2, 3, 4, 5)
EDGES_PER_NODE = 2
OPERATIONS_ON = "edges"
EDGES = tuple((source, target) for target in INTERMEDIATE for source in range(target))

NONE, MAX_POOL_3X3, AVG_POOL_3X3, SKIP_CONNECT, SEP_CONV_3X3, SEP_CONV_5X5, DIL_CONV_3X3, DIL_CONV_5X5 = (
    range(8)
)
OP_NAMES = (
    "none",
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
N_OPS = len(OP_NAMES)
CHOICES = N_OPS - 1  # operations that an edge can have

SOURCE_OF_EDGE = np.array([source for source, _ in EDGES])
NODE_OF_EDGE = np.array([target for _, target in EDGES]) - INTERMEDIATE[0]  # 0 to 3
FIRST_EDGE = np.array([EDGES.index((0, target)) for target in INTERMEDIATE])

WAYS = tuple(v * (v - 1) // 2 * CHOICES**EDGES_PER_NODE for v in INTERMEDIATE)  # of a node to be fed
CELL_SPELLINGS = WAYS[0] * WAYS[1] * WAYS[2] * WAYS[3]  # 1,037,664,180
SIZE = CELL_SPELLINGS**N_CELLS  # about 1.08e18
CELL_CLASSES = 382_128_166  # cells that are not isomorphic (see `keys`), by Burnside's lemma
