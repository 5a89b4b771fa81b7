"""The protocol buffers in which NAS-Bench-101's files keep what a training gave.

    ModelMetrics = { 1: repeated EvaluationData, 2: int32 trainable_parameters, ... }
    EvaluationData = { 1: double current_epoch, 2: double training_time, 3: double train_accuracy,
                       4: double validation_accuracy, 5: double test_accuracy, ... }

Further fields, as EC-NAS' files have them, are skipped. One message is walked byte by byte, strictly; the
walk also tells which bytes shape the message (tags, lengths, ends of numbers). All messages that agree in
these have their values in the same places, and are read together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CURRENT_EPOCH, TRAINING_TIME, TRAIN_ACCURACY, VALIDATION_ACCURACY, TEST_ACCURACY = range(5)
N_FIELDS = 5
MAX_EVALUATIONS = 16
MAX_FIELDS = 256  # of one message
_SHAPES = 16  # so many walks before messages of one length are walked one by one
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SHAPING, _CONTINUATION = 0xFF, 0x80  # which bits of a byte shape the message


class Malformed(ValueError):
    """Message `index` is not what it should be; the text says why."""

    def __init__(self, reason: str, index: int = 0):
        super().__init__(reason)
        self.index = index


@dataclass(frozen=True)
class _Shape:
    """mask: uint8 (bytes,), the bits that shape the message. doubles: places of the evaluations' values,
    -1 where one is missing, int64 (evaluations, 5). params: (place, bytes) of the varint."""

    mask: np.ndarray
    doubles: np.ndarray
    params: tuple[int, int]


def model_metrics(messages: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Return what N ModelMetrics messages hold.

    That is (evaluations float64 (N, E, 5), trainable parameters int64 (N,)): E is the most evaluations that
    a message has, at most 16; the others' are at the end, after NaN. The fields are CURRENT_EPOCH,
    TRAINING_TIME (seconds), TRAIN_ACCURACY, VALIDATION_ACCURACY and TEST_ACCURACY, NaN where missing. Raises
    Malformed, with the message's index, for one that is not so.
    """
    lengths = np.array([len(message) for message in messages], dtype=np.int64)
    evaluations = np.full((len(messages), MAX_EVALUATIONS, N_FIELDS), np.nan)
    params = np.zeros(len(messages), dtype=np.int64)
    for length in np.unique(lengths).tolist():
        left = np.flatnonzero(lengths == length)
        data = np.frombuffer(b"".join(messages[i] for i in left), dtype=np.uint8).reshape(len(left), length)
        walks = 0
        while len(left):
            try:
                shape = _walk(data[0].tobytes())
            except Malformed as error:
                raise Malformed(str(error), int(left[0])) from error
            walks += 1
            if walks <= _SHAPES:
                alike = ((data ^ data[0]) & shape.mask == 0).all(axis=1)
            else:
                alike = np.arange(len(left)) == 0
            rows = left[alike]
            first = MAX_EVALUATIONS - len(shape.doubles)
            evaluations[rows, first:] = _doubles(data[alike], shape.doubles)
            params[rows] = _varints(data[alike], *shape.params)
            left, data = (left[1:], data[1:]) if walks > _SHAPES else (left[~alike], data[~alike])
    used = ~np.isnan(evaluations).all(axis=(0, 2))
    most = MAX_EVALUATIONS - int(np.argmax(used)) if used.any() else 1
    bad = np.flatnonzero((params < 1) | (params >= 1 << 31))
    if len(bad):
        raise Malformed("trainable_parameters (field 2) is not a positive int32", int(bad[0]))
    return evaluations[:, -most:], params


def _doubles(data: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return float64 (n, evaluations, 5) from uint8 (n, bytes)."""
    known = places >= 0
    values = np.full((len(data), *places.shape), np.nan)
    raw = data[:, places[known][:, None] + np.arange(8)]  # (n, known, 8)
    values[:, known] = np.ascontiguousarray(raw).view("<f8")[..., 0]
    return values


def _varints(data: np.ndarray, place: int, length: int) -> np.ndarray:
    """Return int64 (n,); what does not fit into int64 wraps around to a negative number, as in int32."""
    values = np.zeros(len(data), dtype=np.uint64)
    for k in range(length):
        values |= (data[:, place + k] & np.uint64(0x7F)) << np.uint64(7 * k)
    return values.view(np.int64)


def _walk(message: bytes) -> _Shape:
    """Return the shape of a message. Raises Malformed."""
    mask = np.zeros(len(message), dtype=np.uint8)
    doubles, params = [], None
    for field, wire, start, stop in _fields(message, 0, len(message), mask):
        if field == 1:
            _expect(wire == _BYTES, "evaluation_data (field 1) is no message")
            _expect(len(doubles) < MAX_EVALUATIONS, f"more than {MAX_EVALUATIONS} evaluations (field 1)")
            doubles.append(_evaluation(message, start, stop, mask))
        elif field == 2:
            _expect(wire == _VARINT, "trainable_parameters (field 2) is no integer")
            params = (start, stop - start)
    _expect(bool(doubles), "no evaluation (field 1)")
    _expect(params is not None, "no trainable_parameters (field 2)")
    return _Shape(mask, np.array(doubles, dtype=np.int64), params)


def _evaluation(message: bytes, start: int, stop: int, mask: np.ndarray) -> list[int]:
    places = [-1] * N_FIELDS
    for field, wire, place, _ in _fields(message, start, stop, mask):
        if field <= N_FIELDS:
            _expect(wire == _FIXED64, f"field {field} of an evaluation is no double")
            places[field - 1] = place  # of a field that comes twice, the last one holds
    return places


def _fields(message: bytes, place: int, stop: int, mask: np.ndarray):
    """Yield (number, wire type, start, stop) of each field's value; note in `mask` what shapes it all."""
    count = 0
    while place < stop:
        count += 1
        _expect(count <= MAX_FIELDS, f"more than {MAX_FIELDS} fields")
        value = _end_of_varint(message, place, stop)
        mask[place:value] = _SHAPING
        tag = _number(message[place:value])
        field, wire = tag >> 3, tag & 7
        _expect(0 < field < 1 << 29, f"field number {field} (byte {place})")
        if wire == _VARINT:
            after = _end_of_varint(message, value, stop)
            mask[value:after] = _CONTINUATION
        elif wire == _BYTES:
            content = _end_of_varint(message, value, stop)
            mask[value:content] = _SHAPING
            after = content + _number(message[value:content])
            value = content
        elif wire in (_FIXED64, _FIXED32):
            after = value + (8 if wire == _FIXED64 else 4)
        else:
            raise Malformed(f"wire type {wire} of field {field} (byte {place})")
        _expect(after <= stop, f"field {field} (byte {place}) runs past the end of its message")
        yield field, wire, value, after
        place = after


def _end_of_varint(message: bytes, place: int, stop: int) -> int:
    for end in range(place, min(stop, place + 10)):
        if message[end] < 0x80:
            return end + 1
    raise Malformed(f"a number (byte {place}) does not end")


def _number(varint: bytes) -> int:
    return sum((byte & 0x7F) << (7 * k) for k, byte in enumerate(varint))


def _expect(condition: bool, reason: str) -> None:
    if not condition:
        raise Malformed(reason)
