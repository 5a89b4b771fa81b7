"""Artifacts of several runs of arch2vec and info-NAS on CIFAR-10 networks, as the stage writes them.

`python -m tests.unit.report_autoencoder_fixtures FOLDER` writes a run and its page, to look at.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.report.data import Sources
from pipeline.storage.artifacts import put, put_archs, put_table, write_h5
from tests.unit.report_fixtures import CONFIG as DIGITS
from tests.unit.report_fixtures import HELD_OUT, Fixtures

EPOCHS, RUNS, FEATURES = 12, 5, 65
SETS = {"train": 0.17, "unseen_networks": 0.37, "unseen_images": 0.21, "unseen_both": 0.52}  # last losses
BASELINES = {"train": 0.766, "unseen_networks": 0.711, "unseen_images": 0.725, "unseen_both": 0.5}
SETTINGS = {
    "arch2vec": {"model": "arch2vec", "epochs": EPOCHS},
    "infonas": {
        "model": "infonas",
        "epochs": EPOCHS,
        "loss": "l1",
        "lr": 1e-3,
        "vae_weight": 1.0,
        "io_weight": 1.0,
        "batch_size": 32,
        "schedule": "cosine",
        "preprocessing": {"scale": "network", "weighted": False, "multiply": True, "top_k": 0},
    },
}
SETTINGS["infonas_mse"] = SETTINGS["infonas"] | {"loss": "mse", "lr": 1e-4}
PREDICTORS = {
    "random_forest_arch2vec": {"method": "random_forest", "latents": "arch2vec"},
    "random_forest_infonas": {"method": "random_forest", "latents": "infonas/2"},
    "gates": {"method": "gates"},
}
CONFIG = DIGITS | {
    "images": {"cifar10": {"source": "cifar10", "n_valid": 1000}},
    "benchmarks": {"digits101": DIGITS["benchmarks"]["digits101"] | {"children": {"images": "cifar10"}}},
    "predictors": PREDICTORS,
    "evaluation": {"above": 0.94, "n_train": [30, 60, 120], "ks": [5, 10]},
}


class AutoencoderFixtures(Fixtures):
    """A whole run with several runs of each autoencoder, a reference, feature maps and distances."""

    image_set = "cifar10"

    def sources(self) -> Sources:
        found = super().sources()
        encoders = {
            name: [self.run(name, run, found.table) for run in range(1, RUNS + 1)] for name in SETTINGS
        }
        return replace(found, autoencoders=encoders)

    def run(self, name: str, run: int, table: Path) -> Path:
        """Write one run of an autoencoder."""
        path, infonas = self.folder / f"autoencoders/digits101/{name}/seed_{run}.h5", name != "arch2vec"
        history = {"epoch": np.arange(1, EPOCHS + 1)}
        history |= self.vae_history(0.22 if infonas else 0.21, "", infonas)
        facts = {"validity": self.around(0.47, 0.02), "uniqueness": self.around(0.993, 0.002)}
        facts |= {"adj_false_positives": self.around(0.012, 0.003), "unique_cells": self.around(0.8, 0.01)}
        facts |= {"neighbour_difference": 0.008, "random_difference": 0.012, "neighbour_correlation": 0.4}
        if infonas:
            history |= self.vae_history(0.205, "reference_", True)
            history["io_loss"] = self.curve(0.18, 0.6)
            for subset, end in SETS.items():
                history[f"io_loss_{subset}"] = self.curve(end, 0.5)
                history[f"io_loss_{subset}_median"] = 0.8 * history[f"io_loss_{subset}"]
                mean = BASELINES[subset]
                facts |= {f"mean_baseline_{subset}": mean, f"mean_baseline_own_{subset}": mean - 0.01}
            facts |= {"reference_validity": 0.46, "reference_uniqueness": 0.99}
        facts |= {key: values[-1] for key, values in history.items() if key != "epoch"}
        with write_h5(path, "autoencoder", self.job("autoencoders", {"run": run}), [table]) as handle:
            handle.attrs["name"], handle.attrs["model"] = name, SETTINGS[name]["model"]
            handle.attrs["settings"] = json.dumps(SETTINGS[name])
            handle.attrs.update({key: float(value) for key, value in facts.items()})
            put_archs(handle, self.archs[: self.n])
            put(handle, "embeddings", self.embeddings())
            put(handle, "smoothness/differences", np.linspace(0.006, 0.010, 10))
            for key, values in self.arrays().items() if infonas else ():
                put(handle, key, values)
            put_table(handle, history)
        return path

    def around(self, mean: float, deviation: float) -> float:
        return float(mean + deviation * self.rng.normal())

    def curve(self, end: float, fall: float) -> np.ndarray:
        epochs = np.arange(1, EPOCHS + 1)
        return self.around(end, 0.03 * end) + fall * np.exp(-epochs / 2) + 0.004 * self.rng.random(EPOCHS)

    def vae_history(self, end: float, prefix: str, batches: bool) -> dict[str, np.ndarray]:
        found = {"vae_loss": self.curve(end, 0.6)}
        if batches:
            found |= {"vae_loss_labelled": self.curve(end, 0.6)}
            found |= {"op_accuracy_labelled": 1 - self.curve(0.001, 0.4)}
            found |= {"adj_accuracy_labelled": 1 - self.curve(0.02, 0.3)}
        found |= {"op_accuracy": 1 - self.curve(0.001, 0.4), "adj_accuracy": 1 - self.curve(0.03, 0.3)}
        return {prefix + key: values for key, values in found.items()}

    def embeddings(self) -> np.ndarray:
        flat = np.concatenate([self.archs.ops[: self.n], self.archs.adj[: self.n].reshape(self.n, -1)], 1)
        return (flat @ self.rng.normal(size=(56, 112))).astype(np.float32)

    def arrays(self) -> dict[str, np.ndarray]:
        """What info-NAS keeps beside its weights."""
        rows = [(s, of, kind) for s in SETS for of in ("train", "own") for kind in ("l1", "mse")]
        names = ("set", "of", "loss")
        found = {f"baselines/{name}": np.array([row[k] for row in rows]) for k, name in enumerate(names)}
        halves = [{"l1": 0.02, "mse": 0.05}[kind] for *_, kind in rows]
        found |= {"baselines/ci95": np.array(halves), "preprocessing/cells": np.array(self.ids[: self.n])}
        return found | self.shown() | self.distances()

    def shown(self) -> dict[str, np.ndarray]:
        """Five networks with four images each: a profile of its own a network, and noise an image."""
        found = {}
        for subset in SETS:
            profile = np.repeat(self.rng.normal(size=(5, FEATURES)).cumsum(axis=1) / 6, 4, axis=0)
            true = profile + 0.4 * self.rng.normal(size=profile.shape)
            found[f"shown/{subset}/true"] = true.astype(np.float32)
            found[f"shown/{subset}/predicted"] = (0.8 * profile).astype(np.float32)
            found[f"shown/{subset}/network"] = np.repeat(np.arange(HELD_OUT, HELD_OUT + 5), 4)
            found[f"shown/{subset}/image"] = np.tile(np.arange(4), 5)
        return found

    def distances(self) -> dict[str, np.ndarray]:
        return {
            f"distances/{cells}/{pairs}/{model}": self.rng.gamma(shape, 0.3 * wide, 400).astype(np.float32)
            for cells in ("labelled", "unlabelled")
            for pairs, shape in (("edit_1", 8), ("random", 26))
            for model, wide in (("vae", 1.0), ("reference", 0.8))
        }


if __name__ == "__main__":
    from pipeline.report.data import read
    from pipeline.report.page import build

    out = Path(sys.argv[1]) / "report/index.html"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(build(read(AutoencoderFixtures(Path(sys.argv[1])).sources(), CONFIG), out))
