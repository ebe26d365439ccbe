"""Servers that read no version from a header are told it in the message, or the path."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import grpc
import pytest
import pytest_asyncio
from tritonclient.grpc import service_pb2

from algolink.split import bucket
from mesh import table
from tests.mesh import builders, envoys
from tests.mesh.envoys import Mesh

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

SPLIT = builders.a_split({"champion": 7_000, "challenger": 3_000})
SPLIT_ROUTE = builders.a_route(split=SPLIT)
CHALLENGED = builders.a_route(
    split=builders.a_split({"champion": 0, "challenger": 10_000}),
)
UNITS = [f"user-{number}" for number in range(60)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mesh]:
    async with envoys.mesh(tmp_path_factory.mktemp("mesh")) as running:
        running.replicas[0].foreign = True
        yield running


def version_of(unit: str) -> str:
    assert SPLIT.table is not None
    return str(SPLIT.versions[SPLIT.table.arm_of(bucket(SPLIT.salt, unit))])


async def rest(mesh: Mesh, path: str, **headers: str) -> tuple[dict[str, str], str]:
    """Posts to `path`; the headers of the answer, and the path that the server saw."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with mesh.http.post(mesh.url(path), json={"inputs": []}, headers=named) as answer:
        assert answer.status == 200, await answer.text()
        return dict(answer.headers), str((await answer.json())["path"])


async def test_messages_carry_the_version_of_their_arm(shared_mesh: Mesh) -> None:
    await shared_mesh.route(SPLIT_ROUTE)

    answers = [await shared_mesh.infer(unit) for unit in UNITS]

    ran = [response.model_version for _, response in answers]
    assert ran == [version_of(unit) for unit in UNITS]
    assert [headers["x-algolink-version"] for headers, _ in answers] == ran
    assert {headers["x-algolink-arm"] for headers, _ in answers} == {"champion", "challenger"}
    assert {headers["x-algolink-experiment"] for headers, _ in answers} == {"digits-1"}


async def test_paths_carry_the_version_of_their_arm(shared_mesh: Mesh) -> None:
    await shared_mesh.route(SPLIT_ROUTE)

    answers = [
        await rest(shared_mesh, "/v2/models/digits/infer?x=1", x_algolink_unit=unit)
        for unit in UNITS
    ]

    expected = [f"/v2/models/digits/versions/{version_of(unit)}/infer?x=1" for unit in UNITS]
    assert [path for _, path in answers] == expected
    told = [headers["x-algolink-version"] for headers, _ in answers]
    assert told == [version_of(unit) for unit in UNITS]


async def test_a_version_that_the_client_names_is_the_one_that_runs(shared_mesh: Mesh) -> None:
    await shared_mesh.route(SPLIT_ROUTE)

    _, response = await shared_mesh.infer("user-1", version="2")
    _, path = await rest(shared_mesh, "/v2/models/digits/versions/2/infer")

    assert response.model_version == "2"
    assert path == "/v2/models/digits/versions/2/infer"


async def test_a_message_of_any_size_arrives_as_it_was_sent(shared_mesh: Mesh) -> None:
    await shared_mesh.route(CHALLENGED)
    payloads = [bytes([number % 251]) * size for number, size in enumerate((1, 70_000, 9_000_000))]

    for payload in payloads:
        await shared_mesh.infer("user-1", payload=payload)

    received = shared_mesh.replicas[0].bodies
    assert [body.raw_input_contents[0] for body in received] == payloads
    assert {body.model_version for body in received} == {"2"}


async def test_every_message_of_a_stream_carries_the_version(shared_mesh: Mesh) -> None:
    await shared_mesh.route(CHALLENGED)
    sizes = [0, 3, 16_384, 100_000, 1_000_000, 5]
    call = shared_mesh.stub.ModelStreamInfer(metadata=[("x-algolink-unit", "user-1")])

    versions = []
    for number, size in enumerate(sizes):
        # One at a time: what is written waits for no end of the stream.
        await call.write(
            service_pb2.ModelInferRequest(
                model_name="digits",
                model_version="1" if number else "",
                raw_input_contents=[bytes(size)],
            )
        )
        answer = await asyncio.wait_for(call.read(), 20)
        versions.append(answer.infer_response.model_version)
    await call.done_writing()

    assert versions == ["2"] * len(sizes)
    assert [len(b.raw_input_contents[0]) for b in shared_mesh.replicas[0].bodies] == sizes


async def test_messages_of_a_stream_that_come_together_are_told_apart(shared_mesh: Mesh) -> None:
    await shared_mesh.route(CHALLENGED)

    async def requests() -> AsyncIterator[service_pb2.ModelInferRequest]:
        for number in range(300):
            yield service_pb2.ModelInferRequest(
                model_name="digits", id=str(number), raw_input_contents=[bytes(number * 7)]
            )

    call = shared_mesh.stub.ModelStreamInfer(
        requests(), metadata=[("x-algolink-unit", "user-1")], timeout=20
    )
    answers = [answer.infer_response async for answer in call]

    assert [answer.id for answer in answers] == [str(number) for number in range(300)]
    assert Counter(answer.model_version for answer in answers) == {"2": 300}


async def test_a_compressed_message_is_refused_and_never_run_by_chance(
    shared_mesh: Mesh,
) -> None:
    await shared_mesh.route(CHALLENGED)
    request = service_pb2.ModelInferRequest(
        model_name="digits", raw_input_contents=[bytes(100_000)]
    )

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await shared_mesh.stub.ModelInfer(request, compression=grpc.Compression.Gzip, timeout=20)

    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert shared_mesh.replicas[0].bodies == []


async def test_the_champion_answers_for_a_candidate_with_its_own_version_written(
    shared_mesh: Mesh,
) -> None:
    await shared_mesh.route(CHALLENGED)
    shared_mesh.replicas[0].failing = {"2": grpc.StatusCode.INTERNAL}

    headers, response = await shared_mesh.infer("user-1", payload=b"abc")

    assert response.model_version == "1"
    assert headers["x-algolink-fallback"] == "true"
    assert [b.model_version for b in shared_mesh.replicas[0].bodies] == ["2", "2", "1"]
    shared_mesh.replicas[0].failing = {"2": 500}
    rest_headers, path = await rest(
        shared_mesh, "/v2/models/digits/infer", x_algolink_unit="user-1"
    )
    assert path == "/v2/models/digits/versions/1/infer"
    assert (rest_headers["x-algolink-version"], rest_headers["x-algolink-fallback"]) == (
        "1",
        "true",
    )


async def test_a_shadow_is_told_its_own_version(shared_mesh: Mesh) -> None:
    shadowed = builders.a_route(versions=(1, 2, 3), shadow=table.Shadow(version=3, share_bp=10_000))
    await shared_mesh.route(shadowed)

    _, response = await shared_mesh.infer("user-1", payload=bytes(1_000))
    await builders.until(lambda: len(shared_mesh.replicas[0].bodies) == 2)

    assert response.model_version == "1"
    assert sorted(b.model_version for b in shared_mesh.replicas[0].bodies) == ["1", "3"]


async def test_metadata_is_asked_of_the_champion(shared_mesh: Mesh) -> None:
    await shared_mesh.route(builders.a_route(champion=2))

    answer = await shared_mesh.stub.ModelMetadata(
        service_pb2.ModelMetadataRequest(name="digits"), timeout=20
    )
    async with shared_mesh.http.get(shared_mesh.url("/v2/models/digits/ready")) as ready:
        path = (await ready.json())["path"]

    assert list(answer.versions) == ["2"]
    assert path == "/v2/models/digits/versions/2/ready"
