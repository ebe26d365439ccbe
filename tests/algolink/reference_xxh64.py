"""XXH64 after its specification, in plain Python: what the fast one is held against."""

from __future__ import annotations

_MASK = (1 << 64) - 1
_P1, _P2, _P3, _P4, _P5 = (
    0x9E3779B185EBCA87,
    0xC2B2AE3D27D4EB4F,
    0x165667B19E3779F9,
    0x85EBCA77C2B2AE63,
    0x27D4EB2F165667C5,
)


def xxh64(data: bytes, seed: int = 0) -> int:
    """Hash of `data`, 0 to 2**64 - 1."""
    lanes = [seed + _P1 + _P2, seed + _P2, seed, seed - _P1]
    stripes = len(data) // 32
    for offset in range(0, stripes * 32, 8):
        lane = offset // 8 % 4
        lanes[lane] = _round(lanes[lane], _word(data, offset, 8))
    if stripes:
        turns = (1, 7, 12, 18)
        total = sum(_turn(lane, by) for lane, by in zip(lanes, turns, strict=True)) & _MASK
        for lane in lanes:
            total = ((total ^ _round(0, lane)) * _P1 + _P4) & _MASK
    else:
        total = seed + _P5
    total = (total + len(data)) & _MASK

    at = stripes * 32
    while at + 8 <= len(data):
        total = (_turn(total ^ _round(0, _word(data, at, 8)), 27) * _P1 + _P4) & _MASK
        at += 8
    if at + 4 <= len(data):
        total = (_turn(total ^ (_word(data, at, 4) * _P1 & _MASK), 23) * _P2 + _P3) & _MASK
        at += 4
    for byte in data[at:]:
        total = _turn(total ^ (byte * _P5 & _MASK), 11) * _P1 & _MASK

    total = (total ^ total >> 33) * _P2 & _MASK
    total = (total ^ total >> 29) * _P3 & _MASK
    return total ^ total >> 32


def _word(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "little")


def _turn(value: int, by: int) -> int:
    value &= _MASK
    return (value << by | value >> (64 - by)) & _MASK


def _round(lane: int, word: int) -> int:
    return _turn(lane + word * _P2, 31) * _P1 & _MASK
