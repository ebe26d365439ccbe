"""How both clients open a channel."""

from __future__ import annotations

from algolink.client.connection import Connection, is_loopback

Metadata = tuple[tuple[str, str], ...]

DEFAULT_TIMEOUT_S = 30.0
"""Of a call with its retries."""

PREDICT_TIMEOUT_S = 10.0
PUSH_TIMEOUT_S = 600.0
WAIT_TIMEOUT_S = 60.0


def options(endpoint: str) -> list[tuple[str, int]]:
    """Channel arguments for `endpoint`."""
    return [
        # The services say what is too large, with a reason.
        ("grpc.max_receive_message_length", -1),
        ("grpc.max_send_message_length", -1),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 2_000),
        # A proxy for the internet cannot reach this machine's loopback.
        ("grpc.enable_http_proxy", 0 if is_loopback(endpoint) else 1),
    ]


def authorization(connection: Connection) -> Metadata:
    """Proves who asks, on the admin endpoint."""
    if connection.token is None:
        return ()
    return (("authorization", f"Bearer {connection.token}"),)
