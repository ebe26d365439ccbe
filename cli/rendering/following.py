"""Follows the table that is served, through the router's restarts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from algolink.client import Client
from algolink.errors import Unavailable
from algolink.router.v1 import tables_pb2

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0


def tables(
    client: Client,
    *,
    on_lost: Callable[[Unavailable], None],
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[tables_pb2.RouteTable]:
    """The table as it is, then whenever it changes, for ever.

    Args:
        client: stays open meanwhile.
        on_lost: told once whenever the router goes away, before it is looked for again.
        pause: returns after so many seconds.
    """
    pause_s, is_lost = _FIRST_PAUSE_S, False
    while True:
        try:
            for told in client.tables.watch():
                pause_s, is_lost = _FIRST_PAUSE_S, False
                yield told
        except Unavailable as error:
            if not is_lost:
                on_lost(error)
            is_lost = True
        pause(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
