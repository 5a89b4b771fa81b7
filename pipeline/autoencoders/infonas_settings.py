"""Settings of info-NAS."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from pipeline.autoencoders.settings import GraphSettings
from pipeline.io_dataset.settings import PreprocessingSettings
from pipeline.plug_ins import plug_ins_of


class InfoNasSettings(GraphSettings):
    """info-NAS: arch2vec trained jointly with a regressor of what networks output (thesis, chapter 3).

    The thesis' full size: image_width 128, latent_branch_dim 16, head_dim 512, head_dropout 0.5, batches of
    32, lr 1e-3, epochs 30, labelled_batch_images 0. The defaults suit 8x8 digits.
    """

    model: Literal["infonas"] = Field("infonas", description="the autoencoder and the regressor")
    io_dataset: str | None = Field(
        None,
        description="benchmark of trained networks whose outputs are learned; default: the benchmark itself",
    )
    regressor: str = Field(
        "dense",
        description="dense: latent and image are joined as vectors; concat: the latent joins the image as "
        "channels; accuracy: the latent alone, and the networks' validation accuracy in place of outputs",
    )
    targets: Literal["pairs", "network_mean"] = Field(
        "pairs", description="outputs for each image, or a network's mean over them (then no image is seen)"
    )
    reference: bool = Field(
        False, description="train plain arch2vec beside it, from the same start on the same batches"
    )
    image_width: int = Field(16, ge=1, le=1024, description="channels of the image branch; doubled twice")
    latent_branch_dim: int = Field(64, ge=1, le=4096, description="width of the latent branch")
    head_dim: int = Field(256, ge=1, le=65_536, description="width of the regressor's head")
    head_dropout: float = Field(0.1, ge=0, lt=1, description="in the head")
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="of the regressor's layers; the autoencoder's are float32"
    )
    loss: Literal["l1", "mse"] = Field("l1", description="loss of the regressor (accuracy: mse)")
    vae_weight: float = Field(
        1.0, ge=0, le=1e6, description="weight of the autoencoder's loss in a labelled step"
    )
    io_weight: float = Field(
        1.0, ge=0, le=1e6, description="weight of the regressor's loss in a labelled step"
    )
    io_lr: float | None = Field(
        None, gt=0, le=1, description="highest learning rate of labelled steps (default: lr)"
    )
    labelled_batch_size: int = Field(512, ge=2, le=1_000_000, description="(network, image) pairs a step")
    labelled_batch_images: int = Field(
        32,
        ge=0,
        le=1_000_000,
        description="images of a labelled step, each with each of its networks; 0: any pairs",
    )
    labelled_passes: int = Field(1, ge=1, le=100_000, description="passes over the labelled data in an epoch")
    labelled_run: int = Field(
        8, ge=1, le=1_000_000, description="labelled steps in a row; the thesis' is 300"
    )
    unlabelled_run: Annotated[int, Field(ge=1, le=1_000_000)] | Literal["auto"] = Field(
        6, description="unlabelled steps in a row; the thesis' is 206; auto: by the authors' rule"
    )
    n_measured_images: int = Field(
        0, ge=0, le=1_000_000, description="images of each set that losses are measured on; 0: all"
    )
    n_shown: int = Field(
        8, ge=0, le=1000, description="networks, and images, of each set whose predictions are kept"
    )
    n_distances: int = Field(
        2000, ge=0, le=1_000_000, description="pairs of cells of a kind whose latent distances are kept"
    )
    preprocessing: PreprocessingSettings = Field(PreprocessingSettings(), description="outputs to targets")

    @model_validator(mode="before")
    @classmethod
    def _accuracy_by_mse(cls, raw):
        if isinstance(raw, dict) and raw.get("regressor") == "accuracy":
            return {"loss": "mse", **raw}
        return raw

    @field_validator("regressor")
    @classmethod
    def _regressor_is_there(cls, name: str) -> str:
        names = plug_ins_of("autoencoders/regressors", "Regressor")
        if name not in names:
            raise ValueError(f"there is no {name!r}; expected one of {', '.join(names)}")
        return name

    @model_validator(mode="after")
    def _targets_fit(self):
        if self.targets == "network_mean" and self.regressor != "dense":
            raise ValueError(
                f"targets: network_mean goes with regressor: dense; {self.regressor} "
                + ("needs images" if self.regressor == "concat" else "learns no outputs")
            )
        return self

    @property
    def highest_io_lr(self) -> float:
        """Highest learning rate of labelled steps."""
        return self.lr if self.io_lr is None else self.io_lr
