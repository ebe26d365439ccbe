"""Audiences, by a real Envoy."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from algolink import audience
from algolink.audience import Condition, Equals, Prefix, Range, Regex
from mesh import table
from tests.mesh import builders
from tests.mesh.envoys import Mesh

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "audiences.json").read_text())

FRENCH = Condition(attribute="country", test=Equals("FR"))
NOT_FRENCH = Condition(attribute="country", test=Equals("FR"), negated=True)
TESTERS = Condition(attribute="user", test=Prefix("tester-"))
ALL_CHALLENGED = builders.a_split({"champion": 0, "challenger": 10_000})


def attribute(name: str, value: str) -> tuple[str, str]:
    return (f"x-algolink-attr-{name}", value)


async def test_envoy_holds_conditions_as_the_vectors_say(shared_mesh: Mesh) -> None:
    routes = [
        builders.a_route(
            f"vector-{number}",
            audiences=(
                table.Audience(
                    conditions=tuple(map(audience.from_json, vector["conditions"])), version=2
                ),
            ),
        )
        for number, vector in enumerate(VECTORS)
    ]
    await shared_mesh.route(*routes)

    async def holds(number: int, vector: dict[str, Any]) -> bool:
        sent = [
            attribute(name, value)
            for name, values in vector["attributes"].items()
            for value in values
        ]
        _, response = await shared_mesh.infer("user-1", *sent, model=f"vector-{number}")
        return str(response.model_version) == "2"

    held = await asyncio.gather(*(holds(n, vector) for n, vector in enumerate(VECTORS)))

    off = [v for v, answer in zip(VECTORS, held, strict=True) if v["holds"] != answer]
    assert not off


async def test_the_first_audience_that_matches_decides(shared_mesh: Mesh) -> None:
    await shared_mesh.route(
        builders.a_route(
            versions=(1, 2, 3, 4),
            split=ALL_CHALLENGED,
            audiences=(
                table.Audience(conditions=(TESTERS,), version=4),
                table.Audience(conditions=(FRENCH, TESTERS), version=1),
                table.Audience(conditions=(FRENCH,), version=3),
            ),
        )
    )

    french, tester = attribute("country", "FR"), attribute("user", "tester-7")
    answers = [
        await shared_mesh.infer("user-1", *sent)
        for sent in ([], [french], [tester], [french, tester])
    ]
    _, explicit = await shared_mesh.infer("user-1", tester, version="2")

    assert [response.model_version for _, response in answers] == ["2", "3", "4", "4"]
    assert [headers.get("x-algolink-experiment") for headers, _ in answers] == [
        "digits-1",
        None,
        None,
        None,
    ]
    assert explicit.model_version == "2"


async def test_an_audience_may_be_left_to_the_split(shared_mesh: Mesh) -> None:
    await shared_mesh.route(
        builders.a_route(
            versions=(1, 2, 3),
            split=ALL_CHALLENGED,
            audiences=(
                table.Audience(conditions=(FRENCH,)),
                table.Audience(
                    conditions=(Condition(attribute="country", test=Regex(".*")),), version=3
                ),
            ),
        )
    )

    headers, assigned = await shared_mesh.infer("user-1", attribute("country", "FR"))
    _, without_unit = await shared_mesh.infer(None, attribute("country", "FR"))
    _, other = await shared_mesh.infer("user-1", attribute("country", "DE"))

    assert (assigned.model_version, headers["x-algolink-arm"]) == ("2", "challenger")
    assert without_unit.model_version == "1"
    assert other.model_version == "3"


@pytest.mark.parametrize(
    "sent",
    [
        [],
        [attribute("country", "DE"), attribute("country", "IT")],
        [attribute("country", "D" * 257)],
        [("x-al-attr-country", "DE")],
        [attribute("country-of-birth-as-it-is-in-the-pass", "DE")],
    ],
    ids=["absent", "repeated", "long", "internal", "another"],
)
async def test_what_is_not_usable_fails_a_negated_condition_too(
    shared_mesh: Mesh, sent: list[tuple[str, str]]
) -> None:
    audiences = (table.Audience(conditions=(NOT_FRENCH,), version=2),)
    await shared_mesh.route(builders.a_route(audiences=audiences))

    _, unusable = await shared_mesh.infer(None, *sent)
    _, usable = await shared_mesh.infer(None, attribute("country", "DE"))

    assert (unusable.model_version, usable.model_version) == ("1", "2")


async def test_rest_has_the_same_audiences(shared_mesh: Mesh) -> None:
    adults = Condition(attribute="age", test=Range(18, 130))
    await shared_mesh.route(
        builders.a_route(audiences=(table.Audience(conditions=(adults,), version=2),))
    )

    for age, version in (("18", "2"), ("17", "1"), ("jürgen", "1")):
        async with shared_mesh.http.post(
            shared_mesh.url("/v2/models/digits/infer"),
            json={},
            headers={"X-AlgoLink-Attr-Age": age},
        ) as answer:
            assert (await answer.json())["model_version"] == version
