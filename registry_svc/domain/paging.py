"""Pages of a list."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import TypeVar

from algolink import names
from algolink.errors import InvalidArgument

MAX_PAGE_SIZE = 1_000
DEFAULT_PAGE_SIZE = 100

T = TypeVar("T")


def size(requested: int) -> int:
    """Items of a page; 0 means the default.

    Raises:
        InvalidArgument: PAGE_SIZE_INVALID.
    """
    if not 0 <= requested <= MAX_PAGE_SIZE:
        raise InvalidArgument(
            "PAGE_SIZE_INVALID",
            f"page size {requested} is not 0 to {MAX_PAGE_SIZE}",
            page_size=requested,
        )
    return requested or DEFAULT_PAGE_SIZE


def token(last: str) -> str:
    """Token of the page that begins after `last`."""
    return base64.urlsafe_b64encode(last.encode()).decode()


def after(page_token: str, check: Callable[[str], T]) -> T | None:
    """Where a page begins: after this; None at the start.

    Args:
        check: reads what `token` was given; raises ValueError or InvalidArgument
            for what it cannot have been given.

    Raises:
        InvalidArgument: PAGE_TOKEN_INVALID.
    """
    if not page_token:
        return None
    try:
        return check(
            base64.b64decode(page_token.encode("ascii"), altchars=b"-_", validate=True).decode()
        )
    except (binascii.Error, ValueError, InvalidArgument) as error:
        raise InvalidArgument(
            "PAGE_TOKEN_INVALID",
            f"{names.shown(page_token)} is not a page token of this list",
            page_token=names.shown(page_token),
        ) from error


def number_in(collection: str, text: str) -> int:
    """Number of what `text` names in a collection.

    Raises:
        ValueError: if it names something else.

    >>> number_in("models/iris/aliasMoves/-", "models/iris/aliasMoves/-/7")
    7
    """
    place, _, number = text.rpartition("/")
    if place != collection:
        raise ValueError(f"{text} is not in {collection}")
    return int(number)


def cut(items: Sequence[T], page_size: int, last_of: Callable[[T], str]) -> tuple[Sequence[T], str]:
    """First page of `items` and the next page's token, empty on the last.

    Args:
        items: one more than a page holds, where there are more.
    """
    page = items[:page_size]
    return page, token(last_of(page[-1])) if len(items) > page_size else ""
