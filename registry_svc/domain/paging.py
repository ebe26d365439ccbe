"""Pages of a list.

A page begins after the last item of the one before, not at a count, so that what is
written meanwhile neither repeats nor hides what is not. A token is signed, and is of
one list alone: the same collection, filter and order.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from algolink import names
from algolink.errors import InvalidArgument
from registry_svc.domain.search.orders import Place

MAX_PAGE_SIZE = 1_000
DEFAULT_PAGE_SIZE = 100

_SIGNATURE_BYTES = 16

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


@dataclass(frozen=True, slots=True)
class Pages:
    """The tokens of one list.

    Attributes:
        key: signs; of the database.
        scope: says which list it is, as the caller asked for it.
    """

    key: bytes
    scope: tuple[object, ...]

    def token(self, last: Place) -> str:
        """Token of the page that begins after `last`."""
        content = json.dumps(last, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._signature(content) + content).decode()

    def after(self, page_token: str) -> Place | None:
        """Where a page begins: after this; None at the start.

        Raises:
            InvalidArgument: PAGE_TOKEN_INVALID.
        """
        if not page_token:
            return None
        try:
            read = base64.b64decode(page_token.encode("ascii"), altchars=b"-_", validate=True)
        except ValueError as error:
            raise _invalid(page_token) from error
        signature, content = read[:_SIGNATURE_BYTES], read[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._signature(content)):
            raise _invalid(page_token)
        # Signed here, so it is what `token` was given.
        return tuple(json.loads(content))

    def cut(
        self, items: Sequence[T], page_size: int, place_of: Callable[[T], Place]
    ) -> tuple[Sequence[T], str]:
        """First page of `items` and the next page's token, empty on the last.

        Args:
            items: one more than a page holds, where there are more.
        """
        page = items[:page_size]
        return page, self.token(place_of(page[-1])) if len(items) > page_size else ""

    def _signature(self, content: bytes) -> bytes:
        scope = json.dumps(self.scope, separators=(",", ":")).encode()
        signed = hmac.digest(self.key, b"%d:%b%b" % (len(scope), scope, content), "sha256")
        return signed[:_SIGNATURE_BYTES]


def number_after(pages: Pages, page_token: str) -> int | None:
    """Where a page of a list that is ordered by numbers begins."""
    place = pages.after(page_token)
    return None if place is None else int(place[0] or 0)


def _invalid(page_token: str) -> InvalidArgument:
    return InvalidArgument(
        "PAGE_TOKEN_INVALID",
        f"{names.shown(page_token)} is not a page token of this list: ask for its pages in order, "
        "with the same filter and order",
        page_token=names.shown(page_token),
    )
