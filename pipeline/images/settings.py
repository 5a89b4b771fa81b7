"""Settings of an image set."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipeline.settings import Settings


class ImageSettings(Settings):
    """Where the images come from, and how many of them are kept for validation and test."""

    source: Literal["digits"] = Field(
        "digits",
        description="digits: 1,797 grey 8x8 images of handwritten digits that come with scikit-learn",
    )
    n_valid: int = Field(600, ge=1, description="images for validation, drawn by seed, classes in proportion")
    n_test: int = Field(600, ge=1, description="images for the final test, drawn likewise")
