"""Synthetic artifacts of runs whose benchmarks are read from files, for the report's tests.

`python -m tests.unit.report_file_fixtures FOLDER` writes a page for each of the public benchmarks and the
overview of all, to look at.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline import spaces
from pipeline.benchmarks.tables import BenchmarkTable, write_table
from pipeline.job import Job
from pipeline.report.data import Sources
from pipeline.spaces.archs import Archs
from pipeline.storage.artifacts import put_archs, put_table, write_h5, write_text_artifact

BUDGET, INITIAL, RUNS = 40, 10, 5
STRATEGIES = {"random": None, "regularized_evolution": None, "predictor_evolution": "gates"}


@dataclass(frozen=True)
class Kind:
    """What a benchmark is like. cells: of its table. trials: 0 for one value and no test accuracy.

    hours: of one training, as the file records it; None if it does not. unused: cells without a role.
    """

    name: str
    space: str
    cells: int
    dataset: str = "cifar10"
    epochs: int = 200
    trials: int = 1
    test: bool = True
    hours: float | None = None
    surrogate: bool = False
    unused: int = 0


NASBENCH101 = Kind("nasbench101", "nasbench101", 400, epochs=108, test=False, hours=0.5, unused=100)
NASBENCH201 = Kind("nasbench201", "nasbench201", 15_625, dataset="cifar10-valid", trials=3, hours=0.75)
NASBENCH301 = Kind("nasbench301", "darts", 300, epochs=100, test=False, surrogate=True)
KINDS = (NASBENCH101, NASBENCH201, NASBENCH301)


def config_of(*kinds: Kind) -> dict:
    """The part of a configuration that the report reads."""
    benchmarks = {
        k.name: {"space": k.space, "source": "files", "surrogate": {} if k.surrogate else None} for k in kinds
    }
    return {
        "seed": 0,
        "benchmarks": benchmarks,
        "strategies": {k: {"method": k} | ({"predictor": p} if p else {}) for k, p in STRATEGIES.items()},
        "evaluation": {"ks": [5, 10]},
        "report": {"title": "nasflow"},
    }


class FileFixtures:
    """A run of one kind under `folder`; `sources()` writes its files and names them."""

    def __init__(self, folder: Path, kind: Kind):
        self.folder, self.kind, self.rng = Path(folder), kind, np.random.default_rng(5)
        self.space = spaces.load(kind.space)
        whole = kind.cells == self.space.SIZE
        self.archs = self.space.enumerate_cells() if whole else self.space.sample(kind.cells, self.rng)
        self.ids = self.space.cell_ids(self.archs)
        self.val, self.test = self.accuracies(self.archs)
        role = np.where(self.rng.random(kind.cells) < 0.5, "labelled", "held_out").astype("U8")
        role[self.rng.permutation(kind.cells)[: kind.unused]] = "unused"
        self.role = role

    def accuracies(self, archs: Archs) -> tuple[np.ndarray, np.ndarray]:
        """Plausible accuracies float32 (N, trials): operations are worth more or less, by their code."""
        ops = archs.ops.reshape(len(archs), -1)
        worth = np.sin(1.0 + ops.astype(float)).mean(axis=1)
        true = 0.93 - 0.06 * np.exp(-2.0 * worth - 1.0)
        shape = (len(archs), self.kind.trials)
        return tuple(
            np.clip(true[:, None] + 0.002 * self.rng.normal(size=shape), 0, 1).astype(np.float32)
            for _ in range(2)
        )

    def job(self, stage: str, settings: dict | None = None) -> Job:
        """A job as the workflow would make it."""
        return Job(stage, settings or {}, seed=0, code="0123456789abcdef", device="cpu")

    def sources(self) -> Sources:
        """Write everything and return the files."""
        table = self.table()
        predictions = [self.predictions(p, n) for p in ("gates", "xgboost") for n in (20, 80)]
        return Sources(
            table=table,
            predictions=predictions,
            search={name: self.search(name) for name in STRATEGIES},
            surrogates={"val_acc": self.surrogate()} if self.kind.surrogate else {},
        )

    def table(self) -> Path:
        k, path = self.kind, self.folder / f"benchmarks/{self.kind.name}.h5"
        val, test = f"{k.dataset}/val_acc@{k.epochs}", f"cifar10/test_acc@{k.epochs}"
        metrics = {val: self.val} | ({test: self.test} if k.test else {})
        costs = {"params": self.space.params(self.archs, 16, 3, 1, 3, 10)}
        if k.hours:
            costs[f"{k.dataset}/train_seconds@{k.epochs}"] = np.full(k.cells, 3600 * k.hours)
        source = {"reader": "csv", "reader_version": 1, "file": f"{k.name}.csv.gz"}
        table = BenchmarkTable(
            k.name, self.archs, self.ids, self.role, metrics, val, test if k.test else None, costs, source
        )
        write_table(path, table, self.job("ingest"))
        return path

    def surrogate(self) -> Path:
        path = self.folder / f"surrogates/{self.kind.name}/val_acc.h5"
        tau = np.array([0.71, 0.69, 0.73, 0.70, 0.72])
        with write_h5(path, "surrogate", self.job("surrogate")) as handle:
            columns = {"fold": np.arange(5), "n": np.full(5, self.kind.cells // 5), "kendall_tau": tau}
            put_table(handle, columns | {"spearman": tau + 0.15, "r2": tau + 0.05, "mse": tau * 2e-6})
        return path

    def predictions(self, predictor: str, n_train: int, runs: int = 4) -> Path:
        path = self.folder / f"predictors/{self.kind.name}/{predictor}/n{n_train}.h5"
        held = np.flatnonzero(self.role == "held_out")
        truth = self.val[held].mean(axis=1)
        noise = {"gates": 0.5, "xgboost": 0.9}[predictor] * np.sqrt(80 / n_train) * truth.std()
        job = self.job("predictors", {"predictor": predictor, "n_train": n_train})
        with write_h5(path, "predictions", job, run={"fit_seconds": 3.0}) as handle:
            handle.attrs.update(benchmark=self.kind.name, predictor=predictor, n_train=n_train)
            put_archs(handle, self.archs[held])
            columns = {"run": np.repeat(np.arange(runs), len(held))}
            columns["subset"] = columns["run"] // 2
            columns |= {"cell": [self.ids[row] for row in held] * runs, "truth": np.tile(truth, runs)}
            put_table(
                handle, columns | {"score": columns["truth"] + noise * self.rng.normal(size=runs * len(held))}
            )
        return path

    def search(self, name: str) -> Path:
        """Random search asks for any cells, the others for better and better ones."""
        k, path = self.kind, self.folder / f"search/{self.kind.name}/{name}.h5"
        top = {"random": 1.0, "regularized_evolution": 0.5, "predictor_evolution": 0.05}[name]
        if k.surrogate:
            pool = self.space.sample(4000, np.random.default_rng(3))
            val = self.accuracies(pool)[0].mean(axis=1)
            ids, test = self.space.cell_ids(pool), np.full(len(pool), np.nan)
        else:
            pool, ids, val = self.archs, self.ids, self.val.astype(float).mean(axis=1)
            test = self.test.astype(float).mean(axis=1) if k.test else np.full(len(pool), np.nan)
        order, rows = np.argsort(-val), []
        for run in range(RUNS):
            first = np.random.default_rng(run).permutation(len(pool))[:INITIAL]
            rest = np.setdiff1d(order[: max(int(top * len(pool)), 2 * BUDGET)], first)
            rows.append(np.r_[first, self.rng.permutation(rest)[: BUDGET - INITIAL]])
        rows = np.concatenate(rows)
        query = np.tile(np.arange(1, BUDGET + 1), RUNS)
        with write_h5(path, "search", self.job("search", {"strategy": name})) as handle:
            handle.attrs.update(benchmark=k.name, strategy=name, n_runs=RUNS)
            put_archs(handle, pool[rows])
            columns = {"run": np.repeat(np.arange(RUNS), BUDGET), "query": query}
            columns |= {"cell": [ids[row] for row in rows], "val_acc": val[rows], "test_acc": test[rows]}
            columns["source"] = np.full(len(rows), "surrogate" if k.surrogate else "known")
            seconds = query * 3600 * k.hours * k.trials if k.hours else np.full(len(rows), np.nan)
            put_table(handle, columns | {"train_seconds": seconds})
        return path


def predictors_csv(folder: Path, kinds) -> Path:
    """Write a table of predictors of several benchmarks."""
    path = folder / "tables/predictors.csv"
    lines = ["benchmark,predictor,n_train,n_runs,kendall_tau_mean,kendall_tau_std"]
    for at, kind in enumerate(kinds):
        lines += [f"{kind.name},{p},{n},9,0.{at}{n},0.01" for p, n in (("gates", 80), ("xgboost", 20))]
    write_text_artifact(path, "\n".join(lines) + "\n", Job("predictors_table", {}))
    return path


def overview_of(folder: Path, kinds, all_sources) -> Path:
    """Run the command `report_index` on these benchmarks and return its page."""
    from pipeline.report import overview

    parser, out = ArgumentParser(), folder / "report/index.html"
    overview.add_arguments(parser)
    args = ["--benchmark-tables", *(s.table for s in all_sources), "--predictors-table"]
    args += [
        predictors_csv(folder, kinds),
        "--searches",
        *(p for s in all_sources for p in s.search.values()),
    ]
    args += ["--pages", *(folder / f"report/{k.name}.html" for k in kinds), "--out", out]
    overview.run(parser.parse_args([str(a) for a in args]), Job("report_index", config_of(*kinds)))
    return out


if __name__ == "__main__":
    from pipeline.report.data import read
    from pipeline.report.page import build

    target = Path(sys.argv[1])
    (target / "report").mkdir(parents=True, exist_ok=True)
    written = [FileFixtures(target, kind).sources() for kind in KINDS]
    for kind, files in zip(KINDS, written, strict=True):
        page = target / f"report/{kind.name}.html"
        page.write_text(build(read(files, config_of(*KINDS)), page))
    overview_of(target, KINDS, written)
