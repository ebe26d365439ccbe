"""How far the exposure log has been acknowledged."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from algolink import files

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the log.

    Attributes:
        inode: of the file; renaming it changes nothing.
        offset: bytes of it that are done with; a line begins there.
    """

    inode: int
    offset: int


@dataclass(frozen=True, slots=True)
class Progress:
    """What is done with.

    Attributes:
        position: None at the beginning.
        delivered: requests of experiments up to there that were acknowledged, by
            the experiment's id.
    """

    position: Position | None = None
    delivered: Mapping[str, int] = field(default_factory=dict)


class Checkpoint:
    """Progress on disk."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Progress:
        """The progress that was saved last.

        The beginning without one. One that cannot be read counts as that and is reported:
        shipping all again is safe, because facts are counted once.
        """
        try:
            saved = json.loads(self._path.read_bytes())
            position = Position(inode=int(saved["inode"]), offset=int(saved["offset"]))
            delivered = {str(key): int(count) for key, count in saved["delivered"].items()}
            return Progress(position, delivered)
        except FileNotFoundError:
            return Progress()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            _log.warning("checkpoint unreadable", extra={"path": self._path, "error": str(error)})
            return Progress()

    def save(self, position: Position, delivered: Mapping[str, int] | None = None) -> None:
        """Puts a position, and what was delivered up to there, on disk."""
        content = json.dumps(
            {
                "inode": position.inode,
                "offset": position.offset,
                "delivered": dict(delivered or {}),
            }
        )
        files.replace(self._path, content.encode())
