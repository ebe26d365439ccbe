"""Outcomes over HTTP: in batches, all of one or nothing, bad ones named by their line."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from algolink.experiment.v1 import facts_pb2 as pb
from algolink.experiment.v1.facts_pb2_grpc import FactServiceStub
from chassis.auth import Caller, Tokens
from chassis.http_server import serve_http
from experiment_svc import http_front
from experiment_svc.intake import OutcomeIntake
from experiment_svc.outcomes_http import BODY_LIMIT_BYTES, PATH, PREFIX, OutcomesFront
from experiment_svc.store_memory import MemoryStore
from tests.experiment_svc.builders import FakeClock

TOKEN = "open-sesame"
GOOD = {"event_id": "e-1", "unit": "alice", "metric": "correct", "value": 1}


@pytest.fixture
async def base_url(memory_store: MemoryStore, clock: FakeClock) -> AsyncIterator[str]:
    tokens = Tokens([(hashlib.sha256(TOKEN.encode()).digest(), Caller("web", "service"))])
    front = OutcomesFront(OutcomeIntake(memory_store), tokens, now=clock)
    app = http_front.application({PREFIX: front.application()})
    async with serve_http(app, "127.0.0.1:0", grace_s=1) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
async def http(base_url: str) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession(base_url, headers=headers) as session:
        yield session


async def post(
    http: aiohttp.ClientSession, body: bytes | str, **headers: str
) -> tuple[int, dict[str, Any]]:
    data = body.encode() if isinstance(body, str) else body
    async with http.post(PATH, data=data, headers=headers) as answer:
        return answer.status, await answer.json()


def lines(*outcomes: dict[str, Any]) -> str:
    return "\n".join(json.dumps(outcome) for outcome in outcomes)


async def accepted(store: MemoryStore) -> int:
    async with store.reading() as reading:
        return await reading.facts_accepted()


@pytest.mark.parametrize(
    "body",
    [
        lines(GOOD, GOOD | {"event_id": "e-2"}),
        "\n" + lines(GOOD, GOOD | {"event_id": "e-2"}).replace("\n", "\r\n\r\n") + "\n",
        json.dumps([GOOD, GOOD | {"event_id": "e-2"}]),
        " " + json.dumps([GOOD, GOOD | {"event_id": "e-2"}], indent=2) + "\n",
    ],
)
async def test_lines_and_arrays_are_taken_once(http: aiohttp.ClientSession, body: str) -> None:
    assert await post(http, body) == (200, {"accepted": 2, "redelivered": 0, "conflicts": 0})
    assert await post(http, body) == (200, {"accepted": 0, "redelivered": 2, "conflicts": 0})
    changed = body.replace('"correct"', '"wrong"')
    assert await post(http, changed) == (200, {"accepted": 0, "redelivered": 0, "conflicts": 2})


@pytest.mark.parametrize("body", ["", "\n\n", "[]", " [ ] "])
async def test_nothing_is_fine(http: aiohttp.ClientSession, body: str) -> None:
    assert await post(http, body) == (200, {"accepted": 0, "redelivered": 0, "conflicts": 0})


async def test_the_same_outcome_by_rpc_is_the_same_fact(
    http: aiohttp.ClientSession, fact_stub: FactServiceStub
) -> None:
    timed = GOOD | {"time": "2026-03-03T13:00:00.25+01:00"}
    message = pb.Outcome(event_id="e-1", unit="alice", metric="correct", value=1.0)
    message.time.FromJsonString("2026-03-03T12:00:00.25Z")

    await post(http, lines(timed))

    recorded = await fact_stub.RecordOutcomes(pb.RecordOutcomesRequest(outcomes=[message]))
    assert recorded == pb.RecordResponse(redelivered=1)


async def test_a_packed_body_is_unpacked(http: aiohttp.ClientSession) -> None:
    packed = gzip.compress(lines(GOOD).encode())

    status, told = await post(http, packed, **{"Content-Encoding": "gzip"})

    assert (status, told["accepted"]) == (200, 1)


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "7",
        "[1]",
        '"text"',
        "nonsense",
        "[" * 100_000,
        json.dumps(GOOD | {"value": "1"}),
        json.dumps(GOOD | {"value": True}),
        json.dumps(GOOD | {"value": None}),
        json.dumps(GOOD | {"value": 1e300}),
        json.dumps(GOOD | {"value": 10**400}),
        json.dumps(GOOD).replace(": 1}", ": 1e999}"),
        json.dumps(GOOD | {"value": float("nan")}),
        json.dumps(GOOD | {"value": float("-inf")}),
        json.dumps(GOOD | {"unit": "two words"}),
        json.dumps(GOOD | {"unit": 7}),
        json.dumps(GOOD | {"unit": "\ud800"}),
        json.dumps({"unit": "alice", "metric": "correct", "value": 1}),
        json.dumps(GOOD | {"metric": "Not One"}),
        json.dumps(GOOD | {"vlaue": 2}),
        json.dumps(GOOD | {"time": "yesterday"}),
        json.dumps(GOOD | {"time": "2026-03-03T12:00:00"}),
        json.dumps(GOOD | {"time": 1_700_000_000}),
        "\x00",
        b"\xff",
    ],
)
async def test_a_bad_line_is_named_and_nothing_is_stored(
    http: aiohttp.ClientSession, memory_store: MemoryStore, line: str | bytes
) -> None:
    bad = line.encode() if isinstance(line, str) else line

    status, told = await post(http, lines(GOOD).encode() + b"\n\n" + bad + b"\n")

    assert (status, told["reason"], told["line"]) == (400, "FACT_INVALID", 3)
    assert told["message"].startswith("line 3: ")
    assert await accepted(memory_store) == 0


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("[\n", 2),
        ("[\n{},", 2),
        (f"[\n{json.dumps(GOOD)}\n{json.dumps(GOOD)}]", 3),
        (f"[\n{json.dumps(GOOD)},\n{json.dumps(GOOD | {'value': 1e300})}]", 3),
        (f"[{json.dumps(GOOD)},\n\n7]", 3),
        (f"[{json.dumps(GOOD)}]\nmore", 2),
        ("[]\n]", 2),
        ("[,]", 1),
    ],
)
async def test_a_bad_array_is_told_with_the_line(
    http: aiohttp.ClientSession, memory_store: MemoryStore, body: str, line: int
) -> None:
    status, told = await post(http, body)

    assert (status, told["reason"], told["line"]) == (400, "FACT_INVALID", line)
    assert await accepted(memory_store) == 0


async def test_too_many_outcomes_are_refused(
    http: aiohttp.ClientSession, memory_store: MemoryStore
) -> None:
    status, told = await post(http, lines(*[GOOD] * 10_001))

    assert (status, told["reason"]) == (413, "BATCH_TOO_LARGE")
    assert await accepted(memory_store) == 0


@pytest.mark.parametrize("packed", [False, True])
async def test_a_body_that_is_too_large_is_refused_before_it_is_whole(
    http: aiohttp.ClientSession, packed: bool
) -> None:
    body = b" " * (BODY_LIMIT_BYTES + 1)
    headers = {"Content-Encoding": "gzip"} if packed else {}

    status, told = await post(http, gzip.compress(body) if packed else body, **headers)

    assert (status, told["reason"]) == (413, "BATCH_TOO_LARGE")


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        ("br", b"whatever", 415),
        ("snappy", b"whatever", 415),
        ("gzip", b"not gzip at all", 400),
        ("gzip", gzip.compress(b"{}")[:-4], 400),
    ],
)
async def test_what_cannot_be_unpacked_is_refused(
    http: aiohttp.ClientSession, encoding: str, body: bytes, status: int
) -> None:
    async with http.post(PATH, data=body, headers={"Content-Encoding": encoding}) as answer:
        assert answer.status == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"X-API-Key": "wrong"}, 401),
        ({"X-API-Key": TOKEN}, 200),
    ],
)
async def test_a_token_is_needed(
    base_url: str, memory_store: MemoryStore, headers: dict[str, str], status: int
) -> None:
    async with aiohttp.ClientSession(base_url, headers=headers) as session:
        found, told = await post(session, lines(GOOD))

    assert found == status
    assert (await accepted(memory_store) == 1) == (status == 200)
    assert "accepted" in told or told["reason"].startswith("TOKEN_")
