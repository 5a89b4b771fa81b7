"""Mistakes in a configuration as one line: the key's path, and what is wrong there."""

from __future__ import annotations

from pydantic import ValidationError


class AtKey(ValueError):
    """Something is wrong at a key below the one that is being checked."""

    def __init__(self, key: str, wrong: str | ValueError):
        super().__init__(f"{key}: {wrong}")
        self.key, self.wrong = key, wrong


def in_words(error: dict) -> str:
    """Return one of pydantic's errors as "path.of.the.key: what is wrong"."""
    keys = [str(p) for p in error["loc"] if not str(p).startswith("function-")]
    if keys[:1] in (["benchmarks"], ["autoencoders"]):  # these come in kinds: the third item names the kind
        del keys[2:3]
    path = ".".join(keys)
    inner = error.get("ctx", {}).get("error")
    if isinstance(inner, AtKey):
        path, inner = ".".join([*keys, inner.key]), inner.wrong
        if not isinstance(inner, ValidationError):
            return f"{path}: {inner}"
    if isinstance(inner, ValidationError):
        return f"{path}.{in_words(inner.errors()[0])}"
    if error["type"] == "union_tag_invalid":
        key = "source" if keys[0] == "benchmarks" else error["ctx"]["discriminator"].strip("'")
        return f"{path}.{key}: expected one of {error['ctx']['expected_tags']}, got {error['ctx']['tag']!r}"
    given = error.get("input")
    text = {
        "extra_forbidden": "unknown key",
        "missing": "this key is missing",
    }.get(error["type"], error["msg"].removeprefix("Value error, "))
    if error["type"] not in ("extra_forbidden", "missing", "value_error"):
        shown = repr(given)
        text += f", got {shown if len(shown) <= 200 else shown[:200] + '…'}"
    return f"{path}: {text}" if path else text
