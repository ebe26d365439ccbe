"""A gateway that does what Istio makes of our objects sends units where the table says."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from algolink import split
from mesh.targets import istio
from mesh.targets.kubernetes.parameters import KubernetesParameters
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
