"""The state of a training as a file: written whole or not at all, read only if no byte of it has changed.

The checksum is needed: torch reads damaged numbers without a word.
"""

from __future__ import annotations

import io
import logging
import pickle
import zipfile
from pathlib import Path

import torch

from pipeline.storage.files import read_checked, write_checked

_ZIP = b"PK\x03\x04"  # how files of torch.save begin
_REFUSED = (pickle.UnpicklingError, zipfile.BadZipFile, EOFError, KeyError, ValueError, RuntimeError)
_REFUSED += (TypeError, AttributeError, IndexError, MemoryError, AssertionError)

log = logging.getLogger("nasflow")


def write_checkpoint(path: Path, state: dict) -> None:
    """Write a state: what `torch.save` takes and reads back with weights_only=True."""
    content = io.BytesIO()
    torch.save(state, content)
    write_checked(path, content.getbuffer())


def read_checkpoint(path: Path, what: str) -> dict | None:
    """Return the state that `write_checkpoint` wrote, its tensors on the CPU.

    None if there is no file, or it cannot be read, is damaged, or holds anything but tensors and plain
    values; then the log says that `what` ("this network", "it") is trained from its beginning.
    """
    try:
        content = read_checked(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        log.warning("%s: cannot be read (%s); %s is trained from its beginning", path, error.strerror, what)
        return None
    except ValueError:
        content = memoryview(b"")
    # the digest keeps damage out, and not ill will: anybody can compute it
    if bytes(content[:4]) != _ZIP:
        log.warning("%s: is damaged; %s is trained from its beginning", path, what)
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > len(content):
                raise ValueError("it declares more than it holds")
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        if not isinstance(state, dict):
            raise ValueError("it is no state of a training")
        return state
    except _REFUSED as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        if isinstance(error, pickle.UnpicklingError):
            reason = "it holds more than tensors and plain values"
        log.warning("%s: is refused (%s); %s is trained from its beginning", path, reason, what)
        return None
