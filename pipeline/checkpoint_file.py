"""The state of a training as a file: written whole or not at all, read only if no byte of it has changed."""

from __future__ import annotations

import io
import logging
from hashlib import sha256
from pathlib import Path

import torch

from pipeline.files import replacing

DIGEST_SIZE = 32  # bytes of a SHA-256, which the file begins with: torch would read damaged numbers

log = logging.getLogger("nasflow")


def write_checkpoint(path: Path, state: dict) -> None:
    """Write a state: what `torch.save` takes and reads back with weights_only=True."""
    content = io.BytesIO()
    torch.save(state, content)
    with replacing(path) as temporary:
        temporary.write_bytes(sha256(content.getbuffer()).digest() + content.getbuffer())


def read_checkpoint(path: Path, what: str) -> dict | None:
    """Return the state that `write_checkpoint` wrote, its tensors on the CPU.

    None if there is no file, or it cannot be read or is damaged; then the log says that `what` ("this
    network", "it") is trained from its beginning.
    """
    try:
        stored = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        log.warning("%s: cannot be read (%s); %s is trained from its beginning", path, error.strerror, what)
        return None
    content = memoryview(stored)[DIGEST_SIZE:]
    if sha256(content).digest() != stored[:DIGEST_SIZE]:
        log.warning("%s: is damaged; %s is trained from its beginning", path, what)
        return None
    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
