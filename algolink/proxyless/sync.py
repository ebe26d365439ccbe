"""The blocking client without a proxy."""

from __future__ import annotations

import os
import threading
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


class ProxylessClient:
    """Predicts without an Envoy in between: it routes by itself, as Envoy would.

    Its threads follow the routes and ship its exposures. Predictions go on as last
    routed while the router is away; exposures wait in a spool on disk.

    >>> with ProxylessClient() as client:  # doctest: +SKIP
    ...     client.predict("iris", [[5.1, 3.5, 1.4, 0.2]], unit="user-42").version
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
        """Connects to control services, found as `Client` finds them.

        Args:
            endpoint: `host:port` of Envoy's admin listener, which leads to the router.
            token: for it.
            data_dir: of `algolink up`, to find the two above.
            spool_dir: folder for exposures, which processes may share; by default
                `$ALGOLINK_SPOOL_DIR`, else `spool` in the data folder.
            max_spool_bytes: what waits in it at most; exposures beyond it are
                dropped, counted and reported.

        Raises:
            FailedPrecondition: SPOOL_NOT_WRITABLE or BOOTSTRAP_DIFFERS.
        """
        self.connection: Connection = resolve(endpoint, token=token, data_dir=data_dir)
        self._background = Background(
            self.connection, spool_dir=spool_dir, max_spool_bytes=max_spool_bytes
        )
        self._channels: dict[str, grpc.Channel] = {}
        self._opening = threading.Lock()
        self._takes: dict[tuple[str, int | None], Takes] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self, timeout_s: float = 5.0) -> None:
        """Closes the channels and ships exposures for at most `timeout_s` seconds.

        What could not be shipped by then is shipped by the next client that uses
        the same `spool_dir`.
        """
        for channel in self._channels.values():
            channel.close()
        self._background.close(timeout_s)

    @property
    def dropped(self) -> int:
        """Exposures that were lost because the spool was full or could not be written."""
        return self._background.spool.dropped.total()

    def predict(
        self,
        name: str,
        x: Inputs,
        *,
        unit: str | None = None,
        attributes: Mapping[str, str] | None = None,
        version: int | None = None,
        timeout_s: float = PREDICT_TIMEOUT_S,
    ) -> Prediction:
        """Asks a model.

        Args:
            name: the model's id.
            x: the value of its only input, or a mapping of values by input name.
            unit: whom or what it is for, a user or a session: decides the arm.
            attributes: for audiences, by name.
            version: asks for exactly that version instead.
            timeout_s: for everything; the route's own limit holds, too.

        Raises:
            NotFound: ROUTE_NOT_FOUND or VERSION_NOT_SERVED.
            FailedPrecondition: VERSION_KILLED.
            Unavailable: ROUTES_UNKNOWN, or what the replica says.
            InvalidArgument: UNIT_INVALID, ATTRIBUTE_INVALID, TENSOR_INVALID,
                INPUT_UNKNOWN, INPUT_NAME_REQUIRED, or what the model says.
        """
        end = time.monotonic() + timeout_s
        model = model_name(name).model
        takes = self._takes.get((model, version))
        known = takes is not None
        takes = takes or self._learn(model, version, end)
        asking = self._asking(unit, attributes, version)
        try:
            return self._infer(model, x, takes, asking, end)
        except InvalidArgument:
            # A new champion may take something else than what is remembered.
            if not known or (fresh := self._learn(model, version, end)) == takes:
                raise
            return self._infer(model, x, fresh, self._asking(unit, attributes, version), end)

    def _asking(
        self, unit: str | None, attributes: Mapping[str, str] | None, version: int | None
    ) -> Asking:
        return Asking(self._background.spool, unit=unit, attributes=attributes, version=version)

    def _infer(self, model: str, x: Inputs, takes: Takes, asking: Asking, end: float) -> Prediction:
        method = self._channel(model).unary_unary(
            oip.INFER_PATH,
            request_serializer=serialized,
            response_deserializer=oip.InferReply.FromString,
        )
        request = oip.infer_request(model, x, takes, None)
        while True:
            decision = asking.decide(self._routing(model, end))
            # In the message, too: servers that are not ours read no header.
            request.model_version = str(decision.version)
            remaining_s = asking.remaining_s(end)
            try:
                answer, call = method.with_call(request, remaining_s, asking.headers(decision))
            except grpc.RpcError as failure:
                if is_not_sent(failure) and remaining_s > PAUSE_S:
                    time.sleep(PAUSE_S)
                    continue
                asking.write(failure.code())
                target = background.target(model)
                raise restored(failure, endpoint=target, timeout_s=remaining_s) from None
            except BaseException:
                asking.write(grpc.StatusCode.CANCELLED)
                raise
            version = served_version(call.trailing_metadata() or (), answer.model_version)
            asking.write(grpc.StatusCode.OK, version)
            return oip.to_prediction(model, answer, asking.answer_headers(decision, version))

    def _learn(self, model: str, version: int | None, end: float) -> Takes:
        method = self._channel(model).unary_unary(
            oip.METADATA_PATH,
            request_serializer=serialized,
            response_deserializer=oip.MetadataReply.FromString,
        )
        while True:
            routing = self._routing(model, end)
            decision = routing.decide(version=version or routing.champion)
            remaining_s = max(0.0, end - time.monotonic())
            try:
                metadata = method(
                    oip.metadata_request(model, decision.version), remaining_s, decision.headers()
                )
            except grpc.RpcError as failure:
                if is_not_sent(failure) and remaining_s > PAUSE_S:
                    time.sleep(PAUSE_S)
                    continue
                target = background.target(model)
                raise restored(failure, endpoint=target, timeout_s=remaining_s) from None
            takes = oip.to_takes(metadata)
            self._takes[model, version] = takes
            return takes

    def _routing(self, model: str, end: float) -> Routing:
        while (routing := current(self._background.routes, model)) is None:
            if time.monotonic() > end:
                raise not_known(self._background.routes)
            time.sleep(PAUSE_S)
        return routing

    def _channel(self, model: str) -> grpc.Channel:
        with self._opening:
            if model not in self._channels:
                self._channels[model] = grpc.insecure_channel(
                    background.target(model), options=background.options(model)
                )
            return self._channels[model]
