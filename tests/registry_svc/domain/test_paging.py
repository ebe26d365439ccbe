from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from algolink.errors import InvalidArgument
from registry_svc.domain import paging

PAGES = paging.Pages(b"k" * 32, ("models/iris", 'state = "READY"', "number"))


def test_no_page_size_means_the_default() -> None:
    assert paging.size(0) == paging.DEFAULT_PAGE_SIZE


@pytest.mark.parametrize("requested", [-1, 1_001])
def test_a_page_size_out_of_range_is_refused(requested: int) -> None:
    with pytest.raises(InvalidArgument) as caught:
        paging.size(requested)

    assert caught.value.reason == "PAGE_SIZE_INVALID"


def test_pages_follow_one_another_to_the_end() -> None:
    items, seen, token = [1, 2, 3], [], ""

    while True:
        last = paging.number_after(PAGES, token)
        rest = [item for item in items if last is None or item > last]
        page, token = PAGES.cut(rest[:3], 2, lambda item: (item,))
        seen.append(list(page))
        if not token:
            break

    assert seen == [[1, 2], [3]]


def test_a_place_comes_back_as_it_was() -> None:
    place = ("iris", 3, 0.25, None, "2026-03-01T12:00:00+00:00", "ünïcode")

    assert PAGES.after(PAGES.token(place)) == place
    assert PAGES.after("") is None


TOKEN = PAGES.token(("iris", 3))
FORGED = base64.urlsafe_b64encode(b"\0" * 16 + b'["iris",9]').decode()


@pytest.mark.parametrize(
    "token",
    ["nonsense!", "ünicode", "YQ==", FORGED, TOKEN[:-4], "A" + TOKEN[1:], TOKEN[:-8] + "AAAAAAA="],
)
def test_a_token_that_was_not_made_here_is_refused(token: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        PAGES.after(token)

    assert caught.value.reason == "PAGE_TOKEN_INVALID"


@pytest.mark.parametrize(
    "other",
    [
        replace(PAGES, key=b"j" * 32),
        replace(PAGES, scope=("models/iris", 'state = "READY"', "")),
        replace(PAGES, scope=("models/iris", "", "number")),
        replace(PAGES, scope=("models/digits", 'state = "READY"', "number")),
    ],
    ids=["database", "order", "filter", "collection"],
)
def test_a_token_of_another_list_is_refused(other: paging.Pages) -> None:
    with pytest.raises(InvalidArgument) as caught:
        other.after(TOKEN)

    assert caught.value.reason == "PAGE_TOKEN_INVALID"
