"""Names of metrics and costs, as configurations, files and tables spell them."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

# They are paths inside HDF5 files too, so that no part may be empty or begin with a dot.
_PART = r"[^/@.\s][^/@\x00-\x1f]*"
_METRIC = re.compile(rf"{_PART}/{_PART}@[0-9]+")
_PLAIN = re.compile(_PART)


def is_metric(name: str) -> bool:
    """Return whether `name` is <data set>/<what>@<epochs>."""
    return _METRIC.fullmatch(name) is not None


def _metric(name: str) -> str:
    if not is_metric(name):
        raise ValueError(f"expected <data set>/<what>@<epochs>, such as cifar10/val_acc@200, got {name!r}")
    return name


def _cost(name: str) -> str:
    if not is_metric(name) and _PLAIN.fullmatch(name) is None:
        raise ValueError(
            f"expected a name, such as params, or <data set>/<what>@<epochs>, such as "
            f"cifar10/train_seconds@200, got {name!r}"
        )
    return name


MetricName = Annotated[str, AfterValidator(_metric)]
CostName = Annotated[str, AfterValidator(_cost)]
