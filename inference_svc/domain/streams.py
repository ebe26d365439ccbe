"""Which version each request of a stream runs."""

from __future__ import annotations

from algolink.errors import InvalidArgument
from algolink.names import shown
from inference_svc.domain.requests import parse_version


class Pin:
    """What the router has chosen for a whole stream, by its first request."""

    def __init__(self, version: int | None) -> None:
        """Holds a stream to `version`; None for one that no router has seen."""
        self._version = version
        self._model: str | None = None

    def version_for(self, model: str, named: str) -> int | None:
        """The version that a request runs.

        Args:
            model: that it asks for.
            named: the version that it asks for, as it spells it.

        Raises:
            InvalidArgument: VERSION_INVALID; or STREAM_PINNED, if it asks for
                another model or version than the router has chosen.
        """
        number = parse_version(named)
        if self._version is None:
            return number
        if self._model is None:
            self._model = model
        if model != self._model or number not in (None, self._version):
            raise InvalidArgument(
                "STREAM_PINNED",
                f"this stream runs version {self._version} of {shown(self._model)}, as its first "
                "request had it routed: open another for what else you ask",
                model=shown(self._model),
                version=self._version,
            )
        return self._version
