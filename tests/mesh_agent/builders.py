"""Lines of the exposure log for tests."""

from __future__ import annotations

import json
import uuid


def a_line(**fields: object) -> bytes:
    """A line as Envoy writes it, without its end."""
    line: dict[str, object] = {
        "kind": "request",
        "request_id": str(uuid.uuid4()),
        "time_us": "1795230000123456",
        "model": "digits",
        "experiment": "digits-1",
        "phase": "2",
        "revision": "0123456789abcdef",
        "arm": "challenger",
        "unit": "user-1",
        "assigned_version": "2",
        "answered_version": "2",
        "served_version": "2",
        "http_status": 200,
        "grpc_status": 0,
        "flags": "-",
        "answered_us": 1_234,
        "duration_ms": 1,
        "attempts": 1,
        "upstream": "127.0.0.1:8001",
    }
    return json.dumps(line | fields).encode()
