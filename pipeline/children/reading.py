"""Chunks of trained networks: writing and reading."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.errors import ArtifactError
from pipeline.images.sets import ImageSet
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

KIND = "children"


@dataclass(frozen=True)
class Children:
    """Trained networks of several chunks, in the order of the permutation.

    table: cell, position, status, reason, params, train_acc, val_acc, test_acc; val_top5, test_top5 where
    there are more than ten classes. curves: float32 (N, epochs), NaN where nothing was measured.
    """

    archs: Archs
    table: object
    curves: dict[str, np.ndarray]
    files: list[Path]

    def weights(self, row: int) -> dict[str, np.ndarray]:
        """Return the parameters and buffers of one network by name, float32, read from its chunk.

        Raises ArtifactError if it failed.
        """
        cell = self.table["cell"].iloc[row]
        if self.table["status"].iloc[row] != "ok":
            raise ArtifactError(f"{self.files[row]}: cell {cell} has no weights, its training failed")
        with open_h5(self.files[row], KIND) as handle:
            return unpack(handle["weights"][cell])


def write_chunk(
    path: Path, archs: Archs, position, results: Sequence, images: ImageSet, job, inputs, run
) -> None:
    """Write a chunk. results: a `ChildResult` for each cell of `archs`. images: what they were trained on."""
    with write_h5(path, KIND, job, inputs=inputs, run=run) as handle:
        handle.attrs["images"], handle.attrs["classes"] = images.name, len(images.classes)
        handle.attrs["image_shape"], handle.attrs["n_train"] = images.shape, len(images.part("train")[1])
        put_archs(handle, archs)
        columns = {"cell": [r.cell for r in results], "position": position}
        columns |= {"status": [r.status for r in results], "reason": [r.reason for r in results]}
        columns["params"] = np.array([r.params for r in results], np.int64)
        curves = tuple(results[0].curves)
        for name in curves[1:]:  # accuracies; the first is the loss
            columns[name] = np.array([r.last(name) for r in results], np.float32)
        put_table(handle, columns)
        for name in curves:
            put(handle, f"curves/{name}", np.stack([r.curves[name] for r in results]))
        handle["curves"].attrs["names"] = curves
        for result in [r for r in results if r.state]:
            pack(handle, f"weights/{result.cell}", result.state)


def times(results: Sequence) -> dict[str, dict]:
    """Return what the run record says of each network: seconds in all, and in each epoch."""
    return {
        "networks": {r.cell: round(r.seconds, 3) for r in results},
        "epoch_seconds": {r.cell: [round(s, 3) for s in r.epoch_seconds] for r in results},
    }


def pack(handle, name: str, state: dict[str, np.ndarray]) -> None:
    """Store many small arrays as one float32 vector; names and shapes go to its attribute `layout`."""
    flat = [np.asarray(values, np.float32).reshape(-1) for values in state.values()]
    dataset = put(handle, name, np.concatenate(flat), compress=False)
    dataset.attrs["layout"] = json.dumps([[key, list(np.shape(values))] for key, values in state.items()])


def unpack(dataset) -> dict[str, np.ndarray]:
    """Return the arrays that `pack` stored."""
    flat, state, start = dataset[()], {}, 0
    for key, shape in json.loads(dataset.attrs["layout"]):
        size = int(np.prod(shape, dtype=np.int64))
        state[key] = flat[start : start + size].reshape(shape)
        start += size
    return state


def load_children(paths: Sequence[Path]) -> Children:
    """Read chunks.

    Raises ArtifactError if one is missing or damaged, if they are of different trainings, or if a cell
    comes twice.
    """
    import pandas as pd

    archs, tables, curves, files, recipes = [], [], {}, [], {}
    for path in paths:
        with open_h5(path, KIND) as handle:
            recipes[_recipe(handle)] = path
            archs.append(get_archs(handle))
            tables.append(get_table(handle))
            for name, item in handle["curves"].items():
                curves.setdefault(name, []).append(item[()])
            files += [Path(path)] * len(tables[-1])
    if len(recipes) > 1:
        one, other = list(recipes.values())[:2]
        raise ArtifactError(
            f"{one} and {other}: trained with different seeds, images, network or training settings; "
            "train the older one again"
        )
    table = pd.concat(tables, ignore_index=True)
    twice = table["position"][table["position"].duplicated()]
    if len(twice):
        raise ArtifactError(
            f"children: cell {twice.iloc[0]} of the sample comes twice; give every chunk once"
        )
    order = np.argsort(table["position"].to_numpy(), kind="stable")
    return Children(
        archs=Archs.concatenate(archs)[order],
        table=table.iloc[order].reset_index(drop=True),
        curves={name: np.concatenate(parts)[order] for name, parts in curves.items()},
        files=[files[row] for row in order],
    )


def _recipe(handle) -> str:
    """Return what all chunks of one benchmark have in common."""
    made_from = get_provenance(handle)
    return canonical_json(
        [made_from["seed"], *map(made_from["settings"].get, ("images", "network", "training"))]
    )
