"""What a predictor may use beside architectures and labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import UserError


@dataclass(frozen=True)
class Resources:
    """latents: autoencoder artifacts by name. zeroshot: an artifact with scores of untrained networks.

    threads: for arithmetic on the CPU; they must not change a result.
    """

    latents: Mapping[str, Path] = field(default_factory=dict)
    zeroshot: Path | None = None
    threads: int = 1

    def files(self) -> list[Path]:
        """Return all files, in order."""
        return [*self.latents.values(), *([self.zeroshot] if self.zeroshot else [])]

    def autoencoder(self, name: str) -> Path:
        """Return the artifact of the autoencoder `name`. Raises UserError if it was not given."""
        if name not in self.latents:
            given = ", ".join(self.latents) or "none"
            raise UserError(f"predictor: it takes latents of {name!r}, but --latents gave {given}")
        return Path(self.latents[name])


def named_files(texts) -> dict[str, Path]:
    """Return {name: path} of NAME=FILE texts. Raises UserError if one has another form."""
    files = {}
    for text in texts:
        name, equals, path = text.partition("=")
        if not (name and equals and path):
            raise UserError(f"expected NAME=FILE, got {text!r}")
        files[name] = Path(path)
    return files
