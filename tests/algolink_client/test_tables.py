from __future__ import annotations

import pytest

from algolink.client import AsyncClient, Client
from algolink.errors import Unavailable
from tests.mesh.targets.tables import EXAMPLES
from tests.mesh.targets.tellers import Teller

FIRST, SECOND = EXAMPLES["champion-only"], EXAMPLES["experiment-90-10"]


def test_the_table_is_followed_until_the_router_goes_away() -> None:
    teller = Teller(FIRST)
    with teller.serving() as port, Client(f"127.0.0.1:{port}", token="token") as client:
        watch = client.tables.watch()

        assert next(watch).revision == FIRST.revision
        teller.tell(SECOND)
        assert next(watch).revision == SECOND.revision

        teller.drain()
        with pytest.raises(Unavailable):
            next(watch)


async def test_the_table_is_followed_by_the_asyncio_client_too() -> None:
    teller = Teller(FIRST)
    with teller.serving() as port:
        async with AsyncClient(f"127.0.0.1:{port}", token="token") as client:
            watch = client.tables.watch()

            assert (await anext(watch)).revision == FIRST.revision
            teller.tell(SECOND)
            assert (await anext(watch)).revision == SECOND.revision

            teller.drain()
            with pytest.raises(Unavailable):
                await anext(watch)
