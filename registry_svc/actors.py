"""Who makes the call that is being handled."""

from __future__ import annotations

from chassis import auth
from chassis.interception import Context, header
from registry_svc.domain.audit import Actor

_MAX_REQUEST_ID = 128


def of(context: Context) -> Actor:
    """The caller, and the id that the call came with."""
    request_id = header(context, "x-request-id") or ""
    return Actor(auth.caller().name, request_id[:_MAX_REQUEST_ID])
