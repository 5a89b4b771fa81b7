"""A trained encoder, read from its artifact."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.autoencoders.names import parse_latents
from pipeline.errors import DataError
from pipeline.spaces.archs import Archs
from pipeline.storage.artifacts import open_h5


@dataclass(frozen=True)
class Encoder:
    """Turns cells of one space into latents."""

    space: str
    vae: object
    device: object

    def embed(self, archs: Archs) -> np.ndarray:
        """Return mu of each architecture, flattened over vertices (of both cells): float32 (N, F).

        Cells go through in batches, so a whole space takes little memory beside the result.
        Raises DataError if the cells are of another space.
        """
        from pipeline.autoencoders.measures import embed
        from pipeline.autoencoders.vae import Graphs

        if archs.space != self.space:
            raise DataError(f"autoencoder: trained on {self.space}, but these cells are of {archs.space}")
        return embed(self.vae, Graphs.of(archs, self.device)).flatten(1).numpy()


def load_latents(name: str, path: Path | str, device="cpu") -> Encoder:
    """Read the encoder that a name of latents (see `parse_latents`) means, from the file given for it."""
    return load_encoder(path, device, parse_latents(name).part)


def load_encoder(path: Path | str, device="cpu", part: str = "vae") -> Encoder:
    """Read the encoder of an artifact of kind "autoencoder".

    part: "vae", or "reference", the plain arch2vec that an info-NAS was trained beside. Raises
    ArtifactError if the file is damaged, DataError if it holds no such part.
    """
    import torch

    from pipeline.autoencoders.settings import GraphSettings
    from pipeline.autoencoders.vae import Arch2Vec
    from pipeline.encodings.graphs import graph_shape

    with open_h5(path, "autoencoder") as handle:
        if part not in handle["weights"]:
            raise DataError(f"{path}: holds no {part}; it was not trained with {part}: true")
        space = str(handle.attrs["space"])
        settings = json.loads(handle.attrs["settings"])
        weights = {name: values[()] for name, values in handle["weights"][part].items()}
    vae = Arch2Vec(
        graph_shape(space).n_ops,
        GraphSettings(**{k: v for k, v in settings.items() if k in GraphSettings.model_fields}),
    )
    vae.load_state_dict({name: torch.as_tensor(values) for name, values in weights.items()})
    return Encoder(space, vae.to(device).eval(), device)
