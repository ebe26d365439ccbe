"""How far the exposure log has been acknowledged."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
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


class Checkpoint:
    """A position on disk."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Position | None:
        """The position that was saved last.

        None without one. One that cannot be read counts as none and is reported:
        shipping all again is safe, because facts are counted once.
        """
        try:
            saved = json.loads(self._path.read_bytes())
            return Position(inode=int(saved["inode"]), offset=int(saved["offset"]))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            _log.warning("checkpoint unreadable", extra={"path": self._path, "error": str(error)})
            return None

    def save(self, position: Position) -> None:
        """Puts `position` on disk."""
        content = json.dumps({"inode": position.inode, "offset": position.offset})
        files.replace(self._path, content.encode())
