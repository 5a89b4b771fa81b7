"""Pickles from outside, read by a machine that cannot run anything.

Python's own `pickle` calls whatever a file names. Here nothing is ever called: the machine knows the opcodes
of protocols 2 to 5 that hold data, builds dict, list, tuple, str, bytes and numbers, and knows a fixed list
of names (`stand_ins`), each by a rule of its own. Any other name is refused.

It is bounded too: it reads the file piece by piece, allocates nothing for a length before the bytes are
there, never recurses, and takes only keys whose hash is cheap. `record` makes the memory independent of the
file's size: it is handed each finished entry of one dict, and what it returns is kept instead.

Source: the opcodes' documentation in CPython's pickletools.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np

from pipeline.benchmarks.readers import pickle_runs
from pipeline.benchmarks.readers.pickle_bytes import AHEAD, is_huge, is_pair, step
from pipeline.benchmarks.readers.pickle_memo import Memo
from pipeline.benchmarks.readers.stand_ins import BUILDERS, Bad, Dtype, Name, Unread

_MAX_NUMBER = 16  # bytes of a whole number
_MAX_OUTER = 64  # objects that a record lies in
_SCALARS = frozenset((str, int, float, bool, type(None)))
_U16, _U32, _I32, _F64 = map(struct.Struct, ("<H", "<I", "<i", ">d"))


class Machine(Memo):
    """Reads pickles that follow each other in one stream.

    read: read(n) -> bytes, at most n, empty at the end. name: file, for messages. record: called as
    record(key, value) for each value of the top dict's entry `of` with a whole number as key, once it is
    finished; what it returns takes the value's place. skip: keys of dicts of floats that may be left empty.
    """

    def __init__(
        self,
        read: Callable[[int], bytes],
        name: str,
        record: Callable | None = None,
        of: str | None = None,
        skip: frozenset[str] = frozenset(),
    ):
        super().__init__(read, name)
        self.watch(record, of, skip)

    def watch(self, record: Callable | None, of: str | None, skip: frozenset[str]) -> None:
        """Set what is handed over while the next object is read."""
        self._record, self._of, self._skip = record, of, skip

    def load(self):
        """Return the next object. Raises DataError: name not allowed, damaged, truncated, or too large."""
        self.begin()
        handlers = _HANDLERS
        try:
            while True:
                if len(self.buf) - self.pos < AHEAD and not self.eof:
                    self.refill(AHEAD)
                op = self.buf[self.pos]
                self.pos += 1
                if op == 0x2E:  # STOP
                    break
                handlers[op](self)
            if len(self.stack) != 1 or self.marks:
                self.refuse("damaged, the pickle ends inside of an object")
            return self.stack.pop()
        except Bad as error:
            self.refuse(str(error))
        except (IndexError, struct.error):
            if self.eof and len(self.buf) - self.pos < 9:
                self.refuse("truncated, the file ends inside of the pickle; fetch it again")
            self.refuse("damaged, an object is missing; fetch the file again")

    def where(self) -> str:
        """Return the path of keys down to what is being read, such as `arch2infos[17].full`."""
        path, parent = "", 0
        for mark in [*self.marks[:12], len(self.stack) + 1]:
            key = self.stack[mark - 2] if parent <= mark - 2 < len(self.stack) else None
            if (type(key) in (str, int) or is_pair(key)) and (mark - parent) % 2 == 0:
                path = step(path, key)
            parent = mark
        return path

    # --- containers

    def _pop_mark(self) -> list:
        place = self.marks.pop()
        items = self.stack[place:]
        del self.stack[place:]
        return items

    def _pop(self):
        if self.marks and len(self.stack) <= self.marks[-1]:
            self.refuse("damaged, an object is missing; fetch the file again")
        return self.stack.pop()

    def _mark(self) -> None:
        if not self._whole_dict():
            self.marks.append(len(self.stack))

    def _whole_dict(self) -> bool:
        """Read a dict of floats at one go, if that is what follows; else leave everything as it is."""
        end = pickle_runs.find(self.buf, self.pos)
        if end is None or not self.stack or type(self.stack[-1]) is not dict:
            return False
        key, new = self.stack[-2] if len(self.stack) > 1 else None, self.buf[self.pos] in pickle_runs.NEW
        wanted = type(key) is not str or key not in self._skip
        if wanted or new:
            found = pickle_runs.entries(self.buf, self.pos, end, len(self.memo))
            if found is None:
                return False
            keys, numbers, values = found
            if numbers is not None:
                keys = [self.get(number) for number in numbers]
                if any(type(key) is not str for key in keys):
                    return False
            if new:
                keys = [self.strings.get(raw) or self.text(raw) for raw in keys]
                self.memo.extend(keys)
                self.check_memo()
            if wanted:
                self.stack[-1].update(zip(keys, np.frombuffer(values, ">f8").tolist(), strict=True))
        self.pos = end
        self._finished()
        return True

    def _set_items(self) -> None:
        items = self._pop_mark()
        target = self.stack[-1]
        if len(items) % 2:
            self.refuse("damaged, a key without its value")
        self._fill(target, items)
        self._finished()

    def _set_item(self) -> None:
        value, key = self._pop(), self._pop()
        self._fill(self.stack[-1], [key, value])
        self._finished()

    def _fill(self, target, items: list) -> None:
        if type(target) is not dict:
            self.refuse(f"damaged, entries for something that is no dict ({type(target).__name__})")
        for key in items[::2]:
            if type(key) not in _SCALARS and not is_pair(key):
                self.refuse(f"a key that is neither text, a number nor (text, number): {type(key).__name__}")
            if is_huge(key):
                self.refuse("a huge number as a key; damaged, or made to do harm")
        target.update(zip(items[::2], items[1::2], strict=True))

    def _finished(self) -> None:
        """If the dict on top is a whole record, hand it over and forget what it consists of."""
        marks, stack = self.marks, self.stack
        if self._record is None or len(marks) != 2 or not 2 <= marks[1] <= _MAX_OUTER:
            return
        outer = marks[1]
        if stack[outer - 2] != self._of or len(stack) < outer + 2 or type(stack[-2]) is not int:
            return  # the keys within a record are text, also where dicts of one entry hide its depth
        stack[-1] = self._record(stack[-2], stack[-1])
        self.forget(stack[:outer])
        self.begun = self.base + self.pos

    def _append(self, items: list) -> None:
        target = self.stack[-1]
        if type(target) is not list:
            self.refuse(f"damaged, items for something that is no list ({type(target).__name__})")
        target.extend(items)

    def _tuple(self, size: int) -> None:
        items = [self._pop() for _ in range(size)]
        self.stack.append(tuple(items[::-1]))

    # --- names

    def _name(self, module, name) -> None:
        full = (
            f"{module}.{name}" if type(module) is str and type(name) is str else "something that is no text"
        )
        if full not in BUILDERS:
            self.refuse(
                f"the pickle names {full[:200]}, which is not among the types of benchmark files; "
                "it may be made to run code; fetch the official file"
            )
        self.stack.append(Name(full))

    def _reduce(self) -> None:
        args, name = self._pop(), self._pop()
        if type(name) is not Name or type(args) is not tuple:
            self.refuse(f"damaged, a call of something that is no name ({type(name).__name__})")
        self.stack.append(BUILDERS[name.full](name.full, args))

    def _build(self) -> None:
        state, target = self._pop(), self.stack[-1]
        if type(target) is Dtype:
            target.set_state(state)
        elif type(target) is not Unread:
            self.refuse(f"damaged, a state for something that has none ({type(target).__name__})")

    def _stored_tensor(self) -> None:
        self._pop()
        self.stack.append(Unread("a tensor's storage"))

    def _unknown(self) -> None:
        op = self.buf[self.pos - 1 : self.pos]
        self.refuse(f"damaged, or no pickle of a benchmark file (opcode {op!r}); fetch the file again")


def _push(function):
    """Return the handler that pushes what `function` returns."""

    def handler(machine: Machine) -> None:
        machine.stack.append(function(machine))

    return handler


def _byte(m: Machine) -> int:
    m.pos += 1
    return m.buf[m.pos - 1]


def _stack_name(m: Machine) -> None:
    name, module = m._pop(), m._pop()
    m._name(module, name)


def _integer(m: Machine) -> int:
    return int.from_bytes(m.take(_byte(m), _MAX_NUMBER), "little", signed=True)


_OPCODES: dict[int | str, Callable[[Machine], None]] = {
    0x80: lambda m: m.take(1),  # PROTO
    0x95: lambda m: m.take(8),  # FRAME
    "(": Machine._mark,
    "N": _push(lambda m: None),
    0x88: _push(lambda m: True),
    0x89: _push(lambda m: False),
    "K": _push(_byte),
    "M": _push(lambda m: m.number(_U16)),
    "J": _push(lambda m: m.number(_I32)),
    0x8A: _push(_integer),
    "G": _push(lambda m: m.number(_F64)),
    "X": _push(lambda m: m.text(m.take(m.number(_U32)))),
    0x8C: _push(lambda m: m.text(m.take(_byte(m)))),
    "U": _push(lambda m: m.text(m.take(_byte(m)))),
    "C": _push(lambda m: m.take(_byte(m))),
    "B": _push(lambda m: m.take(m.number(_U32))),
    "}": _push(lambda m: {}),
    "]": _push(lambda m: []),
    0x8F: _push(lambda m: []),  # a set, as a list: its items need no hash then
    ")": _push(lambda m: ()),
    "a": lambda m: m._append([m._pop()]),
    "e": lambda m: m._append(m._pop_mark()),
    0x90: lambda m: m._append(m._pop_mark()),
    "t": _push(lambda m: tuple(m._pop_mark())),
    0x85: lambda m: m._tuple(1),
    0x86: lambda m: m._tuple(2),
    0x87: lambda m: m._tuple(3),
    "s": Machine._set_item,
    "u": Machine._set_items,
    "q": lambda m: m.put(_byte(m)),
    "r": lambda m: m.put(m.number(_U32)),
    0x94: lambda m: m.put(len(m.memo)),
    "h": _push(lambda m: m.get(_byte(m))),
    "j": _push(lambda m: m.get(m.number(_U32))),
    "c": lambda m: m._name(m.line(), m.line()),
    0x93: _stack_name,
    "R": Machine._reduce,
    "b": Machine._build,
    "Q": Machine._stored_tensor,
}
_HANDLERS: list[Callable[[Machine], None]] = [Machine._unknown] * 256
for _code, _handler in _OPCODES.items():
    _HANDLERS[_code if isinstance(_code, int) else ord(_code)] = _handler
