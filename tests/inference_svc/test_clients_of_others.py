"""kserve's and MLServer's own clients, unmodified, against a replica."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from onnx import TensorProto

from tests.clients import environments
from tests.inference_svc import onnx_models
from tests.inference_svc.replicas import Replica


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
    answers = await environments.answers("kserve", models.grpc_address, models.http_url)

    assert answers == environments.by_kserve(version="2")


async def test_mlservers_stub_types_and_codecs_are_answered(models: Replica) -> None:
    answers = await environments.answers("mlserver", models.grpc_address, models.http_url)

    assert answers == environments.by_mlserver(version="2")


async def test_mlservers_batch_command_is_answered(models: Replica, tmp_path: Path) -> None:
    asked, answered = tmp_path / "asked.jsonl", tmp_path / "answered.jsonl"
    rows = [[float(row)] * 4 for row in range(5)]
    asked.write_text("".join(f"{json.dumps(a_batch_item(row))}\n" for row in rows))

    await environments.output_of(
        environments.environment("mlserver") / "bin" / "mlserver",
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
