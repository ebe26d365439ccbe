"""Pages of the list of experiments."""

from __future__ import annotations

import base64
import binascii

from algolink.errors import AlgoLinkError, InvalidArgument
from algolink.names import check_experiment_id, shown
from experiment_svc.store import Position

DEFAULT_SIZE = 100
MAX_SIZE = 1_000


def size(requested: int) -> int:
    """How many to return.

    Raises:
        InvalidArgument: PAGE_SIZE_INVALID.
    """
    if not 0 <= requested <= MAX_SIZE:
        raise InvalidArgument(
            "PAGE_SIZE_INVALID",
            f"page_size is {requested}: it must be 0 to {MAX_SIZE}",
            page_size=requested,
        )
    return requested or DEFAULT_SIZE


def token(position: Position) -> str:
    """Token of the page after the experiment at `position`."""
    text = f"{position.created_us}:{position.experiment}"
    return base64.urlsafe_b64encode(text.encode()).decode()


def position(page_token: str) -> Position | None:
    """Inverse of `token`; None for the first page.

    Raises:
        InvalidArgument: PAGE_TOKEN_INVALID.
    """
    if not page_token:
        return None
    try:
        text = base64.b64decode(page_token.encode("ascii"), altchars=b"-_", validate=True).decode()
        created_us, _, experiment = text.partition(":")
        return Position(_time_us(created_us), check_experiment_id(experiment))
    except (binascii.Error, ValueError, AlgoLinkError) as error:
        raise InvalidArgument(
            "PAGE_TOKEN_INVALID",
            f"{shown(page_token)} is not a page token of this list",
            page_token=shown(page_token),
        ) from error


def _time_us(text: str) -> int:
    time_us = int(text)
    if not 0 <= time_us < 2**62:
        raise ValueError(f"{text} is no time")
    return time_us
