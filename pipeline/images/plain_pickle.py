"""Plain data out of pickles that come from outside; nothing that a pickle names is ever called.

Python's `pickle` calls whatever a file names. Here the standard library's `pickletools.genops` takes the
pickle apart, which runs nothing, and a small machine builds dict, list, tuple, text, bytes, numbers and
arrays of numbers. It knows the names that such arrays need, each by a rule of its own, and refuses others.

Of the benchmark files' readers' machine (`benchmarks.readers.safe_pickle`) it shares the idea only: that one
is made for gigabytes of small records, leaves arrays out, and takes Python 2's byte strings for text.
"""

from __future__ import annotations

import pickletools
import re
from collections.abc import Callable

import numpy as np

from pipeline.errors import DataError

_MAX_STEPS = 1_000_000  # instructions; the largest file of the archives has about half a million
_MAX_LENGTH = 1 << 32  # of an array's axis
_MAX_KEY = (
    1 << 61
)  # whole numbers below it have different hashes; of larger ones any number may have the same
_MARK = object()
_ARRAY_MODULES = ("numpy.core.multiarray", "numpy._core.multiarray")


class _Bad(Exception):
    """The pickle is damaged or holds what is not allowed; the text says what."""


class _Name(str):
    """A name, such as numpy.dtype; never what it stands for."""


class _Dtype:
    """An array's type while its byte order is still to come."""

    def __init__(self, code):
        code = code.decode("latin1") if isinstance(code, bytes) else code
        if not isinstance(code, str) or not re.fullmatch("b1|[iu][1248]|f[248]", code):
            raise _Bad(f"an array of {_shown(code)}, expected numbers")
        self.dtype = np.dtype(code)

    def set_state(self, state) -> None:
        order = state[1] if isinstance(state, tuple) and len(state) > 1 else None
        order = order.decode("latin1") if isinstance(order, bytes) else order
        if not isinstance(order, str) or order not in ("<", ">", "|", "="):
            raise _Bad("an array's type without its byte order")
        self.dtype = self.dtype.newbyteorder(order)


class _Array:
    """An array while its content is still to come."""

    value: np.ndarray | None = None

    def set_state(self, state) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise _Bad("an array without its shape, type and content")
        self.value = _array(state[4], state[2], state[1], bool(state[3]))


def _array(raw, dtype, shape, by_columns: bool) -> np.ndarray:
    if not isinstance(raw, bytes) or not isinstance(dtype, _Dtype) or not isinstance(shape, tuple):
        raise _Bad("an array without its shape, type and content")
    if len(shape) > 2 or not all(type(n) is int and 0 <= n < _MAX_LENGTH for n in shape):
        raise _Bad(f"an array of shape {_shown(shape)}")
    size = dtype.dtype.itemsize
    for n in shape:
        size *= n
    if size != len(raw):
        raise _Bad(f"an array of shape {_shown(shape)} with {len(raw)} bytes, expected {size}")
    return np.ndarray(shape, dtype.dtype, buffer=raw, order="F" if by_columns else "C")


def _call(name: _Name, args: tuple):
    """Return what a call of `name` would build."""
    module, _, function = name.rpartition(".")
    if (
        name == "_codecs.encode"
        and len(args) == 2
        and isinstance(args[0], str)
        and args[1] in ("latin1", "latin-1")
    ):
        return args[0].encode("latin1")
    if name == "numpy.dtype" and args:
        return _Dtype(args[0])
    if module in _ARRAY_MODULES and function == "_reconstruct" and args[:1] == (_Name("numpy.ndarray"),):
        return _Array()
    if module in _ARRAY_MODULES and function == "scalar" and len(args) == 2:
        return _array(args[1], args[0], (), False)[()].item()
    if function == "_frombuffer" and len(args) == 4 and args[3] in ("C", "F"):
        found = _Array()
        found.value = _array(args[0], args[1], args[2], args[3] == "F")
        return found
    raise _Bad(f"a call of {name} that does not fit")


_NAMES = frozenset(
    ["_codecs.encode", "numpy.dtype", "numpy.ndarray"]
    + [f"{module}.{function}" for module in _ARRAY_MODULES for function in ("_reconstruct", "scalar")]
    + ["numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer"]
)


class _Machine:
    """The stack and the numbered objects of one pickle; a method or rule for each instruction."""

    def __init__(self):
        self.stack: list = []
        self.memo: dict[int, object] = {}

    def last(self, count: int) -> list:
        """Take the last objects off the stack, in order."""
        items = self.stack[-count:]
        if len(items) < count or any(item is _MARK for item in items):
            raise _Bad("an object is missing")
        del self.stack[-count:]
        return items

    def since_mark(self, _=None) -> list:
        """Take the objects since the last mark off the stack."""
        for place in range(len(self.stack) - 1, -1, -1):
            if self.stack[place] is _MARK:
                items = self.stack[place + 1 :]
                del self.stack[place:]
                return items
        raise _Bad("a mark is missing")

    def put(self, number: int | None) -> None:
        """Give the object on top a number, by default the next one."""
        self.memo[len(self.memo) if number is None else number] = self.stack[-1]

    def extend(self, items: list) -> None:
        """Append items to the list on top."""
        if type(self.stack[-1]) is not list:
            raise _Bad("items for something that is no list")
        self.stack[-1].extend(items)

    def update(self, items: list) -> None:
        """Enter keys and values into the dict on top."""
        if type(self.stack[-1]) is not dict:
            raise _Bad("entries for something that is no dict")
        self.stack[-1].update(_dict(items))

    def name(self, module, function) -> None:
        """Push a name that is allowed."""
        full = f"{module}.{function}"
        if full not in _NAMES:
            raise _Bad(f"the pickle names {full[:100]}, which no image archive needs and which may run code")
        self.stack.append(_Name(full))

    def reduce(self, _) -> None:
        """Put what a call would build in the place of name and arguments."""
        name, args = self.last(2)
        if not isinstance(name, _Name) or not isinstance(args, tuple):
            raise _Bad("a call of something that is no name")
        self.stack.append(_call(name, args))

    def build(self, _) -> None:
        """Give the array or type on top its state."""
        (state,) = self.last(1)
        if not isinstance(self.stack[-1], (_Array, _Dtype)):
            raise _Bad("a state for something that has none")
        self.stack[-1].set_state(state)


