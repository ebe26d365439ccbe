"""kserve's and MLServer's own clients, unmodified, against a replica."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from onnx import TensorProto

from tests.inference_svc import onnx_models
from tests.inference_svc.replicas import Replica

ENVIRONMENTS = Path(__file__).parents[2] / ".venv-clients"
"""Where `make clients` puts them; `make test` does so first."""

PROGRAMS = Path(__file__).parent / "clients"
TWENTYFOLD = [[0.0, 20.0, 40.0, 60.0], [80.0, 100.0, 120.0, 140.0]]
NUMBERS = {"id": "r-1", "model": "scaled", "version": "2", "values": TWENTYFOLD}
TEXT = {"id": "r-2", "model": "text", "version": "1", "values": ["ä", "b"]}


@pytest.fixture
async def models(replica: Replica) -> Replica:
    """A replica that holds `scaled` in versions 1 and 2, and `text`."""
    await replica.hold(
        replica.source.add("scaled", 1, onnx_models.scaled(10.0)),
        replica.source.add("scaled", 2, onnx_models.scaled(20.0)),
        replica.source.add("text", 1, onnx_models.identity(TensorProto.STRING, (None, None))),
    )
    return replica


async def test_kserves_clients_are_answered(models: Replica) -> None:
    answers = await answers_by("kserve", models, PROGRAMS / "kserve_client.py")

    ready = {"live": True, "ready": True, "model_ready": True}
    # Its reader of JSON leaves the version out.
    numbers, text = NUMBERS | {"version": None}, TEXT | {"version": None}
    assert answers == {
        "grpc": ready | {"typed": NUMBERS, "raw": NUMBERS, "text": TEXT, "unknown": "NOT_FOUND"},
        "rest": ready | {"typed": numbers, "raw": numbers, "text": text, "unknown": "404"},
    }


async def test_mlservers_stub_types_and_codecs_are_answered(models: Replica) -> None:
    answers = await answers_by("mlserver", models, PROGRAMS / "mlserver_client.py")

    assert answers == {
        "grpc": {"ready": True, "input": "x", "typed": NUMBERS, "raw": NUMBERS,
                 "text": TEXT, "raw_text": TEXT},
        "rest": {"input": "x", "typed": NUMBERS, "text": TEXT},
    }  # fmt: skip


async def test_mlservers_batch_command_is_answered(models: Replica, tmp_path: Path) -> None:
    asked, answered = tmp_path / "asked.jsonl", tmp_path / "answered.jsonl"
    rows = [[float(row)] * 4 for row in range(5)]
    asked.write_text("".join(f"{json.dumps(a_batch_item(row))}\n" for row in rows))

    await output_of(
        environment("mlserver") / "bin" / "mlserver",
        "infer", "--url", models.http_url.removeprefix("http://"), "--model-name", "scaled",
        "--input-data-path", str(asked), "--output-data-path", str(answered),
        "--batch-size", "2", "--workers", "2",
    )  # fmt: skip

    items = [json.loads(line) for line in answered.read_text().splitlines()]
    assert sorted(item["outputs"][0]["data"] for item in items) == [
        [20.0 * value for value in row] for row in rows
    ]


def a_batch_item(row: list[float]) -> dict[str, Any]:
    tensor = {"name": "x", "shape": [1, 4], "datatype": "FP32", "data": row}
    return {"inputs": [tensor]}


async def answers_by(client: str, replica: Replica, program: Path) -> Any:
    """What a client's program was answered by `replica`."""
    python = environment(client) / "bin" / "python"
    return json.loads(await output_of(python, str(program), replica.grpc_address, replica.http_url))


async def output_of(program: Path, *arguments: str) -> bytes:
    """What a program prints; its own errors are the test's."""
    process = await asyncio.create_subprocess_exec(
        program, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(120):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, errors.decode()
    return output


def environment(client: str) -> Path:
    """The environment with that client.

    Skips the test where there is none for this machine, and fails it where there
    could be one.
    """
    if not (3, 11) <= sys.version_info[:2] <= (3, 12):
        pytest.skip("kserve's and MLServer's clients are tested on Python 3.11 and 3.12")
    if not (ENVIRONMENTS / client / ".installed").exists():
        pytest.fail(f"no client of {client} in {ENVIRONMENTS}: run `make clients`")
    return ENVIRONMENTS / client
