"""Which numbers a network computes with, and whether it is compiled."""

from __future__ import annotations

from functools import cache

import torch
from torch import nn

from pipeline.children.settings import TrainingSettings
from pipeline.errors import ConfigError


def uses_bf16(training: TrainingSettings, device: torch.device) -> bool:
    """Return whether forward passes run under autocast to bfloat16; else float32 is really float32.

    That is: on CUDA, TensorFloat-32 is switched off for this process.
    """
    if training.precision == "bf16" or (training.precision == "auto" and device.type == "cuda"):
        return True
    torch.backends.cudnn.allow_tf32 = False
    return False


def compiled(model: nn.Module, training: TrainingSettings):
    """Return what runs the model forward: itself, or compiled if the recipe says so.

    Raises ConfigError if the machine cannot compile.
    """
    if not training.compile:
        return model
    _check_compiler(next(model.parameters()).device.type)
    if torch.are_deterministic_algorithms_enabled():
        torch.use_deterministic_algorithms(True)  # tells the compiler, too
    torch._dynamo.reset()  # networks share the code of their classes, and only so many variants are kept
    return torch.compile(model)


@cache
def _check_compiler(device: str) -> None:
    try:
        torch.compile(lambda x: x.sin() + 1)(torch.ones(8, device=device))
    except Exception as error:  # whatever the compiler's many layers raise
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ConfigError(
            f"training.compile: torch.compile does not work on this machine ({first}); install a C++ "
            "compiler (CUDA: Triton), or say compile: false"
        ) from error
