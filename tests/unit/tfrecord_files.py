"""Writes TFRecord files in exactly NAS-Bench-101's form: sums, JSON, base64 in lines, protocol buffers."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.benchmarks.readers.crc32c import crc32c, masked
from pipeline.spaces import nasbench101 as space


@dataclass(frozen=True)
class Training:
    """One record. evaluations: (current epoch, seconds, train, validation, test accuracy) of each."""

    module_hash: str
    epochs: int
    adjacency: str
    operations: str
    evaluations: tuple[tuple[float, ...], ...]
    params: int
    total_time: float = 2000.5

    def but(self, **changes) -> Training:
        """Return this record with other values."""
        return replace(self, **changes)

    def ending(self, **changes: float) -> Training:
        """Return this record with other values of its last evaluation: epoch, seconds, train, val, test."""
        names = ("epoch", "seconds", "train", "val", "test")
        last = dict(zip(names, self.evaluations[-1], strict=True)) | changes
        return self.but(evaluations=(*self.evaluations[:-1], tuple(last.values())))


def varint(number: int) -> bytes:
    """Return an unsigned number as protocol buffers write it."""
    digits = []
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*digits, number])


def doubles(values: Iterable[float], first: int = 1) -> bytes:
    """Return numbers as the double fields `first`, `first` + 1, …"""
    return b"".join(
        varint(field << 3 | 1) + struct.pack("<d", value) for field, value in enumerate(values, first)
    )


def text_field(field: int, content: bytes) -> bytes:
    """Return a string, or a message within a message."""
    return varint(field << 3 | 2) + varint(len(content)) + content


def message(training: Training) -> bytes:
    """Return the ModelMetrics of a training."""
    evaluations = b"".join(text_field(1, doubles(values)) for values in training.evaluations)
    return evaluations + b"\x10" + varint(training.params) + doubles([training.total_time], first=3)


def payload(training: Training, metrics: bytes | None = None) -> bytes:
    """Return a record's JSON; with `metrics` instead of the protocol buffer made of the training."""
    content = message(training) if metrics is None else metrics
    fields = [training.module_hash, training.epochs, training.adjacency, training.operations]
    return json.dumps([*fields, base64.encodebytes(content).decode()]).encode()


def frame(payloads: Sequence[bytes]) -> bytes:
    """Return TFRecords with right sums."""
    heads = [struct.pack("<Q", len(content)) for content in payloads]
    of_lengths, of_payloads = _sums(heads), _sums(payloads)
    records = zip(heads, of_lengths, payloads, of_payloads, strict=True)
    return b"".join(part for record in records for part in record)


def _sums(texts: Sequence[bytes]) -> list[bytes]:
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    data = np.frombuffer(b"".join(texts), dtype=np.uint8)
    sums = masked(crc32c(data, np.cumsum(lengths) - lengths, lengths)).astype("<u4").tobytes()
    return [sums[i : i + 4] for i in range(0, len(sums), 4)]


def write(path: Path, trainings: Iterable[Training], extra: Sequence[bytes] = ()) -> Path:
    """Write a file of trainings, then of payloads in their own words."""
    path.write_bytes(frame([*(payload(training) for training in trainings), *extra]))
    return path


def trainings(archs, rng: np.random.Generator, budgets=(108,), repeats: int = 3) -> Iterable[Training]:
    """Yield trainings of cells as in the official files: accuracies are float32, three evaluations each."""
    adjacency, operations = space.to_official(archs)
    params = space.params(archs, 128, 3, 3, 3, 10).tolist()
    shape = (len(archs), len(budgets), repeats, 3, 4)
    accuracy = rng.uniform(0.1, 1, shape).astype(np.float32).astype(np.float64)
    seconds = rng.uniform(100, 3000, shape[:-1]).astype(np.float32).astype(np.float64)
    accuracy[..., 0] = seconds
    for cell, module_hash in enumerate(space.cell_ids(archs)):
        for k, epochs in enumerate(budgets):
            for trial in accuracy[cell, k].tolist():
                evaluations = tuple((epochs * i / 2, *values) for i, values in enumerate(trial))
                yield Training(
                    module_hash, epochs, adjacency[cell], operations[cell], evaluations, params[cell]
                )
