"""The trials of NAS-Bench-201, as its own file and NATS-Bench's hold them, made into metrics and costs.

What a number is, is said by what the network was trained on and what it was evaluated on (Dong & Yang 2020,
section 2.2). The names here, and what they are in the files:

| data set         | trained on       | `val_acc` | `test_acc` | `valtest_acc`                 |
| ---------------- | ---------------- | --------- | ---------- | ----------------------------- |
| `cifar10-valid`  | half of train    | x-valid   | ori-test   |                               |
| `cifar10`        | train, all of it |           | ori-test   |                               |
| `cifar100`       | train            | x-valid   | x-test     | ori-test, the two together    |
| `ImageNet16-120` | train            | x-valid   | x-test     | ori-test, the two together    |

So the paper's "CIFAR-10 validation" is `cifar10-valid/val_acc@200` (best mean 91.61 %), its "CIFAR-10 test"
`cifar10/test_acc@200` (best 94.37 %), of other trainings; there is no validation accuracy of `cifar10`.
For the two others validation is at best 73.49 and 46.73 %, test 73.51 and 47.31 %.
`@12` and `@200` are two different trainings, each with its learning rate going down to zero.
`val_acc_of200@50` is what the longer one had reached after 50 epochs.
The files count epochs from 0: `x-valid@199` is after 200 epochs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from pipeline.benchmarks.readers.pickle_bytes import step
from pipeline.errors import DataError
from pipeline.settings import Settings as Base

DATASETS = ("cifar10-valid", "cifar10", "cifar100", "ImageNet16-120")
SETS = {
    "cifar10-valid": {"val_acc": "x-valid", "test_acc": "ori-test"},
    "cifar10": {"test_acc": "ori-test"},
    "cifar100": {"val_acc": "x-valid", "test_acc": "x-test", "valtest_acc": "ori-test"},
    "ImageNet16-120": {"val_acc": "x-valid", "test_acc": "x-test", "valtest_acc": "ori-test"},
}
LESS, FULL = 12, 200  # epochs
UNNEEDED = frozenset(("train_acc5es", "train_losses", "eval_losses", "eval_times"))
_MAX_TRIALS = 16
_NUMBERS = frozenset((int, float))


class TrialSettings(Base):
    """What is kept of NAS-Bench-201's trials."""

    datasets: list[Literal[DATASETS]] = Field(
        list(DATASETS), min_length=1, description="data sets to keep; cifar10-valid has validation accuracies"
    )
    epochs: list[Annotated[int, Field(ge=1, lt=FULL)]] = Field(
        [], description="other epochs of the 200-epoch trainings to keep: <data set>/val_acc_of200@50"
    )
    allow_partial: bool = Field(
        False, description="take a file in which architectures of its list have no results; they are left out"
    )


