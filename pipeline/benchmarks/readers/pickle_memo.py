"""The objects of a pickle that have numbers, so that they can come again."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.benchmarks.readers.pickle_bytes import ByteReader, is_pair
from pipeline.benchmarks.readers.stand_ins import Dtype, Name, Unread

MAX_MEMO = 150_000_000  # objects that a pickle may number; 8 bytes each
_MAX_GAP = 1000  # numbers that may be left out between two objects
_KEPT = frozenset((str, Name, Dtype))  # what records may share
_GONE = Unread("a part of a record that has been read already")
_MAX_PAIRS, _MAX_NUMBERS = 10_000, 1_000_000  # (text, number) and numbers that records may share


class Memo(ByteReader):
    """A stream with the stack of what was read, and the numbered objects (`memo`)."""

    def __init__(self, read: Callable[[int], bytes], name: str):
        super().__init__(read, name)
        self._pairs: dict[tuple, tuple] = {}
        self._n_numbers = 0
        self.begin()

    def begin(self) -> None:
        """Begin a new pickle: nothing read, nothing numbered."""
        self.stack, self.marks, self.memo, self._live = [], [], [], []
        self.begun = self.base + self.pos

    def put(self, number: int) -> None:
        """Give the object on top of the stack a number."""
        value, memo = self.stack[-1], self.memo
        if number == len(memo):
            memo.append(value)
        elif number < len(memo):
            memo[number] = value
        elif number - len(memo) <= _MAX_GAP:
            memo.extend([_GONE] * (number - len(memo)))
            memo.append(value)
        else:
            self.refuse(f"object number {number} follows number {len(memo) - 1}; damaged, or made to do harm")
        self.check_memo()
        if type(value) not in _KEPT:
            self._live.append(number)

    def check_memo(self) -> None:
        """Refuse a file with too many numbers."""
        if len(self.memo) > MAX_MEMO:
            self.refuse(f"more than {MAX_MEMO} numbered objects; no benchmark file")

    def get(self, number: int):
        """Return the object with a number."""
        if number >= len(self.memo):
            self.refuse(f"object number {number} is used, but there are {len(self.memo)}")
        value = self.memo[number]
        if value is _GONE:
            self.refuse("two records share an object, which no official file does")
        return value

    def forget(self, held: list) -> None:
        """Forget the numbered objects but texts, names, (text, number), numbers and those that are `held`."""
        memo, live, self._live = self.memo, self._live, []
        for number in live:
            value = memo[number]
            if any(value is other for other in held):
                self._live.append(number)
            elif is_pair(value) and (value in self._pairs or len(self._pairs) < _MAX_PAIRS):
                memo[number] = self._pairs.setdefault(value, value)
            elif type(value) in (int, float) and self._n_numbers < _MAX_NUMBERS:
                self._n_numbers += 1
            else:
                memo[number] = _GONE
