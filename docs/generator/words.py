"""Types, bounds, defaults and descriptions of settings in words, as Markdown for a table's cells."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic.fields import FieldInfo

from pipeline.settings import Settings

BOUNDS = {"ge": "{} or more", "gt": "more than {}", "le": "{} at most", "lt": "less than {}"}
BOUNDS |= {"min_length": "{} of them or more", "pattern": "like `{}`"}
NAMES = {int: "whole number", float: "number", bool: "`true` or `false`", str: "text", dict: "mapping"}


def type_in_words(annotation: Any) -> str:
    """Return a type as people say it, e.g. "number or null"."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_in_words(parts[0])
    if origin is Literal:
        return " or ".join(f"`{part}`" for part in parts)
    if origin in (Union, types.UnionType):
        words = dict.fromkeys(type_in_words(part) for part in parts if part is not types.NoneType)
        if "number" in words:
            words.pop("whole number", None)
        return " or ".join([*words, *(["null"] if types.NoneType in parts else [])])
    if origin is list:
        return f"list of {type_in_words(parts[0])}"
    if origin is dict or (isinstance(annotation, type) and issubclass(annotation, Settings)):
        return "mapping"
    return NAMES.get(annotation, "any value")


def bounds_in_words(info: FieldInfo) -> str:
    """Return the bounds of a field's values, e.g. "1 or more, 100 at most"."""
    return ", ".join(dict.fromkeys([*_bounds(info.metadata), *_inner_bounds(info.annotation)]))


def _inner_bounds(annotation: Any) -> Iterator[str]:
    """Yield the bounds of what a list or an alternative of a type holds; of a mapping, of its values."""
    for part in get_args(annotation)[get_origin(annotation) is dict :]:
        if get_origin(annotation) is Annotated and part is not get_args(annotation)[0]:
            yield from _bounds(getattr(part, "metadata", [part]))
        elif get_origin(annotation) is not Literal:
            yield from _inner_bounds(part)


def _bounds(metadata) -> Iterator[str]:
    for one in metadata:
        for name, words in BOUNDS.items():
            bound = getattr(one, name, None)
            if bound is not None and (name != "min_length" or bound > 1):
                yield words.format(f"{bound:,g}" if isinstance(bound, float) else format_number(bound))


def format_number(bound: Any) -> str:
    """Return a whole number with its thousands apart; 2^63 as such."""
    if isinstance(bound, int):
        return "2^63" if bound == 2**63 else f"{bound:,}"
    return str(bound).replace("|", "\\|")


def default_in_words(value: Any) -> str:
    """Return a default as YAML; of a mapping whose keys have a table of their own, only that it has."""
    if isinstance(value, Settings):
        return "those of its keys"
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000)
    return f"`{text.strip().removesuffix('...').strip()}`"


def in_text(text: str, one_line: bool = True) -> str:
    """Return a description as Markdown: no sign in it but backticks and lists means anything."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([<*|\[\]~])", r"\\\1", part) for part in parts[::2]]
    text = "`".join(parts)
    return " ".join(text.split()) if one_line else text
