"""The two ways into the data plane: stock gRPC client and plain REST."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
import grpc
import numpy as np
import numpy.typing as npt
from tritonclient.grpc import InferInput, InferRequestedOutput
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from algolink.names import UNIT_HEADER
from examples.digits.material import INPUT, LABEL

Image = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Reply:
    """A prediction and the headers that came with it.

    Attributes:
        digit: what the model says.
        version: version that the body names.
        headers: response headers, names in lower case.
    """

    digit: int
    version: int
    headers: Mapping[str, str]


class SendError(Exception):
    """A prediction that failed, with what the client was told."""


class Sender(Protocol):
    """One way to ask for a prediction."""

    protocol: str

    async def send(self, image: Image, unit: str) -> Reply:
        """Asks which digit `image` is.

        Raises:
            SendError: if there is no prediction.
        """


class GrpcSender:
    """Asks with the stock client of Triton."""

    protocol = "grpc"

    def __init__(self, endpoint: str, model: str, timeout_s: float) -> None:
        self._model = model
        self._timeout_s = timeout_s
        self._outputs = [InferRequestedOutput(LABEL)]
        self._client = InferenceServerClient(endpoint)
        # The stock client hands out the answer's body alone, and the demo looks at headers too.
        self._client._client_stub = _HeaderReader(self._client._client_stub)

    async def send(self, image: Image, unit: str) -> Reply:
        """Asks over gRPC."""
        tensor = InferInput(INPUT, [1, image.size], "FP32")
        tensor.set_data_from_numpy(image.reshape(1, -1))
        try:
            result = await self._client.infer(
                self._model,
                [tensor],
                outputs=self._outputs,
                headers={UNIT_HEADER: unit},
                client_timeout=self._timeout_s,
            )
        except InferenceServerException as error:
            raise SendError(f"{error.status()}: {error.message()}") from error
        version = int(result.get_response().model_version)
        return Reply(int(result.as_numpy(LABEL)[0]), version, _last_headers.get())

    async def close(self) -> None:
        """Closes the connection."""
        await self._client.close()


class RestSender:
    """Asks with JSON over HTTP."""

    protocol = "rest"

    def __init__(self, endpoint: str, model: str, timeout_s: float) -> None:
        self._url = f"http://{endpoint}/v2/models/{model}/infer"
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout_s))

    async def send(self, image: Image, unit: str) -> Reply:
        """Asks over REST."""
        tensor = {"name": INPUT, "datatype": "FP32", "shape": [1, image.size]}
        body = {"inputs": [{**tensor, "data": image.tolist()}], "outputs": [{"name": LABEL}]}
        try:
            async with self._session.post(
                self._url, json=body, headers={UNIT_HEADER: unit}
            ) as response:
                if response.status != 200:
                    raise SendError(f"HTTP {response.status}: {await response.text()}")
                answer = await response.json()
                headers = {name.lower(): value for name, value in response.headers.items()}
        except (aiohttp.ClientError, TimeoutError) as error:
            raise SendError(f"{type(error).__name__}: {error}") from error
        return Reply(int(answer["outputs"][0]["data"][0]), int(answer["model_version"]), headers)

    async def close(self) -> None:
        """Closes all connections."""
        await self._session.close()


_last_headers: ContextVar[Mapping[str, str]] = ContextVar("last_headers")


class _HeaderReader:
    """The client's own stub, with an ear on the response headers of the present task."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub

    async def ModelInfer(self, **options: Any) -> Any:
        call: grpc.aio.UnaryUnaryCall[Any, Any] = self._stub.ModelInfer(**options)
        response = await call
        headers = await call.initial_metadata()
        _last_headers.set({key: str(value) for key, value in headers or ()})
        return response
