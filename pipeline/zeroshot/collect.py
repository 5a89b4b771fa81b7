"""The stage `zeroshot_collect`: join the chunks of zero-shot scores to one file."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from pipeline.settings import canonical_json
from pipeline.spaces.archs import Archs
from pipeline.storage.artifacts import put, put_archs, put_table, write_h5
from pipeline.zeroshot.chunks import check_chunks, read_chunk, report_missing
from pipeline.zeroshot.settings import CollectSettings

HELP = "Join the chunks of zero-shot scores and say which cells are held out, labelled or candidates."
KIND = "zeroshot"

log = logging.getLogger("nasflow")


def add_arguments(parser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "--chunks", type=Path, nargs="+", required=True, metavar="FILE", help="files of `zeroshot`"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="HDF5 file to write")


def run(args, job) -> None:
    """Write the joined scores. Raises ArtifactError if the chunks do not belong together or leave a gap.

    `/arch/<metric>` float64 (N,), `/op/<metric>` float64 in the shape of `/archs/ops`, `/batch` the rows of
    the image set that every network saw; what they were computed with is in the attributes.
    """
    settings = CollectSettings(**job.settings)
    chunks = sorted((read_chunk(path) for path in args.chunks), key=lambda chunk: chunk["start"])
    check_chunks(chunks)
    archs = Archs.concatenate([chunk["archs"] for chunk in chunks])
    table = {name: np.concatenate([c["table"][name] for c in chunks]) for name in chunks[0]["table"]}
    role = table.pop("role", None)
    if role is None:
        role = roles(len(archs), settings.n_held_out, settings.n_labelled)
    how = chunks[0]["settings"]
    with write_h5(args.out, KIND, job, inputs=args.chunks, run=seconds_of(chunks)) as handle:
        handle.attrs.update(
            benchmark=settings.benchmark,
            images=how["images"],
            metrics=how["metrics"],
            batch_size=how["batch_size"],
            seeds=how["seeds"],
            seed=chunks[0]["made"][0],
            network=canonical_json(how["network"]),
        )
        put_archs(handle, archs)
        put(handle, "batch", chunks[0]["batch"])
        for group in ("arch", "op", "reason"):
            for metric in chunks[0][group]:
                put(handle.require_group(group), metric, np.concatenate([c[group][metric] for c in chunks]))
        put_table(handle, {"cell": table.pop("cell"), "role": role, **table})
    log.info("%s: scores of %d cells by %s", args.out, len(archs), ", ".join(how["metrics"]))
    report_missing({m: np.concatenate([c["reason"][m] for c in chunks]) for m in how["metrics"]})


def roles(n: int, n_held_out: int, n_labelled: int) -> np.ndarray:
    """Return the role of each of the first `n` cells of the permutation (see `pipeline.spaces.catalogue`)."""
    position = np.arange(n)
    later = np.where(position < n_held_out + n_labelled, "labelled", "candidate")
    return np.where(position < n_held_out, "held_out", later)


def seconds_of(chunks: list[dict]) -> dict:
    """Return what the sidecar says of the time that networks took, as far as the chunks' sidecars tell."""
    seconds = np.array([s for chunk in chunks for s in chunk["seconds"]])
    if not len(seconds):
        return {}
    return {
        "score_seconds_mean": round(float(seconds.mean()), 4),
        "score_seconds_median": round(float(np.median(seconds)), 4),
        "score_seconds_total": round(float(seconds.sum()), 1),
    }
