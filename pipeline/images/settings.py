"""Settings that every image set has; each source has its own beside them."""

from __future__ import annotations

from pydantic import Field

from pipeline.settings import Settings


class SplitSettings(Settings):
    """How many images are used, and how many of them are kept for validation and test."""

    n_train: int | None = Field(
        None, ge=1, description="training images, drawn by seed; null: all that are neither of the others"
    )
    n_valid: int = Field(
        10_000, ge=1, description="images for validation, drawn by seed, classes in proportion"
    )
    n_test: int | None = Field(
        None,
        ge=1,
        description="images for the final test, drawn likewise; null: the source's whole test part",
    )
