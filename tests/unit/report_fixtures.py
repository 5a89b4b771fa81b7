"""Synthetic artifacts of a whole run, in the real formats and with plausible numbers, for the report's tests.

`python -m tests.unit.report_fixtures FOLDER` writes a run and its page, to look at.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.benchmarks.tables import BenchmarkTable, write_table
from pipeline.job import Job
from pipeline.report.data import Sources
from pipeline.spaces import nasbench101 as space
from pipeline.spaces.archs import Archs
from pipeline.storage.artifacts import put, put_archs, put_table, write_h5, write_text_artifact

HELD_OUT, LABELLED, CANDIDATES, EPOCHS = 30, 120, 60, 12
BUDGET, INITIAL, RUNS, IMAGES = 60, 30, 3, 360
PREDICTORS = ("gates", "random_forest_arch2vec", "random_forest_infonas")
STRATEGIES = {"random": None, "regularized_evolution": None, "predictor_evolution": "gates"}
METRICS = ("params", "flops", "grad_norm", "plain", "snip", "synflow", "relu_logdet")
CONFIG = {
    "seed": 0,
    "images": {"digits": {"source": "digits", "n_valid": IMAGES, "n_test": IMAGES}},
    "benchmarks": {
        "digits101": {
            "space": "nasbench101",
            "children": {"images": "digits", "n_labelled": LABELLED, "n_held_out": HELD_OUT},
        }
    },
    "search": {"budget": BUDGET, "n_initial": INITIAL, "n_runs": RUNS},
    "strategies": {k: {"method": k} | ({"predictor": p} if p else {}) for k, p in STRATEGIES.items()},
    "evaluation": {"ks": [5, 10]},
    "report": {"title": "nasflow"},
}


def cells(n: int, rng: np.random.Generator) -> Archs:
    """Return n different valid cells of at most nine edges."""
    ops = np.full((8 * n, 7), space.NONE, np.uint8)
    adj = np.zeros((8 * n, 7, 7), np.uint8)
    for row in range(8 * n):  # a chain through the interior vertices, and some edges more
        inner = int(rng.integers(2, 6))
        path = [0, *range(1, inner + 1), 6]
        ops[row, path] = [space.INPUT, *rng.choice(space.INTERIOR_OPS, inner), space.OUTPUT]
        adj[row, path[:-1], path[1:]] = 1
        spare = [(a, b) for i, a in enumerate(path) for b in path[i + 2 :]]
        extra = rng.choice(len(spare), min(len(spare), int(rng.integers(0, 9 - inner))), replace=False)
        for k in extra:
            adj[row][spare[k]] = 1
    archs = Archs("nasbench101", ops, adj)
    archs = archs[np.flatnonzero(space.validate(archs))]
    _, first = np.unique(space.canonical_key(archs), return_index=True)
    assert len(first) >= n
    return archs[np.sort(first)[:n]]


def accuracy(archs: Archs, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return plausible validation and test accuracies: convolutions help, and 360 images are few."""
    inner = archs.ops[:, 1:6]
    worth = 0.6 * (inner == space.CONV3X3).sum(1) + 0.35 * (inner == space.CONV1X1).sum(1)
    true = 0.985 - 0.05 * np.exp(-0.9 * worth) - 0.01 * rng.exponential(size=len(archs))
    true[rng.random(len(archs)) < 0.02] -= 0.3
    return tuple(rng.binomial(IMAGES, np.clip(true, 0.1, 0.995)) / IMAGES for _ in range(2))


