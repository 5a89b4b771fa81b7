"""nasflow: predictor-based neural architecture search as one workflow with cached artifacts.

From Python, `import pipeline as nasflow` gives what `pipeline.library` holds; nothing is loaded before it is
used. docs/library.md shows it.
"""

import importlib

__version__ = "0.1.0"
_LIBRARY = {  # name -> module that has it
    "open_benchmark": "pipeline.library.tables",
    "make_predictor": "pipeline.library.predicting",
    "rank_cells": "pipeline.library.predicting",
    "run_search": "pipeline.library.searching",
    "zero_shot_scores": "pipeline.library.scoring",
    "parse_cells": "pipeline.library.cells",
    "all_cells": "pipeline.library.cells",
    "read_artifact": "pipeline.library.reading",
    "kendall_tau": "pipeline.evaluation.measures",
    "precision_at_k": "pipeline.evaluation.measures",
}
__all__ = ["__version__", *_LIBRARY]


def __getattr__(name: str):
    if name not in _LIBRARY:
        raise AttributeError(f"module 'pipeline' has no attribute {name!r}")
    return getattr(importlib.import_module(_LIBRARY[name]), name)


def __dir__():
    return sorted({*globals(), *_LIBRARY})