def _dict(items: list) -> dict:
    if len(items) % 2 or not all(type(key) in (str, bytes, int) for key in items[::2]):
        raise _Bad("a dict without its values, or with keys that are neither text nor numbers")
    if any(type(key) is int and abs(key) >= _MAX_KEY for key in items[::2]):
        raise _Bad("a dict with a huge number as key")
    return dict(zip(items[::2], items[1::2], strict=True))


def _byte_string(m: _Machine, arg) -> None:
    m.stack.append(arg.encode("latin1") if isinstance(arg, str) else bytes(arg))


_RULES: dict[str, Callable] = {
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), lambda m, arg: None),
    **dict.fromkeys(
        ("INT", "LONG", "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        lambda m, arg: m.stack.append(arg),
    ),
    **dict.fromkeys(
        ("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"), lambda m, arg: m.stack.append(arg)
    ),
    **dict.fromkeys(("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"), lambda m, arg: m.stack.append(arg)),
    **dict.fromkeys(("STRING", "BINSTRING", "SHORT_BINSTRING", "BYTEARRAY8"), _byte_string),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _Machine.put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), lambda m, arg: m.stack.append(m.memo[arg])),
    "NONE": lambda m, arg: m.stack.append(None),
    "NEWTRUE": lambda m, arg: m.stack.append(True),
    "NEWFALSE": lambda m, arg: m.stack.append(False),
    "MARK": lambda m, arg: m.stack.append(_MARK),
    "EMPTY_LIST": lambda m, arg: m.stack.append([]),
    "EMPTY_DICT": lambda m, arg: m.stack.append({}),
    "EMPTY_TUPLE": lambda m, arg: m.stack.append(()),
    "LIST": lambda m, arg: m.stack.append(m.since_mark()),
    "DICT": lambda m, arg: m.stack.append(_dict(m.since_mark())),
    "TUPLE": lambda m, arg: m.stack.append(tuple(m.since_mark())),
    "TUPLE1": lambda m, arg: m.stack.append(tuple(m.last(1))),
    "TUPLE2": lambda m, arg: m.stack.append(tuple(m.last(2))),
    "TUPLE3": lambda m, arg: m.stack.append(tuple(m.last(3))),
    "APPEND": lambda m, arg: m.extend(m.last(1)),
    "APPENDS": lambda m, arg: m.extend(m.since_mark()),
    "SETITEM": lambda m, arg: m.update(m.last(2)),
    "SETITEMS": lambda m, arg: m.update(m.since_mark()),
    "GLOBAL": lambda m, arg: m.name(*arg.split(" ", 1)),
    "STACK_GLOBAL": lambda m, arg: m.name(*m.last(2)),
    "REDUCE": _Machine.reduce,
    "BUILD": _Machine.build,
}


def read_dict(raw: bytes, place: str) -> dict[str, object]:
    """Return the dict that the pickle `raw` holds, with text keys; arrays as NumPy arrays.

    Text of Python 2 and bytes of Python 3 are both bytes. place: file and part of it, for messages.
    Raises DataError: no pickle, damaged, cut short, too large, something else than plain data, or no dict.
    """
    machine = _Machine()
    try:
        for count, (op, arg, _) in enumerate(pickletools.genops(raw)):
            rule = _RULES.get(op.name)
            if rule is None:
                raise _Bad(f"the instruction {op.name}, which plain data does not need")
            if count > _MAX_STEPS:
                raise _Bad(f"more than {_MAX_STEPS} instructions")
            rule(machine, arg)
    except _Bad as error:
        raise DataError(f"{place}: cannot be read: {error}; fetch the official file") from error
    except (ValueError, TypeError, LookupError, OverflowError) as error:
        raise DataError(f"{place}: damaged, or no pickle ({error}); fetch the file again") from error
    if len(machine.stack) != 1 or not isinstance(machine.stack[0], dict):
        raise DataError(f"{place}: expected one dict, found something else; fetch the official file")
    return {_key(key): _finished(value) for key, value in machine.stack[0].items()}


def _key(key) -> str:
    return key.decode("latin1") if isinstance(key, bytes) else str(key)


def _finished(value):
    return value.value if isinstance(value, _Array) else value


def _shown(value) -> str:
    """Return a value in a few letters; it may be deeply nested, so that `repr` would not do."""
    if isinstance(value, tuple) and all(type(item) is int for item in value):
        return str(value)[:60]
    return repr(value)[:60] if isinstance(value, str | int) else type(value).__name__
