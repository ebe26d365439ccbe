"""The blocking client's part that sets rules."""

from __future__ import annotations

from algolink.client import rules as calls
from algolink.client import traffic
from algolink.client.calls import Call
from algolink.client.channels import WAIT_TIMEOUT_S
from algolink.client.rules import Rules
from algolink.client.sync_transport import SyncTransport
from algolink.router.v1 import rules_pb2, traffic_pb2


class RulesClient:
    """Sets the rules of models' requests: `client.traffic.rules`.

    As with every decision about traffic: it waits until every Envoy follows unless
    `wait` is False, and an `etag` as last seen makes it Aborted, ETAG_MISMATCH, if
    somebody else decided something meanwhile.
    """

    def __init__(self, transport: SyncTransport, timeout_s: float) -> None:
        self._transport = transport
        self._timeout_s = timeout_s

    def get(self, model: str) -> rules_pb2.Rules:
        """The rules that are set; empty, with revision 0, if there are none."""
        found = self._transport.unary(traffic.get(model), self._timeout_s)
        return found.rules

    def set(
        self,
        model: str,
        rules: Rules | rules_pb2.Rules,
        *,
        etag: str = "",
        reason: str = "",
        wait: bool = True,
        wait_timeout_s: float = WAIT_TIMEOUT_S,
    ) -> traffic_pb2.Traffic:
        """Sets all rules of a model; what was said before and is not said now is gone.

        Raises:
            InvalidArgument: RULES_INVALID or CONDITION_INVALID, with the `field` in
                its metadata.
            NotFound: VERSION_NOT_FOUND.
            FailedPrecondition: VERSION_ARCHIVED, VERSION_KILLED or TRAFFIC_FROZEN.
        """
        call = calls.set_rules(model, rules, etag=etag, reason=reason)
        return self._decide(call, wait, wait_timeout_s)

    def clear(
        self,
        model: str,
        *,
        etag: str = "",
        reason: str = "",
        wait: bool = True,
        wait_timeout_s: float = WAIT_TIMEOUT_S,
    ) -> traffic_pb2.Traffic:
        """Ends all rules of a model."""
        call = calls.clear_rules(model, etag=etag, reason=reason)
        return self._decide(call, wait, wait_timeout_s)

    def _decide(
        self, call: Call[traffic_pb2.Traffic], wait: bool, wait_timeout_s: float
    ) -> traffic_pb2.Traffic:
        decided = self._transport.unary(call, self._timeout_s)
        if not wait:
            return decided
        return self._transport.wait(traffic.is_live(decided), wait_timeout_s)
