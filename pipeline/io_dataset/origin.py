"""Do trained networks, images and settings belong together?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.children.settings import NetworkSettings, TrainingSettings
from pipeline.errors import DataError
from pipeline.storage.artifacts import get_provenance, open_h5

KINDS = {"network": NetworkSettings, "training": TrainingSettings}


def check_origin(chunks: Sequence[Path], images: Path, images_checksum: str, settings: dict) -> None:
    """Raise DataError if a chunk was trained on other images, or by another recipe, than is said here.

    settings: `network` and `training` of the run, plain. What a chunk does not record is not compared.
    """
    for path in chunks:
        with open_h5(path, "children") as handle:
            made_from = get_provenance(handle)
        if made_from["inputs"] and images_checksum not in made_from["inputs"].values():
            raise DataError(
                f"{path}: its networks were trained on other images than {images}; "
                "give the images that they saw, or train them again"
            )
        for key, kind in KINDS.items():
            found = made_from["settings"].get(key)
            if found is not None and kind(**found) != kind(**settings[key]):
                raise DataError(
                    f"{path}: its networks have other {key} settings than this run "
                    f"(benchmarks.*.children.{key}); train them again"
                )
