"""CRC-32C (Castagnoli) of many short byte strings at once, in NumPy.

A CRC that starts from zero is linear: it is the exclusive or, over all bytes, of a value that depends on
the byte and on how many bytes follow it. So one table of (bytes to follow, byte) serves strings of every
length, and a gather and a reduction do the work: about 1 ns a byte. The standard's start from all ones
equals a start from zero with four fixed bytes before the string.
"""

from __future__ import annotations

from functools import cache

import numpy as np

_POLYNOMIAL = 0x82F63B78  # reflected
_BLOCK = 1024  # bytes a table covers (1 MiB, so that it stays in the cache); longer strings take turns
_ROUND = 64  # strings whose lengths round up to the same multiple are worked on together
_STEP = 1 << 17  # bytes a turn


def crc32c(data: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the CRC-32C of each string, uint32 (N,).

    data: uint8 (B,); string i is data[starts[i] : starts[i] + lengths[i]]. starts, lengths: int64 (N,).
    Source: RFC 3720, appendix B.4 (test values).
    """
    crcs = np.empty(len(starts), dtype=np.uint32)
    if len(starts) == 0:
        return crcs
    before = len(_ahead())
    widths = -(-(lengths + before) // _ROUND) * _ROUND
    margin = int(widths.max())
    data = np.concatenate([np.zeros(margin, dtype=np.uint8), data])
    stops = starts + lengths + margin
    for width in np.unique(widths).tolist():
        windows = np.lib.stride_tricks.sliding_window_view(data, width)
        rows = np.flatnonzero(widths == width)
        step = max(1, _STEP // width)
        for part in (rows[i : i + step] for i in range(0, len(rows), step)):
            text = windows[stops[part] - width]  # (n, width), a copy; each string at its right end
            unused = (width - before - lengths[part])[:, None]
            text *= np.arange(width) >= unused
            np.put_along_axis(text, unused + np.arange(before), _ahead(), axis=1)
            crcs[part] = _from_zero(text)
    return ~crcs


def masked(crcs: np.ndarray) -> np.ndarray:
    """Return TFRecord's masked form of CRCs, uint32: rotated right by 15 bits, plus a constant."""
    return ((crcs >> np.uint32(15)) | (crcs << np.uint32(17))) + np.uint32(0xA282EAD8)


def _from_zero(text: np.ndarray) -> np.ndarray:
    """Return the linear CRC of each row of uint8 (n, width); zeros in front change nothing."""
    width = text.shape[1]
    state = np.zeros(len(text), dtype="<u4")
    for stop in range((width - 1) % _BLOCK + 1, width + 1, _BLOCK):
        block = text[:, max(0, stop - _BLOCK) : stop]
        block[:, :4] ^= state.view(np.uint8).reshape(-1, 4)  # going on from a state: xor it into what follows
        table = _table()[_BLOCK - block.shape[1] :].reshape(-1)
        places = block + np.arange(0, len(table), 256)
        state = np.bitwise_xor.reduce(table[places], axis=1).astype("<u4", copy=False)
    return state


@cache
def _byte_table() -> np.ndarray:
    """Return uint32 (256,): the state after one byte, from zero."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> np.uint32(1)) ^ np.where(table & 1, np.uint32(_POLYNOMIAL), np.uint32(0))
    return table


@cache
def _table() -> np.ndarray:
    """Return uint32 (block, 256): what a byte at each place of a block adds to the state after the block."""
    one, table = _byte_table(), np.empty((_BLOCK, 256), dtype=np.uint32)
    table[-1] = one
    for place in range(_BLOCK - 2, -1, -1):
        after = table[place + 1]
        table[place] = (after >> np.uint32(8)) ^ one[after & np.uint32(255)]
    return table


@cache
def _ahead() -> np.ndarray:
    """Return the four bytes, uint8, that bring the state from zero to all ones."""
    table, state = _byte_table().tolist(), 0xFFFFFFFF
    by_top = {value >> 24: byte for byte, value in enumerate(table)}
    for _ in range(4):  # undo the step of a zero byte
        byte = by_top[state >> 24]
        state = ((state ^ table[byte]) << 8) | byte
    return np.frombuffer(state.to_bytes(4, "little"), dtype=np.uint8)
