from __future__ import annotations

from dataclasses import replace

import pytest

from algolink import audit_chain
from algolink.audit_chain import GENESIS, Link, Verified
from algolink.errors import FailedPrecondition

Chain = list[tuple[Link, str]]


def a_link(number: int) -> Link:
    return Link(
        number=number,
        time="2026-11-21T12:00:00.000000Z",
        caller="ann",
        request_id="",
        action="SetAlias",
        resource="models/iris",
        before_digest="a" * 64,
        after_digest="b" * 64,
    )


def a_chain(sealed: int = 3, unsealed: int = 0) -> Chain:
    chain: Chain = []
    previous = GENESIS
    for number in range(1, sealed + 1):
        previous = audit_chain.chained(previous, a_link(number))
        chain.append((a_link(number), previous))
    return [*chain, *((a_link(sealed + n), "") for n in range(1, unsealed + 1))]


def test_a_whole_chain_is_whole() -> None:
    chain = a_chain(3, unsealed=2)

    assert audit_chain.verify(chain) == Verified(3, 2, chain[2][1])
    assert audit_chain.verify([]) == Verified(0, 0, GENESIS)


@pytest.mark.parametrize(
    "change",
    [
        {"caller": "bob"},
        {"time": "2026-11-21T12:00:00.000001Z"},
        {"request_id": "x"},
        {"action": "DeleteAlias"},
        {"resource": "models/digits"},
        {"before_digest": ""},
        {"after_digest": "c" * 64},
        {"caller": 'ann","'},
    ],
    ids=str,
)
def test_every_value_is_covered(change: dict[str, str]) -> None:
    chain = a_chain()
    chain[1] = (replace(chain[1][0], **change), chain[1][1])  # type: ignore[arg-type]  # all text

    with pytest.raises(FailedPrecondition, match="at entry 2") as caught:
        audit_chain.verify(chain)

    assert caught.value.reason == "AUDIT_CHAIN_BROKEN"


@pytest.mark.parametrize(
    "broken",
    [
        a_chain()[1:],
        [a_chain()[0], a_chain()[2]],
        [a_chain()[1], a_chain()[0], a_chain()[2]],
        [a_chain()[0], (a_link(2), ""), a_chain()[2]],
    ],
    ids=["first gone", "one gone", "order", "seal gone"],
)
def test_what_is_missing_or_in_another_order_shows(broken: Chain) -> None:
    with pytest.raises(FailedPrecondition):
        audit_chain.verify(broken)


def test_a_chain_that_was_cut_or_made_anew_shows_against_what_is_known() -> None:
    known = (3, a_chain()[2][1])
    anew: Chain = []
    previous = GENESIS
    for number in range(1, 4):
        link = replace(a_link(number), caller="bob")
        previous = audit_chain.chained(previous, link)
        anew.append((link, previous))

    assert audit_chain.verify(a_chain(5), known=known).sealed == 5
    for chain in (a_chain(2), anew):
        audit_chain.verify(chain)
        with pytest.raises(FailedPrecondition, match="at entry 3"):
            audit_chain.verify(chain, known=known)
