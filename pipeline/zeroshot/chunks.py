"""Chunks of zero-shot scores as files."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from pipeline.errors import ArtifactError
from pipeline.job import Job
from pipeline.settings import canonical_json
from pipeline.spaces.archs import Archs
from pipeline.storage.artifacts import (
    get_archs,
    get_provenance,
    get_table,
    open_h5,
    put,
    put_archs,
    put_table,
    write_h5,
)
from pipeline.storage.sidecars import read_run_record

KIND = "zeroshot_chunk"
SHARED = ("metrics", "batch_size", "seeds", "network", "images", "benchmark", "space")  # by all chunks
log = logging.getLogger("nasflow")


def write_chunk(
    path: Path,
    job: Job,
    inputs,
    archs: Archs,
    cells,
    role: np.ndarray | None,
    batch: np.ndarray,
    sheet,
) -> None:
    """Write the scores of a chunk's cells.

    cells: ids of `archs`. role: of each, if the benchmark's table says. batch: rows of the image set. sheet:
    the scores (`kept.Sheet`). The seconds that cells took go to the sidecar: an artifact holds no clock
    times.
    """
    settings = job.settings
    metrics = settings["metrics"]
    reasons = {m: sheet.columns[m].reason for m in metrics}
    seconds = [round(float(s), 4) for s in sheet.seconds]
    with write_h5(path, KIND, job, inputs=inputs, run={"score_seconds": seconds}) as handle:
        handle.attrs["start"] = settings["start"]
        put_archs(handle, archs)
        put(handle, "batch", batch)
        for metric in metrics:
            column = sheet.columns[metric]
            put(handle.require_group("arch"), metric, column.arch)
            put(handle.require_group("reason"), metric, column.reason)
            if column.op is not None:
                put(handle.require_group("op"), metric, column.op)
        roles = {} if role is None else {"role": role}
        scores = {m: sheet.columns[m].arch for m in metrics}
        put_table(handle, {"cell": cells, **roles, **scores, "reason": joined(reasons)})


def joined(reasons: dict[str, np.ndarray]) -> list[str]:
    """Return the reasons of each cell as one text, "<metrics>: <why>; …"; "" if no score is missing.

    reasons: metric -> texts (N,), "" where there is a score. What is true of all metrics is said once.
    """
    texts = []
    for row in zip(*reasons.values(), strict=True):
        named: dict[str, list[str]] = {}
        for metric, why in zip(reasons, row, strict=True):
            if why:
                named.setdefault(why, []).append(metric)
        all_alike = len(named) == 1 and len(next(iter(named.values()))) == len(row)
        said = [why if all_alike else f"{', '.join(metrics)}: {why}" for why, metrics in named.items()]
        texts.append("; ".join(said))
    return texts


def read_chunk(path: Path) -> dict:
    """Return what a chunk holds. Raises ArtifactError if the file is no chunk."""
    with open_h5(path, KIND) as handle:
        made = get_provenance(handle)
        groups = {g: handle.get(g, {}) for g in ("arch", "op", "reason")}
        table = {name: column.to_numpy() for name, column in get_table(handle).items()}
        return {
            "path": path,
            "start": int(handle.attrs["start"]),
            "settings": {name: made["settings"][name] for name in SHARED},
            "made": (made["seed"], sorted(made["inputs"].values())),
            "archs": get_archs(handle),
            "batch": handle["batch"][()],
            "table": table,
            "seconds": read_run_record(path).get("score_seconds", []),
            **{
                g: {m: v.asstr()[()] if g == "reason" else v[()] for m, v in found.items()}
                for g, found in groups.items()
            },
        }


def check_chunks(chunks: list[dict]) -> None:
    """Refuse chunks that were made differently, or that leave a gap or overlap. Raises ArtifactError."""
    expected, first = 0, chunks[0]
    for chunk in chunks:
        same = canonical_json(chunk["settings"]) == canonical_json(first["settings"])
        if not same or chunk["made"] != first["made"]:
            raise ArtifactError(
                f"{chunk['path']}: made with other settings, seed or inputs than {first['path']}; "
                "make both again with one configuration"
            )
        if chunk["start"] != expected:
            raise ArtifactError(
                f"{chunk['path']}: starts at cell {chunk['start']}, expected {expected}; "
                "give every chunk from the first on, each once"
            )
        expected += len(chunk["archs"])


def why_missing(reasons: dict[str, np.ndarray]) -> dict[str, tuple[int, list[str]]]:
    """Return each reason with the number of cells and the metrics that it concerns, the most cells first.

    reasons: metric -> texts (N,), "" where there is a score.
    """
    whys = sorted({why for texts in reasons.values() for why in texts if why})
    found = {}
    for why in whys:
        hit = {metric: np.asarray(texts, dtype=object) == why for metric, texts in reasons.items()}
        cells = int(np.any(list(hit.values()), axis=0).sum())
        found[why] = cells, [metric for metric, rows in hit.items() if rows.any()]
    return dict(sorted(found.items(), key=lambda item: -item[1][0]))


def report_missing(reasons: dict[str, np.ndarray]) -> None:
    """Log how many cells lack a score, by reason. reasons: metric -> texts (N,)."""
    lacking = np.array(["".join(row) != "" for row in zip(*reasons.values(), strict=True)])
    if lacking.any():
        log.warning("%d of %d cells lack some score (NaN in the file):", lacking.sum(), len(lacking))
    for why, (cells, metrics) in why_missing(reasons).items():
        log.warning("  %d: %s (%s)", cells, why, ", ".join(metrics))
