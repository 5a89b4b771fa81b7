"""How a configuration names the latents that a predictor or a strategy takes."""

from __future__ import annotations

import re
from dataclasses import dataclass

FORM = re.compile(r"(?P<autoencoder>[a-z][a-z0-9_]*)(?:/(?P<run>[1-9][0-9]*))?(?P<reference>@reference)?")


@dataclass(frozen=True)
class LatentsName:
    """Latents of one run of an autoencoder, or (part: "reference") of the arch2vec trained beside it."""

    autoencoder: str
    run: int = 1
    part: str = "vae"


def parse_latents(text: str) -> LatentsName:
    """Return what `NAME` (its run 1), `NAME/3` (its run 3) or either with `@reference` means.

    Raises ValueError for another form.
    """
    found = FORM.fullmatch(text)
    if found is None:
        raise ValueError(
            f"{text!r} names no latents; expected NAME, NAME/3 for the third run, or either with @reference"
        )
    return LatentsName(found["autoencoder"], int(found["run"] or 1), (found["reference"] or "@vae")[1:])


def latents_in(settings) -> list[str]:
    """Return the latents that a predictor's or strategy's settings (a mapping) name, as written there."""
    named = settings.get("latents") or []
    return [named] if isinstance(named, str) else list(named)
