"""The zero-shot metrics: what each is called, where it comes from and what it takes.

`docs/explanation/zeroshot.md` has the definitions. The modules that compute them: `passes` (all that one
forward pass of images and the passes back through it give), `codes`, `jacobian`, `synflow`, `zen`.
"""

from __future__ import annotations

from typing import NamedTuple


class Metric(NamedTuple):
    """One metric. `needs`: "nothing" (no network), "weights", "images", or "labels" (and images)."""

    needs: str
    per_operation: bool  # also a number for each operation of the cell
    source: str


METRICS = {
    "grad_norm": Metric("labels", True, "Abdelfattah et al. 2021; GATES++, equation 11"),
    "plain": Metric("labels", True, "Mozer & Smolensky 1988; GATES++, equation 11"),
    "snip": Metric("labels", True, "Lee et al. 2019; Abdelfattah et al. 2021"),
    "fisher": Metric("labels", True, "Theis et al. 2018; Turner et al. 2020; Abdelfattah et al. 2021"),
    "grasp": Metric("labels", True, "Wang et al. 2020; Abdelfattah et al. 2021"),
    "jacob_cov": Metric("images", False, "Mellor et al. 2020; Abdelfattah et al. 2021"),
    "epe_nas": Metric("labels", False, "Lopes et al. 2021"),
    "nwot": Metric("images", False, "Mellor et al. 2021"),
    "relu_logdet": Metric("images", False, "Mellor et al. 2021; GATES++, equation 12"),
    "synflow": Metric("weights", True, "Tanaka et al. 2020; Abdelfattah et al. 2021"),
    "zen": Metric("weights", False, "Lin et al. 2021"),
    "l2_norm": Metric("weights", True, "Abdelfattah et al. 2021"),
    "params": Metric("nothing", True, ""),
    "flops": Metric("nothing", True, ""),
}
COSTS = tuple(name for name, metric in METRICS.items() if metric.needs == "nothing")
ARCH_ONLY = tuple(name for name, metric in METRICS.items() if not metric.per_operation)
