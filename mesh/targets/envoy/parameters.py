"""What differs between one Envoy that follows files and another."""

from __future__ import annotations

from dataclasses import dataclass

from mesh import table

_LISTEN = table.Endpoint("127.0.0.1", 9000)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvoyParameters:
    """Where an Envoy listens, reads and writes.

    Attributes:
        listen: where clients' requests come in; an IP address and a port.
        folder: the folder of the files that it follows, as it sees it; empty for
            its working directory.
        exposure_log_path: file that a line per prediction is appended to.
        admin_socket_path: Unix socket of its admin interface, at most 100 bytes;
            relative to its working directory if it is not absolute.
    """

    listen: table.Endpoint = _LISTEN
    folder: str = ""
    exposure_log_path: str = "exposure.log"
    admin_socket_path: str = "admin.sock"

    def path(self, name: str) -> str:
        """A file of the folder, as Envoy sees it.

        >>> EnvoyParameters(folder="/etc/envoy/").path("cds.yaml")
        '/etc/envoy/cds.yaml'
        """
        return f"{self.folder.rstrip('/')}/{name}" if self.folder else name
