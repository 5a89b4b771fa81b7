"""Where images come from and how they are split."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipeline.settings import Settings


class ImageSettings(Settings):
    """An image set: validation and test images are drawn by seed, the rest is for training."""

    source: Literal["digits"] = Field("digits", description="digits: 1,797 handwritten digits of scikit-learn")
    n_valid: int = Field(400, ge=1, le=10_000_000, description="validation images")
    n_test: int = Field(400, ge=1, le=10_000_000, description="test images")
