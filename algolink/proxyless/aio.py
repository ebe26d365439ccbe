"""The asyncio client without a proxy: the same surface as `sync.ProxylessClient`, awaited."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import grpc

from algolink.client import oip
from algolink.client.calls import serialized
from algolink.client.channels import PREDICT_TIMEOUT_S
from algolink.client.connection import Connection, resolve
from algolink.client.prediction import Inputs, Prediction, Takes
from algolink.client.registry import model_name
from algolink.client.rpc_errors import restored
from algolink.errors import InvalidArgument
from algolink.proxyless import background
from algolink.proxyless.asking import (
    PAUSE_S,
    Asking,
    current,
    is_not_sent,
    not_known,
    served_version,
)
from algolink.proxyless.background import MAX_SPOOL_BYTES, Background
from algolink.proxyless.routing import Routing


class AsyncProxylessClient:
    """`ProxylessClient` for asyncio: the same methods, arguments and errors, as coroutines.

    One client belongs to one event loop.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        token: str | None = None,
        data_dir: str | os.PathLike[str] | None = None,
        spool_dir: str | os.PathLike[str] | None = None,
        max_spool_bytes: int = MAX_SPOOL_BYTES,
    ) -> None:
        """Connects to control services; see `ProxylessClient`."""
        self.connection: Connection = resolve(endpoint, token=token, data_dir=data_dir)
        self._background = Background(
            self.connection, spool_dir=spool_dir, max_spool_bytes=max_spool_bytes
        )
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._takes: dict[tuple[str, int | None], Takes] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self, timeout_s: float = 5.0) -> None:
        """Closes the channels and ships exposures for at most `timeout_s` seconds."""
        for channel in self._channels.values():
            await channel.close()
        await asyncio.to_thread(self._background.close, timeout_s)

    @property
    def dropped(self) -> int:
        """Exposures that were lost because the spool was full or could not be written."""
        return self._background.spool.dropped.total()

    async def predict(
        self,
        name: str,
        x: Inputs,
        *,
        unit: str | None = None,
        attributes: Mapping[str, str] | None = None,
        version: int | None = None,
        timeout_s: float = PREDICT_TIMEOUT_S,
    ) -> Prediction:
        """Asks a model; see `ProxylessClient.predict`."""
        end = time.monotonic() + timeout_s
        model = model_name(name).model
        takes = self._takes.get((model, version))
        known = takes is not None
        takes = takes or await self._learn(model, version, end)
        asking = self._asking(unit, attributes, version)
        try:
            return await self._infer(model, x, takes, asking, end)
        except InvalidArgument:
            # A new champion may take something else than what is remembered.
            if not known or (fresh := await self._learn(model, version, end)) == takes:
                raise
            return await self._infer(model, x, fresh, self._asking(unit, attributes, version), end)

    def _asking(
        self, unit: str | None, attributes: Mapping[str, str] | None, version: int | None
    ) -> Asking:
        return Asking(self._background.spool, unit=unit, attributes=attributes, version=version)

    async def _infer(
        self, model: str, x: Inputs, takes: Takes, asking: Asking, end: float
    ) -> Prediction:
        method = self._channel(model).unary_unary(
            oip.INFER_PATH,
            request_serializer=serialized,
            response_deserializer=oip.InferReply.FromString,
        )
        request = oip.infer_request(model, x, takes, None)
        while True:
            decision = asking.decide(await self._routing(model, end))
            # In the message, too: servers that are not ours read no header.
            request.model_version = str(decision.version)
            remaining_s = asking.remaining_s(end)
            try:
                call = method(request, timeout=remaining_s, metadata=asking.headers(decision))
                answer = await call
                trailers = await call.trailing_metadata()
            except grpc.aio.AioRpcError as failure:
                if is_not_sent(failure) and remaining_s > PAUSE_S:
                    await asyncio.sleep(PAUSE_S)
                    continue
                asking.write(failure.code())
                target = background.target(model)
                raise restored(failure, endpoint=target, timeout_s=remaining_s) from None
            except BaseException:
                asking.write(grpc.StatusCode.CANCELLED)
                raise
            version = served_version(trailers or (), answer.model_version)
            asking.write(grpc.StatusCode.OK, version)
            return oip.to_prediction(model, answer, asking.answer_headers(decision, version))

    async def _learn(self, model: str, version: int | None, end: float) -> Takes:
        method = self._channel(model).unary_unary(
            oip.METADATA_PATH,
            request_serializer=serialized,
            response_deserializer=oip.MetadataReply.FromString,
        )
        while True:
            routing = await self._routing(model, end)
            decision = routing.decide(version=version or routing.champion)
            remaining_s = max(0.0, end - time.monotonic())
            try:
                metadata = await method(
                    oip.metadata_request(model, decision.version),
                    timeout=remaining_s,
                    metadata=decision.headers(),
                )
            except grpc.aio.AioRpcError as failure:
                if is_not_sent(failure) and remaining_s > PAUSE_S:
                    await asyncio.sleep(PAUSE_S)
                    continue
                target = background.target(model)
                raise restored(failure, endpoint=target, timeout_s=remaining_s) from None
            takes = oip.to_takes(metadata)
            self._takes[model, version] = takes
            return takes

    async def _routing(self, model: str, end: float) -> Routing:
        while (routing := current(self._background.routes, model)) is None:
            if time.monotonic() > end:
                raise not_known(self._background.routes)
            await asyncio.sleep(PAUSE_S)
        return routing

    def _channel(self, model: str) -> grpc.aio.Channel:
        if model not in self._channels:
            self._channels[model] = grpc.aio.insecure_channel(
                background.target(model), options=background.options(model)
            )
        return self._channels[model]
