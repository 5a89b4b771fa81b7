"""The names that pickles of benchmark files contain, and what is made of each. None is ever called.

NumPy scalars become Python numbers, sets lists, ordered dicts dicts. Tensors and arrays, which hold weights
where they occur at all, become `Unread`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

_CODE = re.compile(r"[fiu][248]|[iub]1")


class Bad(Exception):
    """What a pickle says of a type that it may name is wrong."""


@dataclass(frozen=True)
class Name:
    """A name that a pickle mentions."""

    full: str


@dataclass(frozen=True)
class Unread:
    """Something that is passed over."""

    what: str


class Dtype:
    """A NumPy type of numbers: code such as "f8", and byte order."""

    def __init__(self, code: str):
        self.code, self.order = code, "<"

    def set_state(self, state) -> None:
        """Take the byte order of the pickled state (version, order, ...)."""
        order = state[1] if type(state) is tuple and len(state) > 1 else None
        if order not in ("<", ">", "|", "="):
            raise Bad("damaged, a NumPy type without a byte order")
        self.order = order


def _ordered_dict(name: str, args: tuple) -> dict:
    if args:
        raise Bad("an OrderedDict is made from something, expected an empty one that is filled later")
    return {}


def _set(name: str, args: tuple) -> list:
    if len(args) != 1 or type(args[0]) is not list:
        raise Bad("a set is not made from a list")
    return args[0]  # not a copy: a file could ask for very many


def _encode(name: str, args: tuple) -> bytes:
    if len(args) != 2 or type(args[0]) is not str or args[1] != "latin1" or len(args[0]) > 16:
        raise Bad("_codecs.encode with something else than the bytes of a number and latin1")
    try:
        return args[0].encode("latin1")
    except UnicodeEncodeError:
        raise Bad("damaged, bytes that are none") from None


def _dtype(name: str, args: tuple) -> Dtype:
    if not args or type(args[0]) is not str or not _CODE.fullmatch(args[0]):
        raise Bad("a NumPy type that holds no plain numbers")
    return Dtype(args[0])


def _scalar(name: str, args: tuple):
    if len(args) != 2 or type(args[0]) is not Dtype or type(args[1]) is not bytes:
        raise Bad("damaged, a NumPy number without its type or bytes")
    dtype = np.dtype(args[0].order + args[0].code)
    if len(args[1]) != dtype.itemsize:
        raise Bad(f"damaged, a NumPy number of {len(args[1])} bytes, expected {dtype.itemsize}")
    return np.frombuffer(args[1], dtype)[0].item()


def _unread(name: str, args: tuple) -> Unread:
    return Unread(name)


_NUMPY = ("numpy.core.multiarray", "numpy._core.multiarray")  # before and since NumPy 2
_STORAGES = ("Float", "Double", "Half", "Long", "Int", "Short", "Char", "Byte", "Bool", "BFloat16")
BUILDERS: dict[str, Callable[[str, tuple], object]] = {
    "collections.OrderedDict": _ordered_dict,
    "builtins.set": _set,
    "__builtin__.set": _set,
    "builtins.frozenset": _set,
    "__builtin__.frozenset": _set,
    "_codecs.encode": _encode,
    "numpy.dtype": _dtype,
    **{f"{module}.scalar": _scalar for module in _NUMPY},
    **{f"{module}._reconstruct": _unread for module in _NUMPY},
    "numpy.ndarray": _unread,
    "torch._utils._rebuild_tensor_v2": _unread,
    "torch._utils._rebuild_parameter": _unread,
    "torch.Size": _unread,
    "torch.device": _unread,
    **{f"torch.{kind}Storage": _unread for kind in _STORAGES},
}
