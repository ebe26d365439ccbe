"""Shares of traffic as people write them: `10%`, `12.5%`, `1000bp`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

from algolink.errors import InvalidArgument
from algolink.names import shown

_SHARE = re.compile(r"(?P<number>\d{1,5}(\.\d{1,2})?)\s*(?P<unit>%|bp)")

_VERSION = re.compile("[1-9][0-9]{0,17}")


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
    weights: dict[str, int] = {}
    for assignment in assignments:
        arm, separator, share = assignment.partition("=")
        if not separator or not arm:
            raise InvalidArgument(
                "WEIGHTS_INVALID",
                f"{shown(assignment)} is not ARM=SHARE: use challenger=50%, for example",
                value=shown(assignment),
            )
        if arm in weights:
            raise InvalidArgument("WEIGHTS_INVALID", f"arm {shown(arm)} is named twice", arm=arm)
        weights[arm] = basis_points(share)
    return weights


def by_version(assignments: Iterable[str]) -> dict[int, int]:
    """Reads `VERSION=SHARE` for each version; a share without a unit is in percent.

    Raises:
        InvalidArgument: WEIGHTS_INVALID.

    >>> by_version(["1=90", "2=9.5%", "3=50bp"])
    {1: 9000, 2: 950, 3: 50}
    """
    weights = by_arm(f"{each}%" if each[-1:].isdigit() else each for each in assignments)
    for version in weights:
        if not _VERSION.fullmatch(version):
            raise InvalidArgument(
                "WEIGHTS_INVALID",
                f"{shown(version)} is not the number of a version: use 2=10%, for example",
                value=shown(version),
            )
    return {int(version): weight_bp for version, weight_bp in weights.items()}


def percent(weight_bp: int) -> str:
    """A share for people.

    >>> percent(9000), percent(1250)
    ('90%', '12.5%')
    """
    return f"{weight_bp / 100:g}%"
