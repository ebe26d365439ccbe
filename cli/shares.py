"""Shares of traffic as people write them: `10%`, `12.5%`, `1000bp`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

from algolink.errors import InvalidArgument
from algolink.names import shown

_SHARE = re.compile(r"(?P<number>\d{1,5}(\.\d{1,2})?)\s*(?P<unit>%|bp)")

_VERSION = re.compile("[1-9][0-9]{0,17}")
_BARE = re.compile(r".+=[0-9.]+")
_VERSION_EXAMPLE = "VERSION=SHARE: use 2=10, for example"


def basis_points(share: str) -> int:
    """Reads a share.

    Raises:
        InvalidArgument: WEIGHTS_INVALID.

    >>> basis_points("12.5%"), basis_points("1000bp")
    (1250, 1000)
    """
    match = _SHARE.fullmatch(share.strip())
    if match is not None:
        number = Decimal(match["number"]) * (100 if match["unit"] == "%" else 1)
        if number == number.to_integral_value():
            return int(number)
    raise InvalidArgument(
        "WEIGHTS_INVALID",
        f"{shown(share)} is not a share: use percent (10%) or basis points (1000bp)",
        value=shown(share),
    )


def by_arm(assignments: Iterable[str]) -> dict[str, int]:
    """Reads `ARM=SHARE` for each arm.

    Raises:
        InvalidArgument: WEIGHTS_INVALID.

    >>> by_arm(["champion=50%", "challenger=5000bp"])
    {'champion': 5000, 'challenger': 5000}
    """
    return _read(assignments, "ARM=SHARE: use challenger=50%, for example")


def by_version(assignments: Iterable[str]) -> dict[int, int]:
    """Reads `VERSION=SHARE` for each version; a share without a unit is in percent.

    Raises:
        InvalidArgument: WEIGHTS_INVALID.

    >>> by_version(["1=90", "2=9.5%", "3=50bp"])
    {1: 9000, 2: 950, 3: 50}
    """
    in_percent = (f"{each}%" if _BARE.fullmatch(each) else each for each in assignments)
    weights = _read(in_percent, _VERSION_EXAMPLE)
    for version in weights:
        if not _VERSION.fullmatch(version):
            raise _misread(version, _VERSION_EXAMPLE)
    return {int(version): weight_bp for version, weight_bp in weights.items()}


def percent(weight_bp: int) -> str:
    """A share for people.

    >>> percent(9000), percent(1250)
    ('90%', '12.5%')
    """
    return f"{weight_bp / 100:g}%"


def _read(assignments: Iterable[str], wanted: str) -> dict[str, int]:
    weights: dict[str, int] = {}
    for assignment in assignments:
        name, separator, share = assignment.partition("=")
        if not separator or not name:
            raise _misread(assignment, wanted)
        if name in weights:
            raise InvalidArgument("WEIGHTS_INVALID", f"{shown(name)} is named twice", name=name)
        weights[name] = basis_points(share)
    return weights


def _misread(value: str, wanted: str) -> InvalidArgument:
    return InvalidArgument("WEIGHTS_INVALID", f"{shown(value)} is not {wanted}", value=shown(value))
