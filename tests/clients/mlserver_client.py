"""Asks for predictions by MLServer's types, codecs and gRPC stub; runs in `.venv-clients/mlserver`.

python mlserver_client.py GRPC_ADDRESS HTTP_URL, where `scaled` (twentyfold) and
`text` (as it is) are served. Writes what was answered as one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import aiohttp
import grpc
import numpy as np
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.grpc.converters import ModelInferRequestConverter, ModelInferResponseConverter
from mlserver.grpc.dataplane_pb2 import ModelMetadataRequest, ServerReadyRequest
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub
from mlserver.types import InferenceRequest, InferenceResponse, MetadataModelResponse, Parameters

ROWS = np.arange(8, dtype=np.float32).reshape(2, 4)
NUMBERS = InferenceRequest(
    id="r-1",
    parameters=Parameters(content_type="np"),
    inputs=[NumpyCodec.encode_input("x", ROWS)],
)
TEXT = InferenceRequest(id="r-2", inputs=[StringCodec.encode_input("x", ["ä", "b"])])


async def by_grpc(address: str) -> dict[str, Any]:
    """The answers over gRPC, by question."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub = GRPCInferenceServiceStub(channel)
        return {
            "ready": (await stub.ServerReady(ServerReadyRequest())).ready,
            "input": (await stub.ModelMetadata(ModelMetadataRequest(name="scaled"))).inputs[0].name,
            "typed": shown(await over(stub, NUMBERS, "scaled", use_raw=False)),
            "raw": shown(await over(stub, NUMBERS, "scaled", use_raw=True)),
            "text": shown(await over(stub, TEXT, "text", use_raw=False)),
            "raw_text": shown(await over(stub, TEXT, "text", use_raw=True)),
        }


async def over(
    stub: GRPCInferenceServiceStub, request: InferenceRequest, model: str, *, use_raw: bool
) -> InferenceResponse:
    """One request as MLServer writes it, and the answer as it reads it."""
    # Raw contents are taken out of the request that is converted.
    message = ModelInferRequestConverter.from_types(
        request.model_copy(deep=True), model_name=model, model_version="", use_raw=use_raw
    )
    return ModelInferResponseConverter.to_types(await stub.ModelInfer(message))


async def by_rest(url: str) -> dict[str, Any]:
    """The answers over REST, by question."""
    async with aiohttp.ClientSession(url) as session:
        async with session.get("/v2/models/scaled") as answer:
            metadata = MetadataModelResponse.model_validate_json(await answer.read())
        return {
            "input": metadata.inputs[0].name,
            "typed": shown(await posted(session, NUMBERS, "scaled")),
            "text": shown(await posted(session, TEXT, "text")),
        }


async def posted(
    session: aiohttp.ClientSession, request: InferenceRequest, model: str
) -> InferenceResponse:
    """One request as MLServer writes it, and the answer as it reads it."""
    body = request.model_dump_json(exclude_none=True)
    async with session.post(f"/v2/models/{model}/infer", data=body) as answer:
        answer.raise_for_status()
        return InferenceResponse.model_validate_json(await answer.read())


def shown(answer: InferenceResponse) -> dict[str, Any]:
    """An answer in plain values."""
    (output,) = answer.outputs
    is_text = output.datatype == "BYTES"
    return {
        "id": answer.id,
        "model": answer.model_name,
        "version": answer.model_version,
        "values": StringCodec.decode_output(output)
        if is_text
        else NumpyCodec.decode_output(output).tolist(),
    }


async def asked(grpc_address: str, http_url: str) -> dict[str, Any]:
    """The answers, by transport and question."""
    return {"grpc": await by_grpc(grpc_address), "rest": await by_rest(http_url)}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(asked(*sys.argv[1:]))))
