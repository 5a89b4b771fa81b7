"""NAS-Bench-201's vocabulary and the array layout of its cells.

A cell is a complete directed acyclic graph of 4 nodes: node 0 is the input, node 3 the output, and each of
the 6 edges carries one of 5 operations; a node is the sum of what its edges bring (Dong & Yang 2020,
section 2.1). Here a cell is its 6 operation codes, `ops` uint8 (N, 6), in the order of the official string
`|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`, which is that of `EDGES`; `adj` is None, as the graph is fixed.
"""

from __future__ import annotations

NAME = "nasbench201"
SIZE = 15_625  # strings: 5 operations to the power of 6 edges
N_CELLS = 1
N_NODES = 4
INPUT_NODES = (0,)
OUTPUT_NODE = 3
OPERATIONS_ON = "edges"
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))  # (source, target)

NONE, SKIP_CONNECT, NOR_CONV_1X1, NOR_CONV_3X3, AVG_POOL_3X3 = range(5)
OP_NAMES = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
N_OPS = len(OP_NAMES)
