"""Overrides and holdouts, by a real Envoy."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import grpc
import pytest
from tritonclient.grpc import service_pb2

from algolink import split
from algolink.audience import Condition, Equals
from mesh import table
from tests.mesh import builders
from tests.mesh.envoys import Mesh

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

ROUTES = json.loads((Path(__file__).parents[1] / "vectors" / "routes.json").read_text())
VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "holdouts.json").read_text())
FRENCH = Condition(attribute="country", test=Equals("FR"))
ALL_CHALLENGED = builders.a_split({"champion": 0, "challenger": 10_000})
HALF = table.Holdout(layer="holdout-digits", share_bp=5_000)


async def test_envoy_holds_out_the_units_of_the_vectors(shared_mesh: Mesh) -> None:
    layers = {(v["layer"], v["share_bp"]) for v in VECTORS}
    models = {key: f"vector-{number}" for number, key in enumerate(sorted(layers))}
    await shared_mesh.route(
        *(
            builders.a_route(
                model,
                split=ALL_CHALLENGED,
                holdout=table.Holdout(layer=layer, share_bp=share_bp),
            )
            for (layer, share_bp), model in models.items()
        )
    )

    async def is_held_out(vector: dict[str, Any]) -> bool:
        model = models[vector["layer"], vector["share_bp"]]
        headers, response = await shared_mesh.infer(vector["unit"], model=model)
        assert ("x-algolink-experiment" in headers) == (response.model_version == "2")
        return str(response.model_version) == "1"

    held = await asyncio.gather(*map(is_held_out, VECTORS))

    off = [v for v, answer in zip(VECTORS, held, strict=True) if v["held_out"] != answer]
    assert not off


async def test_units_are_held_out_of_every_split_and_nothing_else(shared_mesh: Mesh) -> None:
    units = [f"user-{number}" for number in range(60)]
    held = {unit for unit in units if split.is_held_out(HALF.layer, unit, HALF.share_bp)}
    audience = table.Audience(conditions=(FRENCH,), version=3)

    for its_split in (ALL_CHALLENGED, builders.a_shift({"v2": 10_000})):
        await shared_mesh.route(
            builders.a_route(
                versions=(1, 2, 3), split=its_split, holdout=HALF, audiences=(audience,)
            )
        )
        for unit in units:
            _, response = await shared_mesh.infer(unit)
            assert response.model_version == ("1" if unit in held else "2")
        one = next(iter(held))
        _, french = await shared_mesh.infer(one, ("x-algolink-attr-country", "FR"))
        _, explicit = await shared_mesh.infer(one, version="2")
        assert (french.model_version, explicit.model_version) == ("3", "2")
    await shared_mesh.lines(1)
    logged = [line for line in shared_mesh.logged() if line["unit"] in held]
    assert not [line for line in logged if line["experiment"]]


async def test_a_split_of_requests_holds_out_those_that_have_such_a_unit(
    shared_mesh: Mesh,
) -> None:
    its_split = builders.a_split({"champion": 0, "challenger": 10_000}, per_request=True)
    everybody = table.Holdout(layer="everybody", share_bp=10_000)
    await shared_mesh.route(builders.a_route(split=its_split, holdout=everybody))

    _, with_unit = await shared_mesh.infer("user-1")
    _, without = await shared_mesh.infer(None)

    assert (with_unit.model_version, without.model_version) == ("1", "2")


async def test_what_an_audience_leaves_to_the_split_may_be_held_out(shared_mesh: Mesh) -> None:
    everybody = table.Holdout(layer="everybody", share_bp=10_000)
    await shared_mesh.route(
        builders.a_route(
            versions=(1, 2, 3),
            split=ALL_CHALLENGED,
            holdout=everybody,
            audiences=(
                table.Audience(conditions=(FRENCH,)),
                table.Audience(conditions=(Condition(attribute="x", test=Equals("y")),), version=3),
            ),
        )
    )

    attributes = (("x-algolink-attr-country", "FR"), ("x-algolink-attr-x", "y"))
    _, response = await shared_mesh.infer("user-1", *attributes)

    assert response.model_version == "1"


async def test_streams_and_rest_meet_the_same_rules(shared_mesh: Mesh) -> None:
    held = next(
        u for u in map("user-{}".format, range(99)) if split.is_held_out("spring", u, 5_000)
    )
    free = next(
        u for u in map("user-{}".format, range(99)) if not split.is_held_out("spring", u, 5_000)
    )
    await shared_mesh.route(
        builders.a_route(
            versions=(1, 2, 3),
            split=ALL_CHALLENGED,
            holdout=table.Holdout(layer="spring", share_bp=5_000),
            overrides={"ann": 3},
            audiences=(table.Audience(conditions=(FRENCH,), version=3),),
        )
    )

    async def by_stream(unit: str, country: str) -> str:
        call = shared_mesh.stub.ModelStreamInfer(
            metadata=[("x-algolink-unit", unit), ("x-algolink-attr-country", country)], timeout=20
        )
        await call.write(service_pb2.ModelInferRequest(model_name="digits"))
        answer = await call.read()
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF
        return str(answer.infer_response.model_version)

    async def by_rest(unit: str, country: str) -> str:
        headers = {"x-algolink-unit": unit, "x-algolink-attr-country": country}
        async with shared_mesh.http.post(
            shared_mesh.url("/v2/models/digits/infer"), json={}, headers=headers
        ) as answer:
            return str((await answer.json())["model_version"])

    asked = [(held, "DE"), (free, "DE"), (held, "FR"), ("ann", "DE")]
    for ask in (by_stream, by_rest):
        assert [await ask(*one) for one in asked] == ["1", "2", "3", "3"]


async def test_overridden_units_go_where_they_are_sent(shared_mesh: Mesh) -> None:
    odd = "A-z0._:@+/=-"
    many = {f"tester-{number}-{'x' * 100}": 3 for number in range(200)}
    await shared_mesh.route(
        builders.a_route(
            versions=(1, 2, 3),
            split=ALL_CHALLENGED,
            holdout=table.Holdout(layer="everybody", share_bp=10_000),
            overrides={odd: 3, "ann": 2, **many},
            audiences=(table.Audience(conditions=(FRENCH,), version=1),),
        )
    )

    french = ("x-algolink-attr-country", "FR")
    answers = {
        unit: (await shared_mesh.infer(unit, french))[1].model_version
        for unit in [odd, "ann", "an", "anna", "xann", "A-z0X:@+/=-", *list(many)[::20]]
    }
    headers, explicit = await shared_mesh.infer("ann", version="3")
    information = await shared_mesh.stub.ModelMetadata(
        service_pb2.ModelMetadataRequest(name="digits"), metadata=[("x-algolink-unit", odd)]
    )

    sent = {odd: "3", "ann": "2", **dict.fromkeys(many, "3")}
    assert answers == {unit: sent.get(unit, "1") for unit in answers}
    assert explicit.model_version == "3"
    assert "x-algolink-experiment" not in headers
    assert information.versions == ["1"]


async def test_a_killed_version_of_a_rule_leaves_its_units_to_the_champion(
    shared_mesh: Mesh,
) -> None:
    await shared_mesh.route(
        builders.a_route(
            versions=(1, 2),
            killed=(3,),
            split=ALL_CHALLENGED,
            overrides={"ann": 3},
            audiences=(
                table.Audience(conditions=(FRENCH,), version=3),
                table.Audience(conditions=(FRENCH,), version=2),
            ),
            shadow=table.Shadow(version=3, share_bp=10_000),
        )
    )

    _, overridden = await shared_mesh.infer("ann")
    _, french = await shared_mesh.infer("user-1", ("x-algolink-attr-country", "FR"))

    assert (overridden.model_version, french.model_version) == ("1", "1")
    assert {r["x-al-version"] for r in shared_mesh.replicas[0].requests} == {"1"}


async def test_envoy_sends_requests_where_the_vectors_say(shared_mesh: Mesh) -> None:
    cases = [
        (vector["name"], f"route-{number}", request)
        for number, vector in enumerate(ROUTES)
        for request in vector["requests"]
    ]
    await shared_mesh.route(
        *(
            table.route_from_json({**vector["route"], "model": f"route-{number}"})
            for number, vector in enumerate(ROUTES)
        )
    )

    async def answer(model: str, request: dict[str, Any]) -> tuple[int, str]:
        sent = [
            (f"x-algolink-attr-{name}", value)
            for name, values in request["attributes"].items()
            for value in values
        ]
        named = str(request["named"] or "")
        try:
            headers, response = await shared_mesh.infer(
                request["unit"] or None, *sent, model=model, version=named
            )
        except grpc.aio.AioRpcError as error:
            refused = (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION)
            return 0 if error.code() in refused else -1, ""
        return int(response.model_version), headers.get("x-algolink-arm", "")

    answers = await asyncio.gather(*(answer(model, request) for _, model, request in cases))

    off = [
        (name, request, answered)
        for (name, _, request), answered in zip(cases, answers, strict=True)
        # A shift tells nobody its arms.
        if answered != (request["version"], request["arm"] if name != "a shift" else "")
    ]
    assert not off
