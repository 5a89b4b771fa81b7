"""The stage `zeroshot_collect`: join the chunks of zero-shot scores to one file."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from pipeline.artifacts import (
    get_archs,
    get_provenance,
    get_table,
    open_h5,
    put,
    put_archs,
    put_table,
    write_h5,
)
from pipeline.errors import ArtifactError
from pipeline.spaces.archs import Archs
from pipeline.zeroshot.command import KIND as CHUNK
from pipeline.zeroshot.command import report_missing
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
    """Write the joined scores. Raises ArtifactError if the chunks do not belong together or leave a gap."""
    settings = CollectSettings(**job.settings)
    chunks = sorted((_read(path) for path in args.chunks), key=lambda chunk: chunk["start"])
    _check(chunks)
    archs = Archs.concatenate([chunk["archs"] for chunk in chunks])
    table = {name: np.concatenate([c["table"][name] for c in chunks]) for name in chunks[0]["table"]}
    role = table.pop("role", None)
    if role is None:
        role = roles(len(archs), settings.n_held_out, settings.n_labelled)
    report_missing(list(table["reason"]), len(archs))
    with write_h5(args.out, KIND, job, inputs=args.chunks) as handle:
        put_archs(handle, archs)
        for group in ("arch", "op"):
            for metric in chunks[0][group]:
                put(handle.require_group(group), metric, np.concatenate([c[group][metric] for c in chunks]))
        put_table(handle, {"cell": table.pop("cell"), "role": role, **table})
    log.info(
        "%s: scores of %d cells (%s)", args.out, len(archs), ", ".join(m for m in table if m != "reason")
    )


def roles(n: int, n_held_out: int, n_labelled: int) -> np.ndarray:
    """Return the role of each of the first `n` cells of the permutation (see `pipeline.spaces.catalogue`)."""
    position = np.arange(n)
    later = np.where(position < n_held_out + n_labelled, "labelled", "candidate")
    return np.where(position < n_held_out, "held_out", later)


def _read(path: Path) -> dict:
    with open_h5(path, CHUNK) as handle:
        made = get_provenance(handle)
        configured = {k: v for k, v in made["settings"].items() if k not in ("start", "count")}
        return {
            "path": path,
            "start": int(handle.attrs["start"]),
            "made": (configured, made["seed"], sorted(made["inputs"].values())),
            "archs": get_archs(handle),
            "table": {name: column.to_numpy() for name, column in get_table(handle).items()},
            "arch": {metric: values[()] for metric, values in handle["arch"].items()},
            "op": {metric: values[()] for metric, values in handle["op"].items()} if "op" in handle else {},
        }


def _check(chunks: list[dict]) -> None:
    expected = 0
    for chunk in chunks:
        if chunk["made"] != chunks[0]["made"]:
            raise ArtifactError(
                f"{chunk['path']}: made with other settings, seed or inputs than {chunks[0]['path']}; "
                "make both again with one configuration"
            )
        if chunk["start"] != expected:
            raise ArtifactError(
                f"{chunk['path']}: starts at cell {chunk['start']}, expected {expected}; "
                "give every chunk from the first on, each once"
            )
        expected += len(chunk["archs"])
