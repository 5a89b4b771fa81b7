"""Autoencoders as the report needs them: all runs of each, and the reference that is trained beside some."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from pipeline.errors import ArtifactError
from pipeline.spaces.archs import Archs
from pipeline.storage.artifacts import get_archs, get_table, open_h5

REFERENCE = "reference_"  # before names of what belongs to the arch2vec trained on the same batches


@dataclass(frozen=True)
class Maps:
    """Outputs predicted for a few networks and images: predicted, true: float32 (rows, features).

    network: whose output a row is. image: for which row of the image set, -1 for a mean over images.
    """

    predicted: np.ndarray
    true: np.ndarray
    network: list[str]
    image: list[int]


@dataclass(frozen=True)
class Autoencoder:
    """All runs of one autoencoder.

    losses: one row a run and epoch. final: one row a run, in order: run, then its measures. archs,
    embeddings (float32 (N, D); None if they were not kept), maps (set -> `Maps`) and distances (of latents;
    (cells, pairs) -> float (n,)) are of the first run. partner: the autoencoder whose reference this is.
    """

    losses: pd.DataFrame
    final: pd.DataFrame
    archs: Archs
    embeddings: np.ndarray | None
    model: str = "arch2vec"
    settings: Mapping = field(default_factory=dict)
    maps: Mapping[str, Maps] = field(default_factory=dict)
    distances: Mapping[tuple[str, str], np.ndarray] = field(default_factory=dict)
    partner: str | None = None

    def measured(self, measure: str) -> np.ndarray:
        """Return a measure of every run that has it, float64 (runs,); empty if none has."""
        if measure not in self.final:
            return np.empty(0)
        return self.final[measure].dropna().to_numpy(np.float64)

    def mean(self, measure: str) -> float:
        """Return a measure's mean over runs; NaN if no run has it."""
        values = self.measured(measure)
        return float(values.mean()) if len(values) else np.nan

    def deviation(self, measure: str) -> float:
        """Return a measure's standard deviation over runs (n - 1); NaN for fewer than two."""
        values = self.measured(measure)
        return float(values.std(ddof=1)) if len(values) > 1 else np.nan

    @property
    def runs(self) -> int:
        """How many runs there are."""
        return len(self.final)


def read_autoencoders(files: Mapping[str, Sequence[Path]]) -> dict[str, Autoencoder]:
    """Read all runs of each autoencoder; a reference follows its partner, as NAME@reference.

    Raises ArtifactError for a file that is missing, damaged or of another kind.
    """
    found = {}
    for name, paths in files.items():
        found[name] = own = read_autoencoder(list(paths))
        if any(column.startswith(REFERENCE) for column in own.losses):
            found[f"{name}@reference"] = _reference(name, own, paths[0])
    return found


def read_autoencoder(paths: Sequence[Path]) -> Autoencoder:
    """Read the runs of one autoencoder, in order. Raises ArtifactError."""
    losses, finals = [], []
    for position, path in enumerate(paths):
        with open_h5(path, "autoencoder") as handle:
            run = int(handle.attrs.get("run", position + 1))
            losses.append(get_table(handle).assign(run=run))
            settings = _settings(handle, path)
            half = _baseline_intervals(handle, settings.get("loss", "l1"))
            finals.append({"run": run} | _numbers(handle.attrs) | half | _by_neighbour(handle))
            if position == 0:
                first = _first_run(handle, settings)
    return Autoencoder(pd.concat(losses, ignore_index=True), pd.DataFrame(finals), **first)


def _settings(handle: h5py.File, path: Path) -> dict:
    try:
        return json.loads(handle.attrs.get("settings", "{}"))
    except json.JSONDecodeError as error:
        raise ArtifactError(
            f"{path}: attribute settings is no JSON; delete the file and run again"
        ) from error


def _baseline_intervals(handle: h5py.File, loss: str) -> dict[str, float]:
    """Half of the 95 % interval of each `mean_baseline_…`, over batches: `mean_baseline_…_ci95`."""
    if "baselines" not in handle:
        return {}
    group = handle["baselines"]
    texts = (group[name].asstr()[()] for name in ("set", "of", "loss"))
    prefix = {"train": "mean_baseline_", "own": "mean_baseline_own_"}
    return {
        f"{prefix[of]}{subset}_ci95": float(half)
        for subset, of, kind, half in zip(*texts, group["ci95"][()], strict=True)
        if kind == loss
    }


def _by_neighbour(handle: h5py.File) -> dict[str, float]:
    """neighbour_difference_1, …: difference of accuracy to the first, … nearest neighbour among latents."""
    values = handle["smoothness/differences"][()] if "smoothness/differences" in handle else ()
    return {f"neighbour_difference_{k}": float(value) for k, value in enumerate(values, 1)}


def _numbers(attrs) -> dict[str, float]:
    return {
        k: float(v)
        for k, v in attrs.items()
        if k not in ("format", "run") and np.issubdtype(type(v), np.number)
    }


def _first_run(handle: h5py.File, settings: dict) -> dict:
    return {
        "archs": get_archs(handle),
        "embeddings": _flat(handle, "embeddings"),
        "model": str(handle.attrs.get("model", "arch2vec")),
        "settings": settings,
        "maps": {name: _maps(group, _cells(handle)) for name, group in handle.get("shown", {}).items()},
        "distances": _distances(handle, "vae"),
    }


def _flat(handle: h5py.File, name: str) -> np.ndarray | None:
    if name not in handle:
        return None
    values = handle[name][()]
    return values.reshape(len(values), -1)


def _cells(handle: h5py.File) -> list[str]:
    """Names of the labelled networks, where they were kept."""
    return handle["preprocessing/cells"].asstr()[()].tolist() if "preprocessing/cells" in handle else []


def _maps(group: h5py.Group, cells: list[str]) -> Maps:
    networks = [cells[row] if cells else str(row) for row in group["network"][()]]
    return Maps(group["predicted"][()], group["true"][()], networks, group["image"][()].tolist())


def _distances(handle: h5py.File, model: str) -> dict[str, np.ndarray]:
    """Latent distances of a model ("vae", "reference"): (cells, pairs) -> float (n,)."""
    return {
        (cells, pairs): models[model][()]
        for cells, kinds in handle.get("distances", {}).items()
        for pairs, models in kinds.items()
        if model in models
    }


def _reference(name: str, own: Autoencoder, path: Path) -> Autoencoder:
    """The arch2vec that was trained on the same batches as `own`."""
    with open_h5(path, "autoencoder") as handle:
        embeddings, distances = _flat(handle, f"{REFERENCE}embeddings"), _distances(handle, "reference")
    return Autoencoder(
        losses=_renamed(own.losses, ["run", "epoch"]),
        final=_renamed(own.final, ["run"]),
        archs=own.archs,
        embeddings=embeddings,
        settings=own.settings,
        distances=distances,
        partner=name,
    )


def _renamed(frame: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """The columns of the reference by its own names, with the keys."""
    of_reference = {c: c.removeprefix(REFERENCE) for c in frame if c.startswith(REFERENCE)}
    return frame[[*keys, *of_reference]].rename(columns=of_reference)
