"""One prediction on its way: decided anew for each try, written down once."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterable, Mapping

import grpc

from algolink import names
from algolink.client.oip import request_metadata
from algolink.client.rpc_errors import RpcFailure
from algolink.errors import AlgoLinkError, InvalidArgument, NotFound, Unavailable
from algolink.proxyless import exposure
from algolink.proxyless.exposure import Outcome
from algolink.proxyless.routes import Routes
from algolink.proxyless.routing import Decision, Routing
from algolink.proxyless.spool import Spool

PAUSE_S = 0.005
"""Between two looks at routes that are on their way."""

SERVED_TRAILER = "x-al-served"
REQUEST_ID_HEADER = "x-request-id"

_ATTRIBUTE = re.compile("[a-z0-9-]{1,32}")
_NO_ROUTE = "No matching route found"


def is_not_sent(failure: RpcFailure) -> bool:
    """Whether gRPC kept the request: its table does not have what was decided.

    It is older than the routes that were decided by, or newer; the other follows
    within milliseconds.
    """
    details = failure.details() or ""
    return failure.code() is grpc.StatusCode.UNAVAILABLE and details.startswith(_NO_ROUTE)


def current(routes: Routes, model: str) -> Routing | None:
    """The route of `model`; None while the routes are not known yet.

    Raises:
        NotFound: ROUTE_NOT_FOUND.
    """
    routing = routes.get(model)
    if routing is None and routes.is_synced:
        raise NotFound("ROUTE_NOT_FOUND", f"nothing serves {model} (yet)", model=model)
    return routing


def not_known(routes: Routes) -> AlgoLinkError:
    """The error where no route came in time."""
    return Unavailable("ROUTES_UNKNOWN", f"no routes are known: {routes.reason}")


def check_attributes(attributes: Mapping[str, str]) -> Mapping[str, tuple[str]]:
    """Attributes as conditions ask for them; a value that is none fails every condition.

    Raises:
        InvalidArgument: ATTRIBUTE_INVALID.
    """
    for name in attributes:
        if _ATTRIBUTE.fullmatch(name) is None:
            raise InvalidArgument(
                "ATTRIBUTE_INVALID",
                f"{names.shown(name)} is no attribute: it must match {_ATTRIBUTE.pattern}",
                attribute=names.shown(name),
            )
    return {name: (value,) for name, value in attributes.items()}


class Asking:
    """A prediction from the decision to its exposure.

    Attributes:
        request_id: its own, and the key of its exposure.
    """

    def __init__(
        self,
        spool: Spool,
        *,
        unit: str | None,
        attributes: Mapping[str, str] | None,
        version: int | None,
    ) -> None:
        """Takes what the caller says.

        Raises:
            InvalidArgument: UNIT_INVALID or ATTRIBUTE_INVALID.
        """
        request_metadata(unit)
        self.request_id = str(uuid.uuid4())
        self._spool = spool
        self._unit, self._version = unit, version
        self._attributes = check_attributes(attributes or {})
        self._began_us = time.time_ns() // 1_000
        self._began = time.monotonic()
        self._decided: tuple[Routing, Decision] | None = None

    def decide(self, routing: Routing) -> Decision:
        """Where the next try goes.

        Raises:
            FailedPrecondition: VERSION_KILLED.
            NotFound: VERSION_NOT_SERVED.
        """
        decision = routing.decide(
            unit=self._unit,
            attributes=self._attributes,
            version=self._version,
            request_id=self.request_id,
        )
        self._decided = routing, decision
        return decision

    def headers(self, decision: Decision) -> tuple[tuple[str, str], ...]:
        """What a try sends beside the message."""
        return (*decision.headers(), (REQUEST_ID_HEADER, self.request_id))

    def remaining_s(self, end: float) -> float:
        """What is left until `end`, on the monotonic clock, or of the route's time."""
        if self._decided is not None:
            end = min(end, self._began + self._decided[0].timeout_s)
        return max(0.0, end - time.monotonic())

    def write(self, status: grpc.StatusCode, answered_version: int = 0) -> None:
        """Writes down what became of it."""
        if self._decided is None:
            return
        routing, decision = self._decided
        outcome = Outcome(
            grpc_status=status.value[0],
            answered_version=answered_version,
            duration_us=round(1e6 * (time.monotonic() - self._began)),
        )
        line = exposure.line(
            decision,
            outcome,
            model=routing.model,
            revision=routing.revision,
            request_id=self.request_id,
            time_us=self._began_us,
        )
        self._spool.append(line, experiment=decision.experiment)

    def answer_headers(self, decision: Decision, version: int) -> list[tuple[str, str | bytes]]:
        """What Envoy would have said in its answer."""
        return [
            (names.VERSION_HEADER, str(version)),
            (names.ARM_HEADER, decision.arm),
            (names.EXPERIMENT_HEADER, decision.experiment),
            (names.REQUEST_ID_HEADER, self.request_id),
        ]


def served_version(trailers: Iterable[tuple[str, str | bytes]], named: str) -> int:
    """The version that answered, by its trailers or else by its message; 0 for unknown."""
    told = dict(trailers).get(SERVED_TRAILER, named)
    text = told.decode("ascii", "replace") if isinstance(told, bytes) else told
    return int(text) if text.isdecimal() else 0
