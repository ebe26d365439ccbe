from __future__ import annotations

import gzip
import json

import aiohttp
import pytest

from algolink.client import AsyncClient
from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e


async def test_outcomes_come_by_http_through_the_admin_port(
    stack: Stack, client: AsyncClient
) -> None:
    lines = [
        {"event_id": f"http-{number}", "unit": f"reader-{number}", "metric": "read", "value": 1.0}
        for number in range(1_000)
    ]
    body = gzip.compress("\n".join(map(json.dumps, lines)).encode())
    base_url = f"http://{client.connection.admin_endpoint}"
    headers = {"Authorization": f"Bearer {client.connection.token}", "Content-Encoding": "gzip"}

    async with (
        aiohttp.ClientSession(base_url, headers=headers) as session,
        session.post("/v1/outcomes:batch", data=body) as answer,
    ):
        told = await answer.json()

    again = await client.outcome("reader-7", "read", 1.0, event_id="http-7")
    assert told == {"accepted": 1_000, "redelivered": 0, "conflicts": 0}
    assert (again.accepted, again.redelivered) == (0, 1)