class Fixtures:
    """A whole run under `folder`; `sources` names its files. image_set: what accuracies are on."""

    image_set = "digits"

    def __init__(self, folder: Path):
        self.folder, self.rng = Path(folder), np.random.default_rng(7)
        n = HELD_OUT + LABELLED
        self.archs = cells(n + CANDIDATES + 200, self.rng)
        self.ids = space.cell_ids(self.archs)
        self.val, self.test = accuracy(self.archs, self.rng)
        self.role = np.where(np.arange(n) < HELD_OUT, "held_out", "labelled")
        self.n = n

    def job(self, stage: str, settings: dict | None = None) -> Job:
        """A job as the workflow would make it."""
        return Job(stage, settings or {}, seed=0, code="0123456789abcdef", device="cpu")

    def sources(self) -> Sources:
        """Write everything and return the files."""
        images = self.images()
        children = self.children(images)
        table = self.table(children)
        io = self.io(table)
        encoders = {name: [self.autoencoder(name, table)] for name in ("arch2vec", "infonas")}
        predictions = [self.predictions(p, k, table) for p in PREDICTORS for k in (30, 60, 120)]
        search = {name: self.search(name, table) for name in STRATEGIES}
        tables = [self.csv("predictors"), self.csv("search")]
        return Sources(images, children, table, io, encoders, self.zeroshot(), predictions, search, tables)

    def images(self) -> Path:
        path = self.folder / "images/digits.h5"
        with write_h5(path, "images", self.job("images")) as handle:
            handle.attrs["name"], handle.attrs["classes"] = "digits", [str(d) for d in range(10)]
            n = 1797
            put(handle, "images", np.zeros((n, 1, 8, 8), np.uint8))
            put(handle, "labels", np.zeros(n, np.uint8))
            split = np.repeat([0, 1, 2], [n - 2 * IMAGES, IMAGES, IMAGES]).astype(np.uint8)
            put(handle, "split", split)
            put_table(handle, {"index": np.arange(n), "label": np.zeros(n, np.uint8), "split": split})
        return path

    def children(self, images: Path) -> list[Path]:
        paths, size = [], 50
        for chunk in range(self.n // size):
            rows = slice(chunk * size, (chunk + 1) * size)
            status = np.array(["ok"] * size)
            if chunk == 1:
                status[7] = "failed"
            final, epochs = self.val[rows, None], np.arange(1, EPOCHS + 1)
            curve = 0.1 + (final - 0.1) * (1 - np.exp(-epochs / 2.2)) / (1 - np.exp(-EPOCHS / 2.2))
            curve = curve + 0.01 * self.rng.normal(size=curve.shape) * np.linspace(1, 0, EPOCHS)
            loss = 2.3 * np.exp(-epochs / 2.4) + 0.03 / final
            curves = {"val_acc": curve, "test_acc": curve, "train_acc": curve, "train_loss": loss}
            seconds = {cell: float(self.rng.uniform(1.4, 4.2)) for cell in self.ids[rows]}
            path = self.folder / f"children/digits101/chunk_{chunk}.h5"
            with write_h5(path, "children", self.job("children"), [images], {"networks": seconds}) as handle:
                put_archs(handle, self.archs[rows])
                for name, values in curves.items():
                    values = np.where((status == "ok")[:, None], values, np.nan)
                    put(handle, f"curves/{name}", values.astype(np.float32))
                reason = np.where(status == "ok", "", "loss is not a number in epoch 3")
                columns = {"cell": self.ids[rows], "position": np.arange(size) + rows.start, "status": status}
                columns |= {"reason": reason, "params": np.full(size, 40_000), "val_acc": self.val[rows]}
                put_table(handle, columns)
            paths.append(path)
        return paths

    def table(self, children: list[Path]) -> Path:
        path = self.folder / "benchmarks/digits101.h5"
        metrics = {
            f"{self.image_set}/{k}@12": v[: self.n, None].astype(np.float32)
            for k, v in (("val_acc", self.val), ("test_acc", self.test))
        }
        val, test = metrics
        archs, ids = self.archs[: self.n], self.ids[: self.n]
        costs = {"params": np.full(self.n, 40_000)}
        table = BenchmarkTable("digits101", archs, ids, self.role, metrics, val, test, costs)
        write_table(path, table, self.job("benchmarks"), children)
        return path

    def io(self, table: Path) -> Path:
        path = self.folder / "io_dataset/digits101.h5"
        with write_h5(path, "io_dataset", self.job("io_dataset"), [table]) as handle:
            handle.attrs["layer"] = "gap"
            put_archs(handle, self.archs[: self.n])
            put(handle, "outputs", np.zeros((self.n, 40, 64), np.float32))
            put(handle, "class_weights", np.zeros((self.n, 10, 64), np.float32))
            put(handle, "class_bias", np.zeros((self.n, 10), np.float32))
            put(handle, "image_role", np.repeat([0, 1], [30, 10]).astype(np.uint8))
            put(handle, "network_role", (self.role == "held_out").astype(np.uint8))
            put_table(handle, {"cell": self.ids[: self.n], "val_acc": self.val[: self.n]})
        return path

    def autoencoder(self, name: str, table: Path) -> Path:
        path = self.folder / f"autoencoders/digits101/{name}.h5"
        epochs = np.arange(1, 9)
        history = {
            "epoch": epochs,
            "vae_loss": 0.9 * np.exp(-epochs / 2) + (0.31 if name == "arch2vec" else 0.34),
        }
        history |= {"op_accuracy": 1 - 0.4 * np.exp(-epochs), "adj_accuracy": 1 - 0.3 * np.exp(-epochs / 1.5)}
        facts = {"validity": 0.47, "uniqueness": 0.993, "adj_false_positives": 0.0123}
        if name == "infonas":
            for subset, end in (
                ("train", 0.31),
                ("unseen_networks", 0.44),
                ("unseen_images", 0.36),
                ("unseen_both", 0.47),
            ):
                history[f"io_loss_{subset}"] = end + 0.4 * np.exp(-epochs / 2)
                facts[f"mean_baseline_{subset}"] = 0.74 + 0.1 * end
        mixing = self.rng.normal(size=(56, 112))
        flat = np.concatenate([self.archs.ops[: self.n], self.archs.adj[: self.n].reshape(self.n, -1)], 1)
        with write_h5(path, "autoencoder", self.job("autoencoders"), [table], {"epochs": 8}) as handle:
            handle.attrs["name"] = name
            for key, value in (facts | {k: v[-1] for k, v in history.items() if k != "epoch"}).items():
                handle.attrs[key] = float(value)
            put_archs(handle, self.archs[: self.n])
            put(handle, "embeddings", (flat @ mixing).astype(np.float32))
            put_table(handle, history)
        return path

    def zeroshot(self) -> Path:
        path, n = self.folder / "zeroshot/digits101.h5", self.n + CANDIDATES
        role = np.r_[self.role, ["candidate"] * CANDIDATES]
        size = (self.archs.ops[:n, 1:6] == space.CONV3X3).sum(1) + 0.4 * (
            self.archs.ops[:n, 1:6] == space.CONV1X1
        ).sum(1)
        with write_h5(path, "zeroshot", self.job("zeroshot_collect")) as handle:
            network = '{"stem_channels": 8, "stacks": 3, "cells_per_stack": 1, "layers": null}'
            handle.attrs.update({"images": "digits", "batch_size": 64, "seeds": 2, "network": network})
            put_archs(handle, self.archs[:n])
            scores = {m: size + (0.15 + 0.4 * i) * self.rng.normal(size=n) for i, m in enumerate(METRICS)}
            scores["relu_logdet"][:3] = np.nan
            for metric, values in scores.items():
                put(handle, f"arch/{metric}", values)
                put(handle, f"reason/{metric}", np.where(np.isnan(values), "equal codes", ""))
            put_table(
                handle,
                {
                    "cell": self.ids[:n],
                    "role": role,
                    **scores,
                    "reason": ["equal codes"] * 3 + [""] * (n - 3),
                },
            )
        return path

    def predictions(self, predictor: str, n_train: int, table: Path) -> Path:
        path = self.folder / f"predictors/digits101/{predictor}/n{n_train}.h5"
        truth = self.val[:HELD_OUT]
        noise = {"gates": 0.7, "random_forest_arch2vec": 1.2, "random_forest_infonas": 1.0}[predictor]
        noise *= np.sqrt(60 / n_train)
        spread = np.std(np.sort(truth)[2:])
        scores = [truth + noise * spread * self.rng.normal(size=HELD_OUT) for _ in range(9)]
        job = self.job("predictors", {"predictor": predictor, "n_train": n_train})
        with write_h5(
            path, "predictions", job, [table], {"fit_seconds": 4.2, "score_seconds": 0.3}
        ) as handle:
            handle.attrs.update({"benchmark": "digits101", "predictor": predictor, "n_train": n_train})
            put_archs(handle, self.archs[:HELD_OUT])
            columns = {
                "run": np.repeat(np.arange(9), HELD_OUT),
                "subset": np.repeat(np.arange(9) // 3, HELD_OUT),
            }
            columns |= {
                "cell": self.ids[:HELD_OUT] * 9,
                "truth": np.tile(truth, 9),
                "score": np.concatenate(scores),
            }
            put_table(handle, columns)
        return path

    def search(self, name: str, table: Path, runs: int = RUNS, gain: float | None = None) -> Path:
        """A strategy asks for the best cells with gain 1, for any with 0, for the worst with -1."""
        path = self.folder / f"search/digits101/{name}.h5"
        gain = (
            {"random": 0.0, "regularized_evolution": 0.35, "predictor_evolution": 0.75}[name]
            if gain is None
            else gain
        )
        rows, pool = [], np.arange(self.n, len(self.archs))
        for run in range(runs):
            first = HELD_OUT + np.random.default_rng(run).permutation(LABELLED)[:INITIAL]
            merit = gain * np.argsort(np.argsort(self.val[pool])) + (1 - abs(gain)) * self.rng.permutation(
                len(pool)
            )
            rows.append(np.r_[first, pool[np.argsort(-merit)[: BUDGET - INITIAL]]])
        rows = np.concatenate(rows)
        with write_h5(
            path, "search", self.job("search", {"strategy": name}), [table], {"cells_by_source": {}}
        ) as handle:
            handle.attrs.update({"benchmark": "digits101", "strategy": name, "n_runs": runs})
            put_archs(handle, self.archs[rows])
            columns = {
                "run": np.repeat(np.arange(runs), BUDGET),
                "query": np.tile(np.arange(1, BUDGET + 1), runs),
            }
            columns |= {
                "cell": [self.ids[r] for r in rows],
                "val_acc": self.val[rows],
                "test_acc": self.test[rows],
            }
            columns["source"] = np.where(rows < self.n, "known", "trained")
            put_table(handle, columns | {"train_seconds": np.full(len(rows), np.nan)})
        return path

    def csv(self, name: str) -> Path:
        path = self.folder / f"tables/{name}.csv"
        write_text_artifact(
            path, pd.DataFrame({"benchmark": ["digits101"]}).to_csv(index=False), self.job(f"{name}_table")
        )
        return path


if __name__ == "__main__":
    from pipeline.report.data import read
    from pipeline.report.page import build

    out = Path(sys.argv[1]) / "report/index.html"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(build(read(Fixtures(Path(sys.argv[1])).sources(), CONFIG), out))
