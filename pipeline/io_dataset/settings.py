"""What is collected from trained networks."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipeline.settings import Settings


class IoDatasetSettings(Settings):
    """The input-output data set (thesis, section 3.2): all validation images are "seen" ones."""

    layer: Literal["gap"] = Field(
        "gap", description="layer whose output is kept; gap: global average pooling"
    )
    n_unseen_images: int = Field(100, ge=1, le=1_000_000, description="test images, for measuring alone")
    dtype: Literal["float32", "float16"] = Field("float32", description="how outputs are stored")
    batch_size: int = Field(512, ge=1, le=100_000, description="images in one forward pass")
