"""Asks for predictions by kserve's own clients; runs in `.venv-clients/kserve`.

python kserve_client.py GRPC_ADDRESS HTTP_URL, where `scaled` (twentyfold) and
`text` (as it is) are served. Writes what was answered as one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import grpc
import httpx
import numpy as np
from kserve import (
    InferenceGRPCClient,
    InferenceRESTClient,
    InferInput,
    InferOutput,
    InferRequest,
    InferResponse,
    RESTConfig,
)
from kserve.protocol.infer_type import RequestedOutput

ROWS = np.arange(8, dtype=np.float32).reshape(2, 4)


async def asked(grpc_address: str, http_url: str) -> dict[str, Any]:
    """The answers, by transport and question."""
    async with (
        InferenceGRPCClient(grpc_address, retries=2) as by_grpc,
        InferenceRESTClient(RESTConfig(protocol="v2")) as by_rest,
    ):
        return {
            "grpc": {
                "live": await by_grpc.is_server_live(),
                "ready": await by_grpc.is_server_ready(),
                "model_ready": await by_grpc.is_model_ready("scaled"),
                "typed": shown(await by_grpc.infer(numbers("scaled", False))),
                "raw": shown(await by_grpc.infer(numbers("scaled", True))),
                "text": shown(await by_grpc.infer(text())),
                "unknown": await refused_by_grpc(by_grpc),
            },
            "rest": {
                "live": await by_rest.is_server_live(http_url),
                "ready": await by_rest.is_server_ready(http_url),
                "model_ready": await by_rest.is_model_ready(http_url, "scaled"),
                "typed": shown(await by_rest.infer(http_url, numbers("scaled", False), "scaled")),
                "raw": shown(await by_rest.infer(http_url, numbers("scaled", True), "scaled")),
                "text": shown(await by_rest.infer(http_url, text(), "text")),
                "unknown": await refused_by_rest(by_rest, http_url),
            },
        }


def numbers(model: str, binary: bool) -> InferRequest:
    """A request whose tensors travel as numbers, or as bytes in both directions."""
    tensor = InferInput("x", list(ROWS.shape), "FP32")
    tensor.set_data_from_numpy(ROWS, binary_data=binary)
    wanted = RequestedOutput("y", parameters={"binary_data": binary})
    return InferRequest(
        model,
        [tensor],
        request_id="r-1",
        parameters={"source": "kserve"},
        request_outputs=[wanted],
    )


def text() -> InferRequest:
    """A request of strings."""
    tensor = InferInput("x", [1, 2], "BYTES")
    tensor.set_data_from_numpy(np.array([["ä", "b"]], dtype=np.object_), binary_data=False)
    return InferRequest("text", [tensor], request_id="r-2")


def shown(answer: InferResponse) -> dict[str, Any]:
    """An answer in plain values."""
    (output,) = answer.outputs
    return {
        "id": answer.id,
        "model": answer.model_name,
        "version": answer.model_version,
        "values": values(output),
    }


def values(output: InferOutput) -> list[Any]:
    """The elements of an output; strings as text."""
    array = output.as_numpy()
    if array.dtype.kind != "O":
        return list(array.tolist())
    return [element.decode() if isinstance(element, bytes) else element for element in array.flat]


async def refused_by_grpc(client: InferenceGRPCClient) -> str:
    """The status that a model which is not there gets."""
    try:
        await client.infer(numbers("nosuch", False))
    except grpc.RpcError as error:
        return str(error.code().name)
    return "answered"


async def refused_by_rest(client: InferenceRESTClient, http_url: str) -> str:
    """The status that a model which is not there gets."""
    try:
        await client.infer(http_url, numbers("nosuch", False), "nosuch")
    except httpx.HTTPStatusError as error:
        return str(error.response.status_code)
    return "answered"


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(asked(*sys.argv[1:]))))
