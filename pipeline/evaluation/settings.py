"""How predictors are trained and tested; settings of a predictor are in its own file.

Protocols as data: which cells of a table predictors may learn from, which test them, and their seeds.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, PositiveInt, field_validator

from pipeline.by_benchmark import Varying
from pipeline.errors import ConfigError
from pipeline.settings import Settings
from pipeline.spaces.by_cost import Sampling


def _rows(value):
    if value in ("labelled", "all") or (
        isinstance(value, int) and not isinstance(value, bool) and value >= 1
    ):
        return value
    raise ValueError(f"expected labelled, all, or the number of the table's first rows, got {value!r}")


def _by_name(value):
    if not isinstance(value, str):
        return value
    if value not in PROTOCOLS:
        raise ValueError(
            f"expected one of {', '.join(PROTOCOLS)} or a mapping of pool, test, seeds, got {value!r}"
        )
    return {"name": value}


Seed = Annotated[int, Field(ge=0, lt=2**63)]


class Protocol(Settings):
    """Cells by role or by their place in the table; training subsets are drawn from the pool."""

    name: Literal["P1", "P2", "P3"] | None = Field(
        None, description="a published protocol, which says all else; `protocol: P1` for short"
    )
    pool: Annotated[str | int, BeforeValidator(_rows)] = Field(
        "labelled",
        description="cells to learn from: labelled ones, all, or (a number) the table's first rows",
    )
    test: Literal["held_out", "rest", "all"] = Field(
        "held_out",
        description="cells to test on: held-out ones, all but the pool, or all, training cells too",
    )
    seeds: list[Seed] | None = Field(
        None, min_length=1, description="predictors' seeds on each subset; null: n_seeds that seed draws"
    )


AnyProtocol = Annotated[Protocol, BeforeValidator(_by_name)]
GATES_SEEDS = [21, 2021, 202121]  # GATES, section 6.2; with 3 subsets, its nine runs
PROTOCOLS: dict[str, dict[str, Protocol]] = {
    "P1": {  # GATES++, section 6.1: half of the table and the other half
        "nasbench201": Protocol(pool=7813, test="rest", seeds=GATES_SEEDS),
        "nasbench1shot1_3": Protocol(pool=7290, test="rest", seeds=GATES_SEEDS),
        "darts": Protocol(pool=5896, test="rest", seeds=GATES_SEEDS),
    },
    "P2": {"nasbench101": Protocol(pool=381_262, test="rest", seeds=GATES_SEEDS)},  # GATES, section 6.1
    "P3": {  # TNASP, PINAT, NAR-Former: learn from some of all cells, and rank them all
        "nasbench101": Protocol(pool="all", test="all"),
        "nasbench201": Protocol(pool="all", test="all"),
    },
}


class EvaluationSettings(Varying):
    """Training sizes and replicates. Runs of one size: n_subsets x n_seeds."""

    SHARED: ClassVar = ("above", "benchmarks")

    n_train: list[PositiveInt] = Field([30, 60, 120], min_length=1, description="numbers of training cells")
    n_subsets: int = Field(3, ge=1, le=1000, description="random training subsets of each size")
    n_seeds: int = Field(3, ge=1, le=1000, description="seeds of the predictor on each subset")
    benchmarks: list[str] | None = Field(
        None,
        min_length=1,
        description="which of `benchmarks` predictors are trained and tested on; null: all",
    )
    protocol: AnyProtocol = Field(
        Protocol(),
        description="cells to learn from and to test on: P1, P2, P3, or pool, test, seeds",
    )
    sampling: Sampling = Field(
        "random",
        description="training cells: random ones of the pool, or ones at even distances when the pool is "
        "sorted by its networks' params or flops",
    )
    ks: list[PositiveInt] = Field([5, 10], description="K of Precision@K and N@K")
    labels: Literal["val", "test"] = Field(
        "val", description="what predictors learn and are tested on: validation or test accuracy"
    )
    above: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="errors and Pearson's r also on held-out cells above this accuracy, e.g. 0.8; null: not",
    )
    isomorphic: int = Field(
        0,
        ge=0,
        le=1000,
        description="test also on isomorphic spellings of the test cells, at most so many of each; 0: not",
    )

    @field_validator("isomorphic")
    @classmethod
    def _several_or_none(cls, value):
        if value == 1:
            raise ValueError("1 is the cell alone; give 2 or more, or 0 to leave this out")
        return value

    @field_validator("n_train", "ks")
    @classmethod
    def _sorted_without_repeats(cls, values):
        if values != sorted(set(values)):
            raise ValueError(f"expected increasing numbers without repeats, got {values}")
        return values


def protocol_of(protocol: Protocol, space: str) -> Protocol:
    """Return a protocol with its name looked up. Raises ConfigError if it has no cells of `space`."""
    if protocol.name is None:
        return protocol
    if space not in PROTOCOLS[protocol.name]:
        raise ConfigError(
            f"evaluation.protocol: {protocol.name} is for {' and '.join(PROTOCOLS[protocol.name])}, not for "
            f"{space}; write out pool, test and seeds"
        )
    return PROTOCOLS[protocol.name][space]
