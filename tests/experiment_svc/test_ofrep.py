"""Flags over HTTP, as any OpenFeature SDK asks for them, and the provider that needs no asking."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.event import EventDetails, ProviderEvent
from openfeature.exception import ErrorCode, ProviderNotReadyError
from openfeature.flag_evaluation import Reason

from algolink import split
from algolink.openfeature import AlgoLinkProvider
from chassis.auth import Caller, Tokens
from chassis.http_server import serve_http
from experiment_svc import http_front
from experiment_svc.assigning import Plans
from experiment_svc.domain import experiments
from experiment_svc.domain.design import UnitKind
from experiment_svc.ofrep import FLAGS_PATH, PREFIX, OfrepFront
from experiment_svc.store_memory import MemoryStore
from tests.experiment_svc.builders import NOON, a_draft, a_running, a_verdict

TOKEN = "open-sesame"
ALICE = {"context": {"targetingKey": "alice", "country": "FR"}}


@pytest.fixture
async def base_url(memory_store: MemoryStore) -> AsyncIterator[str]:
    tokens = Tokens([(hashlib.sha256(TOKEN.encode()).digest(), Caller("web", "service"))])
    front = OfrepFront(Plans(memory_store), tokens)
    async with serve_http(
        http_front.application({PREFIX: front.application()}), "127.0.0.1:0", grace_s=1
    ) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
async def http(base_url: str) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession(base_url, headers=headers) as session:
        yield session


@pytest.fixture
def no_providers() -> Iterator[None]:
    yield
    api.clear_providers()


async def add(store: MemoryStore, experiment: experiments.Experiment) -> experiments.Experiment:
    async with store.transaction() as tx:
        return await tx.add_experiment(experiment)


async def evaluate(
    http: aiohttp.ClientSession, key: str, body: Any = ALICE
) -> tuple[int, dict[str, Any]]:
    async with http.post(f"{FLAGS_PATH}/{key}", json=body) as answer:
        return answer.status, await answer.json()


def arm_of(experiment: experiments.Experiment, unit: str) -> str:
    assert experiment.table is not None
    return experiment.table.arm_of(split.bucket(experiment.salt, unit))


async def test_a_running_experiment_is_a_split(
    http: aiohttp.ClientSession, memory_store: MemoryStore
) -> None:
    running = await add(memory_store, a_running())

    status, flag = await evaluate(http, "digits")

    arm = arm_of(running, "alice")
    assert status == 200
    assert (flag["key"], flag["value"], flag["variant"]) == ("digits", arm, arm)
    assert flag["reason"] == "SPLIT"
    assert flag["metadata"]["bucket"] == split.bucket(running.salt, "alice")


async def test_a_concluded_experiment_is_its_winner_for_everybody(
    http: aiohttp.ClientSession, memory_store: MemoryStore
) -> None:
    concluding = experiments.conclude(a_running(), a_verdict(), at=NOON)
    await add(memory_store, experiments.promoted(concluding, model_revision=3, at=NOON))

    _, flag = await evaluate(http, "digits")

    assert (flag["value"], flag["reason"]) == ("challenger", "STATIC")


async def test_a_draft_is_disabled_and_leaves_the_default_to_the_caller(
    http: aiohttp.ClientSession, memory_store: MemoryStore
) -> None:
    await add(memory_store, a_draft())

    status, flag = await evaluate(http, "digits")

    assert (status, flag["reason"]) == (200, "DISABLED")
    assert "value" not in flag


@pytest.mark.parametrize("key", ["other", "Not-An-Id", "a" * 100])
async def test_an_unknown_flag_is_not_found(http: aiohttp.ClientSession, key: str) -> None:
    status, failure = await evaluate(http, key)

    assert (status, failure["key"], failure["errorCode"]) == (404, key, "FLAG_NOT_FOUND")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "PARSE_ERROR"),
        (b"\xff", "PARSE_ERROR"),
        (b"[" * 10_000, "PARSE_ERROR"),
        (b"[]", "INVALID_CONTEXT"),
        (b"{}", "INVALID_CONTEXT"),
        (b'{"context": 3}', "INVALID_CONTEXT"),
        (b'{"context": {}}', "TARGETING_KEY_MISSING"),
        (b'{"context": {"targetingKey": ""}}', "TARGETING_KEY_MISSING"),
        (b'{"context": {"targetingKey": 7}}', "INVALID_CONTEXT"),
        (b'{"context": {"targetingKey": "two words"}}', "INVALID_CONTEXT"),
    ],
)
@pytest.mark.parametrize("path", [f"{FLAGS_PATH}/digits", FLAGS_PATH])
async def test_a_bad_request_is_told_in_the_protocols_words(
    http: aiohttp.ClientSession, memory_store: MemoryStore, path: str, body: bytes, code: str
) -> None:
    await add(memory_store, a_running())

    async with http.post(path, data=body) as answer:
        failure = await answer.json()

    assert (answer.status, failure["errorCode"]) == (400, code)
    assert failure["errorDetails"]
    assert failure.get("key") == ("digits" if path.endswith("digits") else None)


async def test_requests_as_units_cannot_be_evaluated(
    http: aiohttp.ClientSession, memory_store: MemoryStore
) -> None:
    await add(memory_store, replace(a_running(), unit=UnitKind.REQUEST))

    status, failure = await evaluate(http, "digits")

    assert (status, failure["errorCode"]) == (400, "GENERAL")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"X-API-Key": "wrong"}, 401),
        ({"X-API-Key": TOKEN}, 200),
    ],
)
async def test_a_token_is_needed(base_url: str, headers: dict[str, str], status: int) -> None:
    async with (
        aiohttp.ClientSession(base_url, headers=headers) as session,
        session.post(FLAGS_PATH, json=ALICE) as answer,
    ):
        assert answer.status == status


async def test_all_flags_come_at_once_and_only_those_that_are_on(
    http: aiohttp.ClientSession, memory_store: MemoryStore
) -> None:
    await add(memory_store, a_running())
    await add(memory_store, a_running(name="iris-2", model="iris"))
    await add(memory_store, a_draft(name="draft", model="other"))

    async with http.post(FLAGS_PATH, json=ALICE) as answer:
        found = await answer.json()

    assert [flag["key"] for flag in found["flags"]] == ["digits", "iris-2"]


async def test_an_answer_that_is_known_is_not_sent_again_until_it_changes(
    http: aiohttp.ClientSession, memory_store: MemoryStore
) -> None:
    running = await add(memory_store, a_running())
    async with http.post(FLAGS_PATH, json=ALICE) as answer:
        known = {"If-None-Match": f'"something-else", {answer.headers["ETag"]}'}

    async with http.post(FLAGS_PATH, json=ALICE, headers=known) as unchanged:
        body = await unchanged.read()
    async with memory_store.transaction() as tx:
        await tx.put_experiment(
            experiments.ramp(running, {"champion": 0, "challenger": 10_000}, at=NOON)
        )
    async with http.post(FLAGS_PATH, json=ALICE, headers=known) as changed:
        [flag] = (await changed.json())["flags"]

    assert (unchanged.status, body) == (304, b"")
    assert (changed.status, flag["value"]) == (200, "challenger")
    assert changed.headers["ETag"] not in known["If-None-Match"]


@pytest.mark.usefixtures("no_providers")
async def test_a_stock_provider_reads_an_arm(base_url: str, memory_store: MemoryStore) -> None:
    running = await add(memory_store, a_running())
    await add(memory_store, a_draft(name="draft", model="other"))

    def ask() -> list[Any]:
        api.set_provider_and_wait(
            OFREPProvider(base_url, headers_factory=lambda: {"Authorization": f"Bearer {TOKEN}"})
        )
        client = api.get_client()
        return [
            client.get_string_details(key, "mine", EvaluationContext("alice"))
            for key in ("digits", "draft", "nothing")
        ]

    found, draft, nothing = await asyncio.to_thread(ask)

    assert (found.value, found.reason) == (arm_of(running, "alice"), Reason.SPLIT)
    assert (draft.value, draft.error_code) == ("mine", None)
    assert (nothing.value, nothing.error_code) == ("mine", ErrorCode.FLAG_NOT_FOUND)


class TestProvider:
    """Evaluates here, from what the watch says."""

    @pytest.fixture
    async def client(self, address: str, no_providers: None) -> Any:
        provider = AlgoLinkProvider(address)
        await asyncio.to_thread(api.set_provider_and_wait, provider)
        return api.get_client()

    async def test_it_says_what_the_table_says(
        self, memory_store: MemoryStore, address: str, no_providers: None
    ) -> None:
        running = await add(memory_store, a_running())
        await asyncio.to_thread(api.set_provider_and_wait, AlgoLinkProvider(address))

        units = [f"user-{number}" for number in range(300)]
        client = api.get_client()
        arms = [client.get_string_value("digits", "-", EvaluationContext(unit)) for unit in units]

        assert arms == [arm_of(running, unit) for unit in units]

    async def test_it_follows_what_changes(self, memory_store: MemoryStore, client: Any) -> None:
        changed: asyncio.Queue[EventDetails] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        note = lambda details: loop.call_soon_threadsafe(changed.put_nowait, details)  # noqa: E731
        client.add_handler(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED, note)

        await add(memory_store, a_draft())
        told = [await asyncio.wait_for(changed.get(), 30)]
        before = client.get_string_details("digits", "mine", EvaluationContext("alice"))
        async with memory_store.transaction() as tx:
            draft = await tx.get_experiment(a_draft().name)
            running = await tx.put_experiment(experiments.start(draft, at=NOON))
        told.append(await asyncio.wait_for(changed.get(), 30))
        after = client.get_string_details("digits", "mine", EvaluationContext("alice"))

        assert [details.flags_changed for details in told] == [["digits"], ["digits"]]
        assert (before.value, before.reason) == ("mine", Reason.DISABLED)
        assert (after.value, after.reason) == (arm_of(running, "alice"), Reason.SPLIT)

    @pytest.mark.parametrize(
        ("ask", "code"),
        [
            (
                lambda c: c.get_string_details("nothing", "-", EvaluationContext("alice")),
                ErrorCode.FLAG_NOT_FOUND,
            ),
            (lambda c: c.get_string_details("digits", "-"), ErrorCode.TARGETING_KEY_MISSING),
            (
                lambda c: c.get_string_details("digits", "-", EvaluationContext("two words")),
                ErrorCode.INVALID_CONTEXT,
            ),
            (
                lambda c: c.get_boolean_details("digits", True, EvaluationContext("alice")),
                ErrorCode.TYPE_MISMATCH,
            ),
            (
                lambda c: c.get_integer_details("digits", 1, EvaluationContext("alice")),
                ErrorCode.TYPE_MISMATCH,
            ),
        ],
    )
    async def test_what_has_no_value_says_why_and_gives_the_default(
        self,
        memory_store: MemoryStore,
        address: str,
        no_providers: None,
        ask: Callable[[Any], Any],
        code: ErrorCode,
    ) -> None:
        await add(memory_store, a_running())
        await asyncio.to_thread(api.set_provider_and_wait, AlgoLinkProvider(address))

        assert ask(api.get_client()).error_code is code

    async def test_without_a_service_it_says_so(self, no_providers: None) -> None:
        provider = AlgoLinkProvider("127.0.0.1:1", ready_timeout_s=0.5)

        with pytest.raises(ProviderNotReadyError, match=r"nothing answers at 127\.0\.0\.1:1"):
            await asyncio.to_thread(api.set_provider_and_wait, provider)
