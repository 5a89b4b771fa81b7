"""The configuration's keys as tables, from the typed models that check it: values, default, meaning."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from docs.generator.words import bounds_in_words, default_in_words, in_text, type_in_words
from pipeline.benchmarks.file_settings import FileSettings
from pipeline.by_benchmark import Scope
from pipeline.config.model import Config
from pipeline.plug_ins import plug_ins_of
from pipeline.settings import Settings

# path of a plug-in -> (package, key that names it, settings that all of its plug-ins have beside their own)
PLUG_INS = {
    "images.NAME": ("images", "source", None),
    "benchmarks.NAME.files": ("benchmarks/readers", "reader", FileSettings),
    "predictors.NAME": ("predictors", "method", Scope),
    "strategies.NAME": ("search", "method", Scope),
}


@dataclass(frozen=True)
class Key:
    """One key, its values, its default and its meaning as text for people."""

    name: str
    values: str
    default: str
    meaning: str


@dataclass(frozen=True)
class Section:
    """The keys of one mapping of the configuration; `when`: the key and value that make them hold."""

    path: str
    when: str
    about: str
    keys: list[Key]

    @property
    def title(self) -> str:
        """The heading, in Markdown."""
        where = f"`{self.path}`" if self.path else "The top level"
        return f"{where} with `{self.when}`" if self.when else where


def sections(model: type[Settings] = Config, path: str = "", when: str = "") -> Iterator[Section]:
    """Yield the sections of a model, outer ones first; plug-ins are sections of their own."""
    yield Section(path, when, inspect.cleandoc(model.__doc__ or ""), keys_of(model))
    yield from nested_sections(model, path, when)


def nested_sections(model: type[Settings], path: str, when: str) -> Iterator[Section]:
    """Yield the sections of the mappings that a model's keys hold."""
    for name, info in model.model_fields.items():
        below = f"{path}.{name}".lstrip(".")
        if path == "" and get_origin(info.annotation) is dict:
            below += ".NAME"
        if below in PLUG_INS:
            yield from plug_in_sections(below)
        models = models_in(info)
        for nested in models:
            yield from sections(nested, below, tag_of(nested) if len(models) > 1 else when)


def plug_in_sections(path: str) -> Iterator[Section]:
    """Yield the common keys of a plug-in, and a section for each plug-in there is."""
    package, key_name, common = PLUG_INS[path]
    names = plug_ins_of(package)
    choice = Key(key_name, " or ".join(f"`{name}`" for name in names), "required", "which of them")
    shared = keys_of(common) if common else []
    yield Section(path, "", f"The keys of its `{key_name}` stand beside these.", [choice, *shared])
    if common:
        yield from nested_sections(common, path, "")
    for name in names:
        module = importlib.import_module(f"pipeline.{package.replace('/', '.')}.{name}")
        when, about = f"{key_name}: {name}", inspect.cleandoc(module.__doc__ or "").partition("\n\n")[0]
        yield Section(path, when, about, keys_of(module.Settings))
        yield from nested_sections(module.Settings, path, when)


def tag_of(model: type[Settings]) -> str:
    """Return "KEY: VALUE" of the key whose one value tells a model from its alternatives."""
    for name, info in model.model_fields.items():
        values = get_args(info.annotation) if get_origin(info.annotation) is Literal else ()
        if len(values) == 1:
            return f"{name}: {values[0]}"
    raise TypeError(f"{model.__name__}: no key tells it from its alternatives")


def models_in(annotation: Any) -> list[type[Settings]]:
    """Return the settings models that a field or type names, in order."""
    if isinstance(annotation, FieldInfo):
        return models_in(annotation.annotation)
    if not get_args(annotation):
        return [annotation] if isinstance(annotation, type) and issubclass(annotation, Settings) else []
    found = [model for part in get_args(annotation) for model in models_in(part)]
    return list(dict.fromkeys(found))


def keys_of(model: type[Settings]) -> list[Key]:
    """Return a model's keys as text."""
    keys = []
    for name, info in model.model_fields.items():
        bounds = bounds_in_words(info)
        values = type_in_words(info.annotation) + (f", {bounds}" if bounds else "")
        default = "required" if info.is_required() else default_in_words(info.get_default())
        keys.append(Key(name, values, default, in_text(info.description or "")))
    return keys


def tables() -> str:
    """Return all sections as Markdown, a heading and a table each."""
    lines = []
    for section in sections():
        lines += [f"## {section.title}", "", in_text(section.about, one_line=False), ""]
        if section.keys:
            lines += ["| key | values | default | meaning |", "| --- | --- | --- | --- |"]
            lines += [f"| `{k.name}` | {k.values} | {k.default} | {k.meaning} |" for k in section.keys]
        else:
            lines.append("It has no keys of its own.")
        lines.append("")
    return "\n".join(lines)
