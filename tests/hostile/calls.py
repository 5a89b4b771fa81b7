"""Files that no command takes by name: kept results, checkpoints, surrogates; with a status as `main` has.

Kept results are not errors: what is not right is made again, so that 1 stands for "nothing was taken of it".
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path


def kept_scores(path: Path) -> int:
    """Read kept zero-shot scores."""
    import numpy as np

    from pipeline.zeroshot import kept

    return _said(lambda: kept._read(path, np.arange(10, dtype=np.uint64), None))


def kept_outputs(path: Path) -> int:
    """Read kept outputs of a network."""
    from pipeline.io_dataset.kept import KeptOutputs

    outputs = KeptOutputs(path.parent, "x")
    outputs._file = lambda cell: path
    found = outputs.get("cell")
    print("nothing is taken" if found is None else found, file=sys.stderr)
    return int(found is None)


def checkpoint(path: Path) -> int:
    """Read the state of a training."""
    from pipeline.storage.checkpoint_file import read_checkpoint

    return _said(lambda: read_checkpoint(path, "it"))


def surrogate(path: Path) -> int:
    """Read a surrogate."""
    from pipeline.benchmarks.surrogate import load_surrogate
    from pipeline.errors import ArtifactError

    try:
        load_surrogate(path)
    except ArtifactError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _said(read) -> int:
    """Return 1 if `read` takes nothing; what it warns of goes to the terminal."""
    logger, handler = logging.getLogger("nasflow"), logging.StreamHandler(sys.stderr)
    logger.addHandler(handler)
    try:
        return int(read() is None)
    finally:
        logger.removeHandler(handler)
