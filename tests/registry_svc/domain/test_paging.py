from __future__ import annotations

import pytest

from algolink.errors import InvalidArgument
from algolink.names import ModelName
from registry_svc.domain import paging


def test_no_page_size_means_the_default() -> None:
    assert paging.size(0) == paging.DEFAULT_PAGE_SIZE


@pytest.mark.parametrize("requested", [-1, 1_001])
def test_a_page_size_out_of_range_is_refused(requested: int) -> None:
    with pytest.raises(InvalidArgument) as caught:
        paging.size(requested)

    assert caught.value.reason == "PAGE_SIZE_INVALID"


def test_pages_follow_one_another_to_the_end() -> None:
    items, seen, token = ["models/a", "models/b", "models/c"], [], ""

    while True:
        last = paging.after(token, ModelName.parse)
        rest = [item for item in items if last is None or item > str(last)]
        page, token = paging.cut(rest[:3], 2, str)
        seen.append(list(page))
        if not token:
            break

    assert seen == [["models/a", "models/b"], ["models/c"]]


@pytest.mark.parametrize("token", ["nonsense!", "ünicode", paging.token("no model name")])
def test_a_token_of_something_else_is_refused(token: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        paging.after(token, ModelName.parse)

    assert caught.value.reason == "PAGE_TOKEN_INVALID"
