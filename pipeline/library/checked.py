"""Arguments of library functions as the configuration would check them."""

from __future__ import annotations

from pydantic import ValidationError

from pipeline.config.errors import in_words
from pipeline.errors import ConfigError
from pipeline.job import Job
from pipeline.plug_ins import plug_in
from pipeline.settings import Settings


def settings_of(kind: type[Settings], what: str, **given) -> Settings:
    """Return checked settings. Raises ConfigError: one line that begins with `what` and the key."""
    try:
        return kind(**given)
    except ValidationError as error:
        raise ConfigError(f"{what}: {in_words(error.errors()[0])}") from error


def plugged_in(package: str, what: str, key: str = "method", common=None, **given) -> dict:
    """Return {key: name, every setting} of a plug-in. Raises ConfigError for an unknown name or setting."""
    try:
        return plug_in(package, key, common)(given)
    except ValidationError as error:
        raise ConfigError(f"{what}: {in_words(error.errors()[0])}") from error
    except ValueError as error:
        raise ConfigError(f"{what}: {error}") from error


def device_of(device: str, threads: int):
    """Return the device to compute on; torch is imported for another than the CPU only.

    Raises ConfigError for fewer than one thread, UserError for CUDA where there is none.
    """
    if threads < 1:
        raise ConfigError(f"threads: {threads}; expected 1 or more")
    return "cpu" if device == "cpu" else Job("library", {}, device=device, threads=threads).torch_device()