class Trials:
    """Collects architectures, one by one, in any order. blocks: {12: key of its trainings, 200: key}.

    strings: index -> architecture. rows: metric or cost -> index -> a number a trial, in the order of seeds.
    lacking: metric -> where an architecture has no training. gaps: metric -> where a training lacks it.
    """

    def __init__(self, name: str, settings: TrialSettings, blocks: dict[int, str]):
        self.name, self._blocks, self.allow_partial = name, blocks, settings.allow_partial
        self._datasets = [d for d in DATASETS if d in settings.datasets]
        self._epochs = sorted(set(settings.epochs))
        self.strings: dict[int, str] = {}
        self.rows: dict[str, dict[int, list[float]]] = {}
        self.lacking: dict[str, str] = {}
        self.gaps: dict[str, str] = {}

    def refused(self, path: str, reason: str) -> DataError:
        """Return the error that refuses the file for what is at a path of keys."""
        return DataError(f"{self.name}: {path}: {reason}")

    def add(self, index: int, info, path: str) -> None:
        """Take one architecture: {key of a training: {arch_str, dataset_seed, all_results, ...}}.

        Raises DataError, naming the path: of another form, a trial missing, a number that is none.
        """
        if index in self.strings:
            raise self.refused(path, "comes twice; each architecture may come once")
        if type(info) is not dict or not any(key in info for key in self._blocks.values()):
            raise self.refused(path, f"expected a dict with {' and '.join(self._blocks.values())}")
        for epochs, key in self._blocks.items():
            if key in info:
                self._add_block(index, epochs, info[key], step(path, key))
            else:
                self._lacks(epochs, self._datasets, f"{path}: no {key!r}")

    def _lacks(self, epochs: int, datasets: Sequence[str], where: str) -> None:
        for dataset in datasets:
            for what in ("train_acc", *SETS[dataset]):
                self.lacking.setdefault(f"{dataset}/{what}@{epochs}", where)

    def _add_block(self, index: int, epochs: int, block, path: str) -> None:
        string = self._get(block, "arch_str", path, str)
        if self._get(block, "arch_index", path, int) != index:
            raise self.refused(step(path, "arch_index"), f"{block['arch_index']}, expected {index}")
        if self.strings.setdefault(index, string) != string:
            other = self.strings[index]
            raise self.refused(step(path, "arch_str"), f"{string!r:.120}, elsewhere it is {other!r:.120}")
        seeds = self._get(block, "dataset_seed", path, dict)
        results = self._get(block, "all_results", path, dict)
        for dataset in self._datasets:
            for seed in self._seeds(seeds, epochs, dataset, step(path, "dataset_seed")):
                where = step(step(path, "all_results"), (dataset, seed))
                if (dataset, seed) not in results:
                    raise self.refused(where, "missing trial: dataset_seed lists it, but it has no result")
                self._add_trial(index, epochs, dataset, results[dataset, seed], where)

    def _seeds(self, of: dict, epochs: int, dataset: str, path: str) -> list[int]:
        if dataset not in of or of[dataset] == []:
            self._lacks(epochs, [dataset], f"{path}: no {dataset}")
            return []
        seeds = self._get(of, dataset, path, list)
        if any(type(seed) is not int for seed in seeds) or len(set(seeds)) != len(seeds):
            raise self.refused(step(path, dataset), "expected whole numbers, all different")
        if len(seeds) > _MAX_TRIALS:
            raise self.refused(step(path, dataset), f"{len(seeds)} trials, expected at most {_MAX_TRIALS}")
        return sorted(seeds)

    def _add_trial(self, index: int, epochs: int, dataset: str, trial, path: str) -> None:
        if self._get(trial, "epochs", path, int) != epochs:
            raise self.refused(step(path, "epochs"), f"inconsistent: {trial['epochs']}, expected {epochs}")
        curve = self._get(trial, "train_acc1es", path, dict)
        if epochs in curve:
            raise self.refused(step(path, "train_acc1es"), f"inconsistent: more than {epochs} epochs")
        evaluations = self._get(trial, "eval_acc1es", path, dict)
        of_full = [(e, f"_of{FULL}@{e}") for e in self._epochs] if epochs == FULL else []
        for epoch, tag in [(epochs, f"@{epochs}"), *of_full]:
            found = self._accuracy(curve, epoch - 1, f"{dataset}/train_acc{tag}", path, "train_acc1es")
            self._put(f"{dataset}/train_acc{tag}", index, found)
            for what, on in SETS[dataset].items():
                name = f"{dataset}/{what}{tag}"
                found = self._accuracy(evaluations, f"{on}@{epoch - 1}", name, path, "eval_acc1es")
                self._put(name, index, found)
        self._add_costs(index, epochs, dataset, trial, path)

    def _accuracy(self, curve: dict, key: int | str, name: str, path: str, last: str) -> float:
        """Return one accuracy in percent; NaN if the curve does not have it."""
        if key not in curve:
            if name not in self.gaps:
                self.gaps[name] = step(step(path, last), key)
            return math.nan
        value = curve[key]
        if type(value) not in _NUMBERS or not 0 <= value <= 100:
            shown = value if type(value) in _NUMBERS else type(value).__name__
            raise self.refused(
                step(step(path, last), key), f"{shown}, expected an accuracy, 0 to 100 percent"
            )
        return value

    def _add_costs(self, index: int, epochs: int, dataset: str, trial: dict, path: str) -> None:
        for cost, key in (("params", "params"), ("flops", "flop")):
            value = self._get(trial, key, path, int, float)
            if not 0 < value < 1e6:
                raise self.refused(step(path, key), f"{value}, expected millions above 0")
            self.rows.setdefault(cost, {}).setdefault(index, [round(value * 1e6)])
        latency = self._total(trial, "latency", path, list)
        if latency > 0:
            self.rows.setdefault("latency", {}).setdefault(index, [latency / len(trial["latency"])])
        seconds = self._total(trial, "train_times", path, dict)
        if not math.isnan(seconds) and (len(trial["train_times"]) != epochs or seconds < 0):
            raise self.refused(step(path, "train_times"), f"inconsistent: expected {epochs} times above 0")
        self._put(f"{dataset}/train_seconds@{epochs}", index, seconds)

    def _total(self, trial: dict, key: str, path: str, kind: type) -> float:
        """Return the sum of times; NaN where the file has None or nothing."""
        times = trial.get(key)
        if times is None or (type(times) is kind and not times):
            return math.nan
        times = self._get(trial, key, path, kind)
        times = list(times.values()) if kind is dict else times
        if not _NUMBERS.issuperset(map(type, times)) or not math.isfinite(total := float(sum(times))):
            raise self.refused(step(path, key), "expected finite numbers")
        return total

    def _put(self, name: str, index: int, value: float) -> None:
        self.rows.setdefault(name, {}).setdefault(index, []).append(value)

    def _get(self, holder, key: str, path: str, *kinds: type):
        """Return what a dict has under `key`, of one of `kinds`."""
        if type(holder) is not dict:
            raise self.refused(path, f"expected a dict, found {type(holder).__name__}")
        if key not in holder:
            raise self.refused(path, f"no {key!r}; the file is damaged or of another form")
        if type(holder[key]) not in kinds:
            names = " or ".join(kind.__name__ for kind in kinds)
            raise self.refused(step(path, key), f"expected {names}, found {type(holder[key]).__name__}")
        return holder[key]
