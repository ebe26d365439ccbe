"""The last wanted set, kept on disk so that a replica starts without a router."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable
from pathlib import Path

from algolink.errors import InvalidArgument
from algolink.names import VersionName, check_digest
from inference_svc.domain.holding import WantedVersion

_log = logging.getLogger(__name__)


class WantedFile:
    """A small JSON file that is replaced as a whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> tuple[WantedVersion, ...] | None:
        """The set last written; None if there is none, or it cannot be read.

        A damaged file is no reason not to start: the router will say it again.
        """
        try:
            entries = json.loads(self._path.read_text())
            return tuple(
                WantedVersion(
                    VersionName.parse(entry["name"]),
                    check_digest(entry["digest"]),
                    int(entry["size_bytes"]),
                    is_champion=bool(entry.get("is_champion", False)),
                )
                for entry in entries
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError, InvalidArgument) as error:
            _log.warning(
                "wanted set unreadable", extra={"path": str(self._path), "error": str(error)}
            )
            return None

    def write(self, wanted: Iterable[WantedVersion]) -> None:
        """Replaces the set.

        Raises:
            OSError: if the file cannot be written; the old one is untouched.
        """
        entries = [
            {
                "name": str(version.name),
                "digest": version.digest,
                "size_bytes": version.size_bytes,
                "is_champion": version.is_champion,
            }
            for version in wanted
        ]
        partial = self._path.with_suffix(".partial")
        with partial.open("w") as file:
            json.dump(entries, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._path)
