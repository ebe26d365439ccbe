"""A gateway that does what Istio makes of our objects sends units where the table says."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from algolink import split
from mesh import table
from mesh.targets import istio
from mesh.targets.kubernetes.parameters import KubernetesParameters
from tests.mesh import builders
from tests.mesh.targets import istiod, serving
from tests.mesh.targets.tables import EXAMPLES

pytestmark = pytest.mark.e2e

PARAMETERS = KubernetesParameters(domain="models.example.org")
UNITS = [f"user-{number}/a+b=c" for number in range(300)]


async def test_units_keep_the_arm_that_their_bucket_says(tmp_path: Path) -> None:
    rendered = istio.render(EXAMPLES["ramped"], PARAMETERS)
    objects = [value for held in rendered.files.values() for value in held]
    async with serving.replica() as replica:
        address = serving.free_address()
        ports = {
            PARAMETERS.grpc_port: replica.grpc_endpoint,
            PARAMETERS.http_port: replica.http_endpoint,
        }
        config = istiod.bootstrap(objects, ports, address)
        (tmp_path / "gateway.yaml").write_text(yaml.safe_dump(config))

        async with serving.gateway(
            tmp_path, "gateway.yaml", address, PARAMETERS.host("digits")
        ) as gateway:
            answered = await gateway.versions("digits", UNITS)
            by_rest = [await gateway.rest("/v2/models/digits/infer", unit) for unit in UNITS[:40]]
            champion = [
                (await gateway.version("digits", *headers))[0]
                for headers in (
                    [],
                    [("x-algolink-unit", "two words")],
                    [("x-algolink-unit", "u" * 129)],
                    [("x-algolink-unit", UNITS[0]), ("x-algolink-unit", UNITS[1])],
                    [("x-al-unit", UNITS[0])],
                    [("x-al-version", "6")],
                )
            ]
            explicit = await gateway.rest("/v2/models/digits/versions/3/infer", UNITS[0])
            not_served = await gateway.rest("/v2/models/digits/versions/9/infer")
            not_forwarded = await gateway.rest("/v2/repository/index")
            _, told = await gateway.version("digits", ("x-algolink-unit", UNITS[0]))
            asked = replica.requests[-1]

    chosen = EXAMPLES["ramped"].routes["digits"].split
    assert chosen is not None
    arms = [chosen.table.arm_of(split.bucket(chosen.salt, unit)) for unit in UNITS]
    assert answered == [str(chosen.versions[arm]) for arm in arms]
    assert by_rest == [(200, version) for version in answered[:40]]
    assert champion == ["4"] * 6
    assert explicit == (200, "3")
    assert (not_served[0], not_forwarded[0]) == (404, 404)
    assert told["x-algolink-arm"] == asked["x-al-arm"] == arms[0]
    assert told["x-algolink-experiment"] == asked["x-al-experiment"] == "digits-sizes"
    assert asked["x-al-revision"] == EXAMPLES["ramped"].routes["digits"].revision


async def test_audiences_kills_and_shadows_are_held_by_a_gateway(tmp_path: Path) -> None:
    launch, incident = EXAMPLES["launch"], EXAMPLES["incident"]
    both = table.Snapshot(routes={**launch.routes, **incident.routes}, pools=launch.pools)
    rendered = istio.render(both, PARAMETERS)
    objects = [value for held in rendered.files.values() for value in held]
    async with serving.replica() as replica:
        address = serving.free_address()
        ports = {
            PARAMETERS.grpc_port: replica.grpc_endpoint,
            PARAMETERS.http_port: replica.http_endpoint,
        }
        config = istiod.bootstrap(objects, ports, address)
        (tmp_path / "gateway.yaml").write_text(yaml.safe_dump(config))

        async with serving.gateway(
            tmp_path, "gateway.yaml", address, PARAMETERS.host("ranking")
        ) as gateway:
            asked = {
                "staff": (CHAMPION, [("user", "ann.lee@example.com")]),
                "staff, told twice": (CHAMPION, [("user", "ann.lee@example.com")] * 2),
                "minor": (CHALLENGED, [("country", "AT"), ("age", "+017")]),
                "adult": (CHALLENGED, [("country", "AT"), ("age", "18")]),
                "enterprise": (CHALLENGED, [("plan", "enterprise"), ("country", "FR")]),
                "enterprise of the US": (CHALLENGED, [("plan", "enterprise"), ("country", "US")]),
                "enterprise of nowhere": (CHALLENGED, [("plan", "enterprise")]),
                "beta": (CHALLENGED, [("app", "beta-7")]),
                "held out": (HELD_OUT, []),
                "held out of the staff": (HELD_OUT, [("user", "ann.lee@example.com")]),
                "tester": ("qa-phone-2", [("country", "AT"), ("age", "9")]),
            }
            answered = {
                who: (
                    await gateway.version(
                        "ranking",
                        ("x-algolink-unit", unit),
                        *((f"x-algolink-attr-{name}", value) for name, value in sent),
                    )
                )[0]
                for who, (unit, sent) in asked.items()
            }
            for number in range(60):
                await gateway.version("ranking", ("x-algolink-unit", f"reader-{number}"))
            await builders.until(lambda: any("x-al-shadow" in r for r in replica.requests))
            copied = {r["x-al-version"] for r in replica.requests if "x-al-shadow" in r}
        async with serving.gateway(
            tmp_path, "gateway.yaml", address, PARAMETERS.host("fraud")
        ) as gateway:
            killed = await gateway.rest("/v2/models/fraud/versions/4/infer")
            instead = await gateway.version("fraud", ("x-algolink-attr-merchant", "pilot-1"))
            graph = await gateway.version("fraud", ("x-algolink-unit", GRAPH))

    assert answered == {
        "staff": "8",
        "staff, told twice": "7",
        "minor": "7",
        "adult": "8",
        "enterprise": "7",
        "enterprise of the US": "8",
        "enterprise of nowhere": "8",
        "beta": "8",
        "held out": "7",
        "held out of the staff": "8",
        "tester": "9",
    }
    assert copied == {"9"}
    assert killed[0] == 412
    assert instead[0] == "3"
    assert (graph[0], graph[1]["x-algolink-arm"]) == ("3", "graph")


READERS = [u for u in UNITS if not split.is_held_out("everybody-2026", u, 500)]
HELD_OUT = next(
    u
    for u in (f"reader-{number}" for number in range(10_000))
    if split.is_held_out("everybody-2026", u, 500) and split.bucket("ranking-recency", u) >= 8_000
)
CHALLENGED = next(u for u in READERS if split.bucket("ranking-recency", u) >= 8_000)
CHAMPION = next(u for u in READERS if split.bucket("ranking-recency", u) < 8_000)
"""Units of the two arms of the launch: versions 8 and 7."""

GRAPH = next(u for u in UNITS if 5_000 <= split.bucket("fraud-graph", u) < 8_000)
"""A unit of the arm that is killed."""
