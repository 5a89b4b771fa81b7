"""Files of TFRecords: payloads with their lengths, both guarded by masked CRC-32C sums.

A record is: length (uint64), sum of these 8 bytes (uint32), payload, sum of the payload (uint32), all
little-endian. The file is read in pieces, so memory does not grow with it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.benchmarks.readers.crc32c import crc32c, masked
from pipeline.errors import DataError

MAX_PAYLOAD = 1 << 16  # bytes; records of benchmarks have some hundred
_CHUNK = 8 << 20
_HEAD, _FRAME = 12, 16  # bytes before the payload; bytes around it
_AGAIN = "fetch the file again"
_OTHER_KINDS = (  # first bytes -> what such a file is
    (b"\x1f\x8b", "it is gzip-compressed: unpack it with gunzip"),
    (b"BZh", "it is bzip2-compressed: unpack it with bunzip2"),
    (b"\xfd7zXZ", "it is xz-compressed: unpack it with unxz"),
    (b"PK\x03\x04", "it is a zip archive: unpack it, if a .tfrecord file is in it"),
    (b"\x89HDF", "it is an HDF5 file, perhaps a finished benchmark table"),
    (b"version https://git-lfs", "it is a Git LFS pointer: fetch the file itself with git lfs pull"),
    (b"<", "it is a web page or XML, perhaps a download page that was saved: fetch the file itself"),
)


@dataclass(frozen=True)
class Batch:
    """Records that follow each other. first: number of the first one, from 0; offsets: where each starts."""

    path: Path
    first: int
    offsets: np.ndarray  # int64 (n,), bytes from the file's start
    payloads: list[bytes]

    def refused(self, i: int, reason: str) -> DataError:
        """Return the error that refuses the file for its record `i` of this batch."""
        return DataError(f"{self.path}: record {self.first + i} (byte {self.offsets[i]}): {reason}")


def read_batches(path: Path) -> Iterator[Batch]:
    """Yield all records of a file, batch by batch, sums checked.

    Raises DataError, naming the file, record and byte: unreadable, empty, no TFRecord file, damaged,
    truncated, a payload above 64 KiB.
    """
    try:
        with open(path, "rb") as file:
            yield from _batches(path, file)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error


def _batches(path: Path, file) -> Iterator[Batch]:
    rest, offset, number = b"", 0, 0
    while chunk := file.read(_CHUNK):
        buffer = rest + chunk
        starts, end, too_long = _walk(buffer)
        data = np.frombuffer(buffer, dtype=np.uint8)
        places = np.array(starts, dtype=np.int64)
        lengths = np.diff(places, append=end) - _FRAME
        payloads = [buffer[a + _HEAD : a + _HEAD + n] for a, n in zip(starts, lengths.tolist(), strict=True)]
        batch = Batch(path, number, places + offset, payloads)
        _check_sums(batch, data, places, lengths)
        if too_long:
            raise _bad_length(path, number + len(starts), offset + end, buffer[end : end + 64])
        if payloads:
            yield batch
        rest, offset, number = buffer[end:], offset + end, number + len(starts)
    if number == 0 and not rest:
        raise DataError(f"{path}: the file is empty; {_AGAIN}")
    if rest:
        raise _unfinished(path, number, offset, rest)


def _walk(buffer: bytes) -> tuple[list[int], int, bool]:
    """Return (starts of the complete records, end of the last one, whether the next length is absurd)."""
    starts, place, size, unpack = [], 0, len(buffer), struct.Struct("<Q").unpack_from
    while size - place >= _HEAD:
        length = unpack(buffer, place)[0]
        if length > MAX_PAYLOAD:
            return starts, place, True
        after = place + length + _FRAME
        if after > size:
            break
        starts.append(place)
        place = after
    return starts, place, False


def _check_sums(batch: Batch, data: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> None:
    """Raise DataError for the first record of which one of the two sums is wrong."""
    wrong_length = _sums(data, starts, np.full_like(starts, 8)) != _stored(data, starts + 8)
    wrong_payload = _sums(data, starts + _HEAD, lengths) != _stored(data, starts + _HEAD + lengths)
    wrong = np.flatnonzero(wrong_length | wrong_payload)
    if len(wrong):
        i = int(wrong[0])
        if wrong_length[i]:
            head = data[starts[i] : starts[i] + 64].tobytes()
            raise _bad_length(batch.path, batch.first + i, int(batch.offsets[i]), head)
        raise batch.refused(i, f"damaged, the payload does not agree with its CRC-32C sum; {_AGAIN}")


def _sums(data: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    return masked(crc32c(data, starts, lengths))


def _stored(data: np.ndarray, places: np.ndarray) -> np.ndarray:
    return data[places[:, None] + np.arange(4)].view("<u4")[:, 0]


def _length_sum_right(head: bytes) -> bool:
    data, start = np.frombuffer(head, dtype=np.uint8), np.zeros(1, dtype=np.int64)
    return bool(_sums(data, start, start + 8)[0] == _stored(data, start + 8)[0])


def _unfinished(path: Path, number: int, offset: int, rest: bytes) -> DataError:
    """Return the error for a record that the file's end cuts off, or seems to."""
    whole_head = len(rest) >= _HEAD
    if (whole_head and not _length_sum_right(rest)) or (number == 0 and not whole_head):
        return _bad_length(path, number, offset, rest[:64])
    return DataError(
        f"{path}: record {number} (byte {offset}): truncated, the file ends after {len(rest)} bytes of it; "
        f"{_AGAIN}"
    )


def _bad_length(path: Path, number: int, offset: int, head: bytes) -> DataError:
    """Return the error for a record whose length cannot be right; for the first, guess what the file is."""
    where = f"{path}: record {number} (byte {offset}): "
    if len(head) >= _HEAD and _length_sum_right(head):
        length = struct.unpack_from("<Q", head)[0]
        return DataError(f"{where}{length} bytes long, a benchmark's has at most {MAX_PAYLOAD}; {_AGAIN}")
    if number == 0:
        kinds = [
            what for magic, what in _OTHER_KINDS if head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(magic)
        ]
        guess = kinds[0] if kinds else f"or its first bytes are damaged: {_AGAIN}"
        return DataError(f"{path}: no TFRecord file (from byte 0, {head[:8]!r}); {guess}")
    return DataError(f"{where}damaged, the length does not agree with its CRC-32C sum; {_AGAIN}")
