"""The chain that the audit's entries are sealed with, for those who make and who check it.

The hash of an entry is the SHA-256 of a line of JSON: an array of the hash of the
entry before it (`GENESIS` for the first) and the entry's eight values, as text, in
the order of `Link`'s attributes, without spaces, in ASCII.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import astuple, dataclass

from algolink.errors import FailedPrecondition

GENESIS = "0" * 64
"""What the first entry is chained to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What the hash of an entry covers.

    Attributes:
        number: from 1, without gaps.
        time: RFC 3339 in UTC with six digits, `2026-03-03T12:00:00.000000Z`.
    """

    number: int
    time: str
    caller: str
    request_id: str
    action: str
    resource: str
    before_digest: str
    after_digest: str


def chained(previous: str, link: Link) -> str:
    """Hash of an entry.

    Args:
        previous: hash of the entry before it; `GENESIS` for the first.

    >>> link = Link(number=1, time="2026-03-03T12:00:00.000000Z", caller="ann", request_id="",
    ...     action="SetAlias", resource="models/iris", before_digest="", after_digest="")
    >>> chained(GENESIS, link)[:16]
    'fe77bbb7a2da2539'
    """
    values = [previous, *(str(value) for value in astuple(link))]
    line = json.dumps(values, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(line.encode("ascii")).hexdigest()


@dataclass(frozen=True, slots=True)
class Verified:
    """What a chain without a flaw holds.

    Attributes:
        sealed: how many entries are chained.
        unsealed: how many wait for the sealer behind them.
        head_hash: of the last chained one; `GENESIS` if there is none.
    """

    sealed: int
    unsealed: int
    head_hash: str


def verify(
    entries: Iterable[tuple[Link, str]], *, known: tuple[int, str] | None = None
) -> Verified:
    """Makes the chain again, and checks it.

    Args:
        entries: all of them, oldest first, each with its hash; empty if unsealed.
        known: number and hash of an entry as seen earlier. Without one nobody can
            tell whether entries were cut off the end, or the whole chain made anew.

    Raises:
        FailedPrecondition: AUDIT_CHAIN_BROKEN.
    """
    previous, sealed, unsealed, number = GENESIS, 0, 0, 0
    known_is_met = known is None
    for number, (link, found) in enumerate(entries, start=1):
        if link.number != number:
            raise _broken(number, f"it is missing: {link.number} comes in its place")
        if not found:
            unsealed += 1
            continue
        if unsealed:
            raise _broken(number, "it is sealed, and one before it is not")
        previous = chained(previous, link)
        if previous != found:
            raise _broken(number, f"its hash is {found}, and should be {previous}")
        sealed = number
        if known is not None and known[0] == number:
            if known[1] != found:
                raise _broken(number, f"its hash is {found}, and was {known[1]}")
            known_is_met = True
    if known is not None and not known_is_met:
        raise _broken(known[0], f"it was there, and the chain ends at {sealed}")
    return Verified(sealed, unsealed, previous)


def _broken(number: int, why: str) -> FailedPrecondition:
    return FailedPrecondition(
        "AUDIT_CHAIN_BROKEN", f"the audit is not whole at entry {number}: {why}", number=number
    )
