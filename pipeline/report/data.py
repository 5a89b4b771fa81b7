"""Reads a run's artifacts into plain frames: everything that the report shows comes through here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.by_benchmark import on, whole_on
from pipeline.errors import ArtifactError
from pipeline.report.autoencoders import Autoencoder, read_autoencoders
from pipeline.report.labels import Labels, read_labels
from pipeline.report.record import Made, made_from
from pipeline.spaces.archs import Archs
from pipeline.storage.artifacts import get_archs, get_table, open_h5
from pipeline.storage.sidecars import read_run_record
from pipeline.zeroshot.chunks import why_missing

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Sources:
    """The report's input files; what is None or empty is left out of the page."""

    images: Path | None = None
    children: Sequence[Path] = ()
    table: Path | None = None
    io_dataset: Path | None = None
    autoencoders: Mapping[str, Sequence[Path]] = field(default_factory=dict)  # name -> its runs
    zeroshot: Path | None = None
    predictions: Sequence[Path] = ()
    search: Mapping[str, Path] = field(default_factory=dict)
    tables: Sequence[Path] = ()
    surrogates: Mapping[str, Path] = field(default_factory=dict)
    papers: Sequence[Path] = ()  # what each prints beside what was measured

    def paths(self) -> list[Path]:
        """Return all files, in the order of the workflow."""
        first = [self.images], self.children, [self.table], self.surrogates.values(), [self.io_dataset]
        rest = (
            *self.autoencoders.values(),
            [self.zeroshot],
            self.predictions,
            self.search.values(),
            self.tables,
            self.papers,
        )
        return [Path(p) for group in (*first, *rest) for p in group if p is not None]


@dataclass(frozen=True)
class ImageFacts:
    """One image set. counts: images in each part of SPLITS. shape: (C, H, W)."""

    name: str
    shape: tuple[int, int, int]
    classes: list[str]
    counts: dict[str, int]


@dataclass(frozen=True)
class Children:
    """Trained networks. table: one row a network. curves: name -> float32 (networks, epochs)."""

    table: pd.DataFrame
    curves: dict[str, np.ndarray]


@dataclass(frozen=True)
class ZeroShot:
    """Scores of untrained networks. frame: cell, role, then one column a metric (in `metrics`).

    reasons: why cells lack a score -> (how many, of which metrics). how: with what scores were computed:
    images, batch_size, seeds, network (a dict); empty if the file does not say.
    """

    frame: pd.DataFrame
    metrics: list[str]
    reasons: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    how: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Predictions:
    """Scores of held-out cells. frame: predictor, n_train, run, subset, cell, truth, score.

    fits: predictor, n_train, seconds (of training all runs; NaN if not recorded), score_seconds (the same of
    scoring), regresses (whether scores are accuracies, not ranks alone). ks: K of Precision@K.
    """

    frame: pd.DataFrame
    fits: pd.DataFrame
    ks: list[int]


@dataclass(frozen=True)
class Search:
    """All runs of one strategy. archs: one a row of frame.

    frame: run, query, cell, val_acc, test_acc (NaN if there is none), source, train_seconds (of the run so
    far, as the benchmark recorded it; NaN if unknown). val_acc is the accuracy that was queried; where that
    is the test accuracy, test_acc is NaN, as nothing is left to judge by. metric: full name of what was
    queried. queried: its column in the benchmark's table, val_acc or test_acc.
    """

    frame: pd.DataFrame
    archs: Archs
    metric: str = ""
    queried: str = "val_acc"


@dataclass(frozen=True)
class Run:
    """Everything that one report shows. None or empty: not part of this run.

    surrogates: val_acc, test_acc -> cross-validation, one row a fold. images: those that labels come from.
    """

    config: dict
    seed: int
    sources: Sources
    images: ImageFacts | None
    children: Children | None
    labels: Labels | None
    surrogates: dict[str, pd.DataFrame]
    io: dict | None
    autoencoders: dict[str, Autoencoder]
    zeroshot: ZeroShot | None
    predictions: Predictions | None
    searches: dict[str, Search]
    made: list[Made]
    papers: dict[str, pd.DataFrame]  # name -> its table (see pipeline.papers.command)

    @property
    def settings(self) -> dict:
        """The configuration as it holds for the page's benchmark."""
        return whole_on(self.config, self.labels.name) if self.labels else self.config


