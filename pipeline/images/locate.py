"""The file or folder that an image set is read from."""

from __future__ import annotations

import importlib
from pathlib import Path

from pipeline.errors import ConfigError
from pipeline.storage.data_files import place_of


def locate_images(name: str, images: dict, data_dir: str) -> Path | None:
    """Return the path of an image set's archive or folder; None for a source without one.

    images: the set's settings. Raises ConfigError if nothing is there; it says where the file can be had.
    """
    if "file" not in images:
        return None
    path = place_of(images["file"], data_dir)
    if path.exists():
        return path
    origin = importlib.import_module(f"pipeline.images.{images['source']}").ORIGIN
    raise ConfigError(
        f"images.{name}.file: there is no {images['file']} in {data_dir!r}; put it there, or say where it is "
        f"with --config data_dir=FOLDER ({origin})"
    )
