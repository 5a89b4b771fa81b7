"""Settings that differ by benchmark: `by_benchmark: {NAME: {key: value}}`, laid over the rest.

A key given there replaces the value beside it, whole, for that benchmark alone. What a job reads is `on`:
the settings of its benchmark, in which no other benchmark's can be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from pipeline.config.errors import AtKey
from pipeline.settings import Settings

KEY = "by_benchmark"
SECTIONS, PLUG_INS = ("evaluation", "search", "generation"), ("predictors", "strategies")  # what has it
MEANING = (
    "settings that differ by benchmark: its name, and the keys to replace, e.g. {nasbench201: {epochs: 300}}"
)


class Scope(Settings):
    """Where a predictor or strategy is used, and what differs there."""

    benchmarks: list[str] | None = Field(
        None, min_length=1, description="the benchmarks it is used on; null: all"
    )
    by_benchmark: dict[str, dict[str, Any]] = Field({}, description=MEANING)

    @field_validator(KEY, mode="before")
    @classmethod
    def _null_leaves_out(cls, value):
        return _without_null(value)


def scoped(check: Callable[[Any], dict], method: str = "method") -> Callable[[Any], dict]:
    """Return a checker of a plug-in's settings that also has the keys of `Scope`; each benchmark is checked.

    check: of the settings alone. method: the key that no benchmark may change.
    """

    def checked(value: Any) -> dict:
        if not isinstance(value, dict):
            return check(value)
        own = {key: entry for key, entry in value.items() if key not in Scope.model_fields}
        settings = check(own)
        scope = Scope(**{key: entry for key, entry in value.items() if key not in own})
        changes = {}
        for name, changed in scope.by_benchmark.items():
            if wrong := changed.keys() & {method, *Scope.model_fields}:
                raise AtKey(
                    f"{KEY}.{name}.{min(wrong)}", "this cannot differ by benchmark; give it another name"
                )
            try:
                there = check(own | changed)
            except ValueError as error:
                raise AtKey(f"{KEY}.{name}", error) from error
            changes[name] = {key: there[key] for key in changed}
        return settings | {"benchmarks": scope.benchmarks, KEY: changes}

    return checked


def on(settings: Mapping[str, Any], benchmark: str) -> dict:
    """Return the settings (as plain values) that hold on one benchmark, without the keys of `Scope`."""
    own = {key: value for key, value in settings.items() if key not in Scope.model_fields}
    return own | settings.get(KEY, {}).get(benchmark, {})


def is_used_on(settings: Mapping[str, Any], benchmark: str) -> bool:
    """Return whether a predictor or strategy is used on a benchmark."""
    names = settings.get("benchmarks")
    return names is None or benchmark in names


def whole_on(config: Mapping[str, Any], benchmark: str) -> dict:
    """Return a whole configuration (as plain values) with the settings that hold on one benchmark."""
    here = dict(config)
    for section in SECTIONS:
        if config.get(section) is not None:
            here[section] = on(config[section], benchmark)
    for section in PLUG_INS:
        named = config.get(section, {})
        here[section] = {n: on(s, benchmark) for n, s in named.items() if is_used_on(s, benchmark)}
    return here


class Varying(Settings):
    """A section of the configuration that may differ by benchmark. SHARED: its keys that may not."""

    SHARED: ClassVar[tuple[str, ...]] = ()

    by_benchmark: dict[str, dict[str, Any]] = Field({}, description=MEANING)

    @field_validator(KEY, mode="before")
    @classmethod
    def _null_leaves_out(cls, value):
        return _without_null(value)

    @model_validator(mode="after")
    def _each_is_right(self):
        for name, changes in self.by_benchmark.items():
            if wrong := changes.keys() & {KEY, *self.SHARED}:
                raise AtKey(f"{KEY}.{name}.{min(wrong)}", "this is the same for all benchmarks")
            try:
                self.on(name)
            except ValidationError as error:
                raise AtKey(f"{KEY}.{name}", error) from error
        return self

    def on(self, benchmark: str) -> Self:
        """Return the settings that hold on one benchmark; `by_benchmark` is empty there."""
        own = self.model_dump(exclude={KEY})
        return type(self)(**own | self.by_benchmark.get(benchmark, {}))


def _without_null(value):
    """A file that is merged over another cannot remove an entry; it can say null."""
    return {k: v for k, v in value.items() if not is_null(v)} if isinstance(value, dict) else value


def is_null(value) -> bool:
    """Return whether an entry is null, or the text that Snakemake makes of it inside of --config."""
    return value is None or value == "null"


def leave_out_benchmarks(raw: dict) -> dict:
    """Return a configuration, not checked yet, without benchmarks that are null and what is said of them.

    A predictor, strategy or autoencoder that is for these alone goes with them.
    """
    named = raw.get("benchmarks")
    if not isinstance(named, dict):
        return raw
    gone = {name for name, benchmark in named.items() if is_null(benchmark)}
    if not gone or len(gone) == len(named):
        return raw  # the only one is rather a forgotten setting, and an error
    left = raw | {"benchmarks": {name: named[name] for name in named if name not in gone}}
    for section in SECTIONS:
        if section in raw:
            left[section] = _without(raw[section], gone)
    for section in ("autoencoders", *PLUG_INS):
        if isinstance(raw.get(section), dict):
            entries = {name: _without(entry, gone) for name, entry in raw[section].items()}
            left[section] = {n: e for n, e in entries.items() if not _for_none(e)}
    return left


def _without(settings, gone: set[str]):
    if not isinstance(settings, dict):
        return settings
    settings = dict(settings)
    if isinstance(settings.get("benchmarks"), list):
        settings["benchmarks"] = [name for name in settings["benchmarks"] if name not in gone]
    if isinstance(settings.get(KEY), dict):
        settings[KEY] = {name: changes for name, changes in settings[KEY].items() if name not in gone}
    return settings


def _for_none(settings) -> bool:
    return isinstance(settings, dict) and settings.get("benchmarks") == []