def read(sources: Sources, config: dict, seed: int = 0) -> Run:
    """Read all files. Raises ArtifactError for one that is missing, damaged or of another kind."""
    for path in sources.tables:
        if not Path(path).is_file():
            raise ArtifactError(f"{path}: no such table; run the stage that makes it (snakemake {path})")
    labels = read_labels(sources.table, config.get("benchmarks", {})) if sources.table else None
    return Run(
        config=config,
        seed=seed,
        sources=sources,
        images=_images(sources.images) if sources.images and not (labels and labels.source) else None,
        children=_children(sources.children) if sources.children else None,
        labels=labels,
        surrogates={name: _folds(path) for name, path in sources.surrogates.items()},
        io=_io(sources.io_dataset) if sources.io_dataset else None,
        autoencoders=read_autoencoders(sources.autoencoders),
        zeroshot=_zeroshot(sources.zeroshot) if sources.zeroshot else None,
        predictions=_predictions(sources.predictions, config) if sources.predictions else None,
        searches={name: _search(path) for name, path in sources.search.items()},
        made=made_from(sources.paths()),
        papers={Path(path).stem: pd.read_csv(path) for path in sources.papers},
    )


def _images(path: Path) -> ImageFacts:
    with open_h5(path, "images") as handle:
        counts = np.bincount(handle["split"][()], minlength=3)
        return ImageFacts(
            name=str(handle.attrs["name"]),
            shape=tuple(int(n) for n in handle["images"].shape[1:]),
            classes=[str(c) for c in handle.attrs["classes"]],
            counts={part: int(n) for part, n in zip(SPLITS, counts, strict=True)},
        )


def _children(paths: Sequence[Path]) -> Children:
    tables, curves = [], {}
    for path in paths:
        with open_h5(path, "children") as handle:
            tables.append(get_table(handle))
            for name, values in handle["curves"].items():
                curves.setdefault(name, []).append(values[()])
    epochs = {name: max(part.shape[1] for part in parts) for name, parts in curves.items()}
    joined = {name: np.concatenate([_wide(p, epochs[name]) for p in parts]) for name, parts in curves.items()}
    return Children(pd.concat(tables, ignore_index=True), joined)


def _wide(curves: np.ndarray, epochs: int) -> np.ndarray:
    """Pad (networks, fewer epochs) with NaN, as float64."""
    gap = epochs - curves.shape[1]
    return np.pad(curves.astype(np.float64), ((0, 0), (0, gap)), constant_values=np.nan)


def _folds(path: Path) -> pd.DataFrame:
    with open_h5(path, "surrogate") as handle:
        return get_table(handle)


def _io(path: Path) -> dict:
    with open_h5(path, "io_dataset") as handle:
        outputs, networks = handle["outputs"], handle["network_role"][()]
        images = handle["image_role"][()]
        return {
            "networks": int((networks == 0).sum()),
            "unseen_networks": int((networks == 1).sum()),
            "images": int((images == 0).sum()),
            "unseen_images": int((images == 1).sum()),
            "channels": int(outputs.shape[2]),
            "classes": int(handle["class_weights"].shape[1]),
            "number": str(outputs.dtype),
            "layer": str(handle.attrs.get("layer", "")),
            "bytes": Path(path).stat().st_size,
        }


def _zeroshot(path: Path) -> ZeroShot:
    with open_h5(path, "zeroshot") as handle:
        metrics, facts = list(handle["arch"]), dict(handle.attrs)
        table = get_table(handle)
        scores = pd.DataFrame({m: handle["arch"][m][()].astype(np.float64) for m in metrics})
        reasons = {m: texts.asstr()[()] for m, texts in handle.get("reason", {}).items()}
    how = {}
    if "network" in facts:
        how = {"images": str(facts["images"]), "network": json.loads(facts["network"])}
        how |= {name: int(facts[name]) for name in ("batch_size", "seeds")}
    return ZeroShot(pd.concat([table[["cell", "role"]], scores], axis=1), metrics, why_missing(reasons), how)


def _predictions(paths: Sequence[Path], config: dict) -> Predictions:
    parts, fits, ks = [], [], set()
    for path in paths:
        with open_h5(path, "predictions") as handle:
            frame, attrs = get_table(handle), dict(handle.attrs)
        names = {"predictor": str(attrs["predictor"]), "n_train": int(attrs["n_train"])}
        ks |= set(on(config.get("evaluation", {}), str(attrs["benchmark"])).get("ks", ()))
        made = read_run_record(path)
        times = {
            "seconds": made.get("fit_seconds", np.nan),
            "score_seconds": made.get("score_seconds", np.nan),
        }
        fits.append(names | times | {"regresses": bool(attrs.get("regresses_accuracy", True))})
        parts.append(frame.assign(**names))
    return Predictions(pd.concat(parts, ignore_index=True), pd.DataFrame(fits), sorted(ks))


def _search(path: Path) -> Search:
    with open_h5(path, "search") as handle:
        frame, queried = get_table(handle), str(handle.attrs.get("queried", "val_acc"))
        metric, archs = str(handle.attrs.get("metric", "")), get_archs(handle)
    if queried == "test_acc":
        frame = frame.assign(val_acc=frame["test_acc"], test_acc=np.nan)
    return Search(frame, archs, metric, queried)
