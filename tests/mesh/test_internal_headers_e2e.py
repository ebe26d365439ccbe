"""A client that sends every header that is ours, or Envoy's, is answered like any other."""

from __future__ import annotations

import pytest
from yarl import URL

from algolink.audience import Condition, Equals
from mesh import names, table
from tests.mesh import builders
from tests.mesh.envoys import Mesh

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

OURS = {
    names.MODEL_HEADER: "other",
    names.OPERATION_HEADER: "info",
    names.REQUESTED_VERSION_HEADER: "2",
    names.UNIT_HEADER: "tester-1",
    f"{names.ATTRIBUTE_HEADER_PREFIX}country": "FR",
    names.HELD_HEADER: "true",
    names.PLAN_HEADER: "3,3,3",
    names.VERSION_HEADER: "3",
    names.SHADOW_HEADER: "3",
    names.SERVED_HEADER: "3",
    names.BUCKET_HEADER: "9999",
    names.PIN_HEADER: "3",
    "x-al-experiment": "other-1",
    "x-al-phase": "7",
    "x-al-arm": "other",
    "x-al-revision": "0123456789abcdef",
    "x-al-unknown": "x",
}
ENVOYS = {
    names.ATTEMPT_HEADER: "3",
    names.ATTEMPT_TIMEOUT_HEADER: "1",
    "x-envoy-max-retries": "50",
    "x-envoy-retry-on": "5xx",
    "x-envoy-retry-grpc-on": "invalid-argument,internal",
    "x-envoy-retriable-status-codes": "200",
    "x-envoy-upstream-rq-timeout-ms": "1",
    "x-envoy-upstream-alt-stat-name": "x",
    "x-envoy-hedge-on-per-try-timeout": "true",
    "x-envoy-original-path": "/",
    "x-request-id": "mine",
}
EVERY_HEADER = list((OURS | ENVOYS).items())

FRENCH = Condition(attribute="country", test=Equals("FR"))
ROUTE = builders.a_route(
    versions=(1, 2, 3),
    split=builders.a_split({"champion": 0, "challenger": 10_000}),
    overrides={"tester-1": 3},
    audiences=(table.Audience(conditions=(FRENCH,), version=3),),
    holdout=table.Holdout(layer="nobody", share_bp=1),
    shadow=None,
)


async def test_every_header_of_ours_is_tried() -> None:
    """A new one belongs into the list."""
    headers = {
        value
        for name, value in vars(names).items()
        if name.endswith("_HEADER") and isinstance(value, str) and value.startswith("x-al-")
    }

    assert headers <= OURS.keys()


@pytest.mark.parametrize("name", sorted(OURS | ENVOYS))
async def test_no_header_of_ours_changes_anything(shared_mesh: Mesh, name: str) -> None:
    await shared_mesh.route(ROUTE, builders.a_route("other", versions=(1, 3)))

    headers, response = await shared_mesh.infer("user-1", (name, (OURS | ENVOYS)[name]))

    assert response.model_version == "2"
    assert (headers["x-algolink-arm"], headers["x-algolink-version"]) == ("challenger", "2")
    assert headers["x-algolink-request-id"] != "mine"
    assert "x-algolink-fallback" not in headers


@pytest.mark.parametrize("unit", ["user-1", None])
async def test_nor_do_all_of_them_together(shared_mesh: Mesh, unit: str | None) -> None:
    await shared_mesh.route(ROUTE, builders.a_route("other", versions=(1, 3)))

    _, response = await shared_mesh.infer(unit, *EVERY_HEADER)
    async with shared_mesh.http.post(
        shared_mesh.url("/v2/models/digits/infer"),
        json={},
        headers=dict(EVERY_HEADER) | ({"x-algolink-unit": unit} if unit else {}),
    ) as answer:
        by_rest = (await answer.json())["model_version"]

    expected = "2" if unit else "1"
    assert (response.model_version, by_rest) == (expected, expected)
    for sent in shared_mesh.replicas[0].requests:
        assert sent["x-al-version"] == expected
        assert sent.get("x-al-experiment", "") in ("", "digits-1")
        assert sent.get("x-al-unit") == unit


@pytest.mark.parametrize("model", ["a", "a--b", "con", "z" * 63, "nul-1", "all", "a0"])
async def test_every_model_id_makes_a_route_of_its_own(shared_mesh: Mesh, model: str) -> None:
    """Ids are made of letters, digits and hyphens, so a route's name needs no escapes."""
    await shared_mesh.route(
        builders.a_route(model, versions=(1, 2), champion=2), builders.a_route("a-b")
    )

    _, response = await shared_mesh.infer(None, model=model)
    async with shared_mesh.http.post(
        shared_mesh.url(f"/v2/models/{model}/infer"), json={}
    ) as answer:
        by_rest = (await answer.json())["model_version"]

    assert (response.model_version, by_rest) == ("2", "2")


async def test_an_escaped_letter_of_a_model_id_is_the_letter(shared_mesh: Mesh) -> None:
    await shared_mesh.route(builders.a_route())

    async with shared_mesh.http.post(
        URL(shared_mesh.url("/v2/models/di%67its/infer"), encoded=True), json={}
    ) as answer:
        assert (await answer.json())["model_version"] == "1"


@pytest.mark.parametrize("written", ["digits%2Finfer", "di%20gits", "Digits", "-digits", "z" * 64])
async def test_what_is_no_model_id_is_told_so(shared_mesh: Mesh, written: str) -> None:
    await shared_mesh.route(builders.a_route())

    async with shared_mesh.http.post(
        URL(shared_mesh.url(f"/v2/models/{written}/infer"), encoded=True), json={}
    ) as answer:
        told = (await answer.json())["error"]

    assert answer.status == 404
    assert f"no model is called '{written}'" in told
    assert "1 to 63 of a-z0-9-" in told
