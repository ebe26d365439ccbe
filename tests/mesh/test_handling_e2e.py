"""Deadlines, retries and limits as a route says them, by a real Envoy."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from algolink.audience import Condition, Equals
from mesh import table
from mesh.attempts import Failure, Handling, Limits, Retries
from tests.mesh import builders
from tests.mesh.envoys import Mesh

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


def tried(mesh: Mesh) -> list[str]:
    return [request["x-al-version"] for request in mesh.replicas[0].requests]


async def failure(mesh: Mesh, unit: str | None = None) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await mesh.infer(unit)
    return caught.value


@pytest.mark.parametrize(
    ("retries", "status", "attempts"),
    [
        (Retries(), grpc.StatusCode.UNAVAILABLE, 3),
        (Retries(), grpc.StatusCode.INTERNAL, 1),
        (Retries(number=0), grpc.StatusCode.UNAVAILABLE, 1),
        (Retries(number=5, on=(Failure.INTERNAL,)), grpc.StatusCode.INTERNAL, 6),
        (Retries(number=5, on=(Failure.INTERNAL,)), grpc.StatusCode.UNAVAILABLE, 1),
        (Retries(number=1, on=(Failure.EXHAUSTED,)), grpc.StatusCode.RESOURCE_EXHAUSTED, 2),
        (Retries(number=1, on=(Failure.LATE,)), grpc.StatusCode.DEADLINE_EXCEEDED, 2),
    ],
    ids=str,
)
async def test_a_grpc_request_is_tried_as_often_as_its_route_says(
    shared_mesh: Mesh, retries: Retries, status: grpc.StatusCode, attempts: int
) -> None:
    await shared_mesh.route(builders.a_route(handling=Handling(retries=retries)))
    shared_mesh.replicas[0].failing["1"] = status

    refused = await failure(shared_mesh)

    assert refused.code() is status
    assert tried(shared_mesh) == ["1"] * attempts


@pytest.mark.parametrize(
    ("retries", "status", "attempts"),
    [
        (Retries(), 503, 3),
        (Retries(), 500, 1),
        (Retries(number=1, on=(Failure.INTERNAL, Failure.EXHAUSTED)), 429, 2),
        (Retries(number=1, on=(Failure.INTERNAL, Failure.EXHAUSTED)), 503, 1),
        (Retries(number=4, on=(Failure.CONNECT,)), 503, 1),
    ],
    ids=str,
)
async def test_a_rest_request_is_tried_as_often_as_its_route_says(
    shared_mesh: Mesh, retries: Retries, status: int, attempts: int
) -> None:
    await shared_mesh.route(builders.a_route(handling=Handling(retries=retries)))
    shared_mesh.replicas[0].failing["1"] = status

    async with shared_mesh.http.post(shared_mesh.url("/v2/models/digits/infer"), json={}) as answer:
        assert answer.status == status

    assert tried(shared_mesh) == ["1"] * attempts


async def test_an_attempt_that_takes_too_long_is_tried_again(shared_mesh: Mesh) -> None:
    handling = Handling(attempt_timeout_ms=100, retries=Retries(number=3))
    await shared_mesh.route(builders.a_route(handling=handling))
    shared_mesh.replicas[0].hanging.add("1")

    refused = await failure(shared_mesh)

    assert "upstream request timeout" in str(refused.details())
    assert tried(shared_mesh) == ["1"] * 4


async def test_a_request_ends_in_time_with_all_its_attempts(shared_mesh: Mesh) -> None:
    await shared_mesh.route(builders.a_route(handling=Handling(timeout_ms=200)))
    shared_mesh.replicas[0].hanging.add("1")

    refused = await failure(shared_mesh)

    assert "upstream request timeout" in str(refused.details())
    assert tried(shared_mesh) == ["1"]


@pytest.mark.parametrize(
    ("number", "version", "plan"),
    [(0, None, "21"), (1, None, "21"), (3, None, "2221"), (2, 3, "223")],
)
async def test_the_last_retry_of_a_candidate_is_anothers(
    shared_mesh: Mesh, number: int, version: int | None, plan: str
) -> None:
    its_split = builders.a_split(
        {"champion": 0, "challenger": 10_000}, fallback=table.Fallback(version=version)
    )
    handling = Handling(retries=Retries(number=number))
    await shared_mesh.route(
        builders.a_route(versions=(1, 2, 3), split=its_split, handling=handling)
    )
    shared_mesh.replicas[0].failing["2"] = grpc.StatusCode.INTERNAL

    headers, response = await shared_mesh.infer("user-1")

    assert "".join(tried(shared_mesh)) == plan
    assert response.model_version == plan[-1]
    assert headers["x-algolink-fallback"] == "true"


async def test_a_fallback_that_is_killed_leaves_the_champion(shared_mesh: Mesh) -> None:
    its_split = builders.a_split(
        {"champion": 0, "challenger": 10_000}, fallback=table.Fallback(version=3)
    )
    await shared_mesh.route(builders.a_route(versions=(1, 2), killed=(3,), split=its_split))
    shared_mesh.replicas[0].failing["2"] = grpc.StatusCode.INTERNAL

    _, response = await shared_mesh.infer("user-1")

    assert response.model_version == "1"


async def test_what_is_over_an_arms_limit_is_refused_and_the_champion_has_its_own(
    shared_mesh: Mesh,
) -> None:
    tester = Condition(attribute="tester", test=Equals("yes"))
    await shared_mesh.route(
        builders.a_route(
            versions=(1, 2, 3),
            split=builders.a_split({"champion": 0, "challenger": 10_000}, fallback=None),
            audiences=(table.Audience(conditions=(tester,), version=3),),
            handling=Handling(limits=Limits(requests=2, pending=2)),
        )
    )
    replica = shared_mesh.replicas[0]
    replica.hold.clear()

    async def ask(kind: str) -> str:
        attributes = [("x-algolink-attr-tester", "yes")] if kind == "audience" else []
        try:
            _, response = await shared_mesh.infer(
                None if kind == "champion" else "user-1", *attributes
            )
        except grpc.aio.AioRpcError as error:
            return error.code().name
        return str(response.model_version)

    asked = {
        kind: [asyncio.ensure_future(ask(kind)) for _ in range(6)]
        for kind in ("arm", "audience", "champion")
    }
    refused = [*asked["arm"], *asked["audience"]]
    await builders.until(
        lambda: sum(one.done() for one in refused) == 8 and len(replica.requests) == 10
    )
    replica.hold.set()
    answers = {kind: sorted(await asyncio.gather(*ones)) for kind, ones in asked.items()}

    assert answers == {
        "arm": ["2"] * 2 + ["UNAVAILABLE"] * 4,
        "audience": ["3"] * 2 + ["UNAVAILABLE"] * 4,
        "champion": ["1"] * 6,
    }
