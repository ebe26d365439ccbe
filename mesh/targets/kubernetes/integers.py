"""Ranges of integers as regular expressions, for meshes that compare text alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

_ANY_DIGITS = re.compile(r"(?:\[0-9\]){2,}")


def between(start: int, end: int) -> str:
    """A regular expression of RE2 whose full matches are the integers in `[start, end)`.

    A sign, zeros and blanks before the digits, and blanks after them, are taken as Envoy's own
    range match takes them.

    Raises:
        ValueError: if there is no such integer.

    >>> between(18, 30)
    ' *(?:[+]?0*(?:1[8-9]|2[0-9])) *'
    >>> between(-5, 3)
    ' *(?:[+]?0*(?:[0-2])|-0*(?:[0-5])) *'
    """
    if start >= end:
        raise ValueError(f"no integer is in [{start}, {end})")
    signed = []
    if end > 0:
        signed.append(f"[+]?0*(?:{'|'.join(_magnitudes(max(start, 0), end - 1))})")
    if start <= 0:
        # Minus zero is zero.
        low = 0 if end > 0 else 1 - end
        signed.append(f"-0*(?:{'|'.join(_magnitudes(low, -start))})")
    return f" *(?:{'|'.join(signed)}) *"


def _magnitudes(low: int, high: int) -> Iterator[str]:
    """Patterns of the integers from `low` to `high`, neither negative, without a leading zero."""
    while low <= high:
        last = _last_alike(low, high)
        digits = "".join(map(_digit, str(low), str(last)))
        yield _ANY_DIGITS.sub(lambda found: f"[0-9]{{{len(found[0]) // 5}}}", digits)
        low = last + 1


def _last_alike(low: int, high: int) -> int:
    """The largest number up to `high` such that all from `low` on are one pattern.

    Such are those that differ from `low` in one digit, and in digits after it
    that may be any, for they begin at 0 and end at 9.
    """
    best = low
    power = 1
    while low % power == 0 and (low == 0) <= (power == 1):
        digit = low // power % 10
        most = min(9 - digit, (high - low + 1) // power - 1)
        if most >= 0:
            best = max(best, low + (most + 1) * power - 1)
        power *= 10
        if power > high:
            break
    return best


def _digit(first: str, last: str) -> str:
    return first if first == last else f"[{first}-{last}]"
