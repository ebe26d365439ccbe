"""How a folder is kept, for Prometheus."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from mesh import table


class SyncMetrics:
    """Metrics of one `algolink mesh sync`, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.connected = self._gauge("connected", "1 while the router is followed.")
        self.behind = self._gauge("behind", "1 while the folder is not as the last table says.")
        self.models = self._gauge("models", "Models that the folder routes.")
        self.last_success = self._gauge(
            "last_success_timestamp_seconds",
            "When the folder was last found, or made, as the table says.",
        )
        self.last_seconds = self._gauge(
            "last_write_seconds", "How long the last change of the folder took, with its pauses."
        )
        self.writes = self._counter("writes", "Changes of the folder.")
        self.failures = self._counter("failures", "Tables that could not be written.", "reason")

    @contextlib.contextmanager
    def served(self, listen: table.Endpoint) -> Iterator[None]:
        """Answers scrapes at an address."""
        server, thread = start_http_server(listen.port, listen.host, registry=self._registry)
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def _gauge(self, name: str, help_text: str) -> Gauge:
        return Gauge(f"algolink_mesh_sync_{name}", help_text, registry=self._registry)

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(f"algolink_mesh_sync_{name}", help_text, labels, registry=self._registry)
