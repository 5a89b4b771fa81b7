"""The base class of every stage's settings: strict, immutable, serialised canonically."""

from __future__ import annotations

import json

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """A configuration subtree. Unknown keys are errors; numbers may be text (YAML reads 1e-3 so)."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


def canonical_json(value) -> str:
    """One string per value: keys sorted, no blanks; equal settings give equal strings."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
