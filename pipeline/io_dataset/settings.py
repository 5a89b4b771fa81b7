"""What is collected from trained networks, and how it becomes regression targets."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from pipeline.settings import Settings


class IoDatasetSettings(Settings):
    """The input-output data set (thesis, section 3.2): all validation images are "seen" ones."""

    layer: Literal["gap", "probabilities", "feature_map"] = Field(
        "gap",
        description="output that is kept: gap: of global average pooling, class probabilities, or a cell's "
        "feature map (large: at the thesis' size a last cell's is 64 times the pooled output)",
    )
    cell: int | None = Field(
        None, ge=0, le=1000, description="feature_map: number of the cell, from 0 (default: the last)"
    )
    n_unseen_images: int = Field(100, ge=1, le=1_000_000, description="test images, for measuring alone")
    dtype: Literal["float32", "float16"] = Field("float32", description="how outputs are stored")
    batch_size: int = Field(512, ge=1, le=100_000, description="images in one forward pass")

    @model_validator(mode="after")
    def _cell_fits(self):
        if self.cell is not None and self.layer != "feature_map":
            raise ValueError(f"cell: only a feature_map is of one cell; layer is {self.layer}")
        return self


class PreprocessingSettings(Settings):
    """How outputs become regression targets; the defaults are those of the thesis (table 4.1)."""

    include_bias: bool = Field(True, description="append the constant 1, whose weight is the bias")
    multiply: bool = Field(True, description="multiply each feature by its weight for the true label")
    order: Literal["multiply_first", "scale_first"] = Field(
        "multiply_first", description="the thesis' text scales first, its code multiplies first"
    )
    scale: Literal["network", "feature", "none"] = Field(
        "network", description="statistics of a network as a whole, of each of its features, or no scaling"
    )
    weighted: bool = Field(
        False, description="statistics of weighted features, for each class; needs multiply, multiply_first"
    )
    per_label: bool = Field(False, description="statistics of each class, over its own images alone")
    normalize: bool = Field(
        True, description="scale to mean 0 and deviation 1; else divide by the largest absolute value"
    )
    whole_set: bool = Field(True, description="standardise each sorted position over the training set")
    top_k: int = Field(0, ge=0, le=1_000_000, description="keep the k features of largest weight; 0: all")
    dtype: Literal["float32", "float16"] = Field(
        "float32", description="how targets are kept during training; float16 halves the scratch file"
    )

    @model_validator(mode="after")
    def _weighted_fits(self):
        if self.weighted and not (self.multiply and self.order == "multiply_first"):
            raise ValueError(
                "weighted: statistics of weighted features need multiply and order: multiply_first"
            )
        return self
