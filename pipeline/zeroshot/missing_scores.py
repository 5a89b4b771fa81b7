"""Score what is not known yet, block by block."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import numpy as np
import torch

from pipeline import spaces
from pipeline.images.sets import ImageSet
from pipeline.settings import canonical_json
from pipeline.spaces.archs import Archs
from pipeline.staleness.fingerprint import closure, digest
from pipeline.zeroshot.kept import Column, KeptScores, Sheet, spelling_keys
from pipeline.zeroshot.scores import CellScores, score_cells
from pipeline.zeroshot.settings import ScoreSettings

log = logging.getLogger("nasflow")
SECONDS = 15.0  # of work between two writes
FIRST, GROWTH, MOST = 2, 4, 4096  # cells of the first block, how much larger the next may be, and the limit


def identity(space: str, images: ImageSet, settings: ScoreSettings, seed: int, device) -> str:
    """Return a digest of all that a cell's scores depend on, but for the cell and the metric."""
    entries = ("pipeline.zeroshot.scores", *spaces.code(space, "costs", "hashing", "keys", "network"))
    facts = {
        "code": digest(closure(entries)),
        "settings": settings.model_dump(mode="json", include={"network", "batch_size", "seeds"}),
        "images": f"{images.name} {images.digest}",
        "seed": seed,
        "torch": torch.__version__,
        "device": torch.device(device).type,
    }
    return digest({name: canonical_json(fact) for name, fact in facts.items()})


def scores_of(
    archs: Archs, images: ImageSet, settings: ScoreSettings, seed: int, device, folder: Path | None = None
) -> Sheet:
    """Return all of `settings.metrics` for all cells in `archs`; what `folder` keeps is not computed again.

    folder: where scores are kept as they are computed; None: nowhere.
    """
    keys = spelling_keys(archs)
    kept = None
    sheet = Sheet(keys)
    if folder is not None:
        kept = KeptScores(folder, identity(archs.space, images, settings, seed, device))
        sheet = kept.read(keys, settings.metrics)
    new = int((~sheet.known(settings.metrics)).any(axis=1).sum())
    for metrics, rows in _wanting(sheet, settings.metrics):
        part = settings.model_copy(update={"metrics": metrics})
        for block in _blocks(rows):
            started = time.perf_counter()
            found = score_cells(archs[block], images, part, seed, device)
            scored = _sheet(keys[block], found, (time.perf_counter() - started) / len(block))
            if kept is not None:
                kept.write(scored)
            sheet.copy_from(scored)
    if kept is not None:
        kept.gather(keys)
    log.info("%d of %d cells scored now; the others were kept", new, len(archs))
    return sheet


def _wanting(sheet: Sheet, metrics: list[str]):
    """Yield (metrics that are not known, the rows that lack just these)."""
    known = sheet.known(metrics)
    patterns, of_row = np.unique(known, axis=0, return_inverse=True)
    for k, pattern in enumerate(patterns):
        if not pattern.all():
            lacking = [metric for metric, there in zip(metrics, pattern, strict=True) if not there]
            yield lacking, np.flatnonzero(of_row.reshape(-1) == k)


def _blocks(rows: np.ndarray):
    """Yield rows in blocks that take about SECONDS each, as the ones before tell."""
    size, start = FIRST, 0
    while start < len(rows):
        began = time.perf_counter()
        block = rows[start : start + size]
        yield block
        each = (time.perf_counter() - began) / len(block)
        start += len(block)
        size = int(np.clip(SECONDS / max(each, 1e-9), 1, min(GROWTH * size, MOST)))


def _sheet(keys: np.ndarray, found: CellScores, seconds: float) -> Sheet:
    """Return what `score_cells` found. seconds: of a cell, where that does not say."""
    n, columns = len(keys), {}
    reasons = [split_reasons(text, list(found.arch)) if text else {} for text in found.reason]
    for metric, arch in found.arch.items():
        why = np.array([r.get(metric, "") for r in reasons], dtype=object)
        why[~np.isnan(arch)] = ""
        columns[metric] = Column(np.ones(n, dtype=bool), arch, found.op.get(metric), why)
    return Sheet(keys, columns, np.where(np.isnan(found.seconds), seconds, found.seconds))


def split_reasons(text: str, metrics: list[str]) -> dict[str, str]:
    """Return why each metric is missing. text: "<metrics>: <why>; …"; what names no metric is said of all."""
    of_one: dict[str, list[str]] = {}
    of_all = []
    for part in text.split("; "):
        names, _, why = part.partition(": ")
        if set(names.split(", ")) <= set(metrics):
            for name in names.split(", "):
                of_one.setdefault(name, []).append(why)
        else:
            of_all.append(part)
    return {m: "; ".join(dict.fromkeys(of_one.get(m, of_all))) for m in metrics}
