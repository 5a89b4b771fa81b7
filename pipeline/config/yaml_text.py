"""YAML as configurations are written in it: plain values, of a size that a person would write."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import yaml

from pipeline.errors import ConfigError

LONGEST = 1 << 20  # characters
MOST_VALUES, DEEPEST = 100_000, 40  # aliases counted wherever they stand


def parse(text: str, where: str):
    """Return the value of a YAML text: dicts, lists, texts, numbers, dates.

    Raises ConfigError, naming `where` and the line: no valid YAML, a tag that stands for an object, longer
    than 1 MiB, or too large or too deep once its aliases are written out.
    """
    if len(text) > LONGEST:
        raise ConfigError(f"{where}: {len(text)} characters, expected a configuration of at most {LONGEST}")
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        check_size(node, _below_node, where)  # before any value is built: merge keys (<<) copy theirs
        return None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{where}:{line} is not valid YAML ({getattr(error, 'problem', error)})") from error
    except RecursionError as error:
        raise ConfigError(f"{where}: values are nested too deeply; expected at most {DEEPEST}") from error
    except ValueError as error:  # a date or a number that is none
        raise ConfigError(f"{where}: a value is not valid YAML ({error})") from error


def check_size(value, below: Callable[[object], Iterable], where: str) -> None:
    """Raise ConfigError if a value holds more values than any configuration, or deeper ones.

    below: value -> the values directly in it. What comes twice counts twice, as it would take the time and
    memory of both wherever it is shown or compared.
    """
    left, count = [(value, 0)], 0
    while left:
        one, depth = left.pop()
        count += 1
        if count > MOST_VALUES:
            raise ConfigError(f"{where}: more than {MOST_VALUES} values, aliases written out; shorten it")
        if depth > DEEPEST:
            raise ConfigError(f"{where}: values are nested too deeply; expected at most {DEEPEST}")
        left += ((inner, depth + 1) for inner in below(one))


def below_value(value) -> list:
    """Return what lies directly in a dict or list."""
    if isinstance(value, dict):
        return [*value, *value.values()]
    return list(value) if isinstance(value, list | tuple) else []


def _below_node(node) -> list:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []
