"""CRC-32C against the standard's values and against a bit-by-bit computation."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.benchmarks.readers.crc32c import crc32c, masked


def one(text: bytes) -> int:
    """The CRC of one string, by the module."""
    data = np.frombuffer(text, dtype=np.uint8)
    return int(crc32c(data, np.array([0]), np.array([len(text)]))[0])


def bit_by_bit(text: bytes) -> int:
    """The CRC of one string, by its definition."""
    state = 0xFFFFFFFF
    for byte in text:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


@pytest.mark.parametrize(
    "text, value",
    [
        (bytes(32), 0x8A9136AA),  # RFC 3720, B.4
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (b"123456789", 0xE3069283),
        (b"", 0),
    ],
)
def test_values_of_the_standard(text, value):
    assert one(text) == value == bit_by_bit(text)


def test_strings_of_all_lengths_in_one_call():
    rng = np.random.default_rng(3)
    lengths = np.array([*range(140), 1019, 1020, 1021, 1023, 1024, 1025, 2044, 3000, 5])
    gaps = rng.integers(0, 5, len(lengths))
    starts = np.cumsum(lengths + gaps) - lengths
    data = rng.integers(0, 256, int(starts[-1] + lengths[-1]), dtype=np.uint8)
    unchanged = data.copy()
    expected = [bit_by_bit(data[a : a + n].tobytes()) for a, n in zip(starts, lengths, strict=True)]
    assert crc32c(data, starts, lengths).tolist() == expected
    assert np.array_equal(data, unchanged)


def test_no_strings():
    assert len(crc32c(np.zeros(0, np.uint8), np.zeros(0, np.int64), np.zeros(0, np.int64))) == 0


def test_the_masked_form_rotates_and_adds():
    crcs = np.array([0x00000000, 0xFFFFFFFF, 0x00008000], dtype=np.uint32)
    rotated = [0, 0xFFFFFFFF, 1]
    assert masked(crcs).tolist() == [(value + 0xA282EAD8) % 2**32 for value in rotated]
