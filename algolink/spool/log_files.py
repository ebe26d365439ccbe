"""The exposure log on disk: the file that Envoy appends to, and older ones.

Envoy writes `exposure.log`. Rotating renames it to `exposure.log.NNNNNNNN` and
asks Envoy to open the path anew; until the new file is there Envoy may still
write to the renamed one. Only this agent renames and deletes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from algolink import files
from algolink.spool.checkpoint import Position

_CHUNK_BYTES = 4 * 1024 * 1024
_ROTATED = re.compile(r"\.(\d{8})$")


@dataclass(frozen=True, slots=True)
class Batch:
    """Complete lines, in order.

    Attributes:
        lines: without their line ends.
        end: position after the last of them.
    """

    lines: Sequence[bytes]
    end: Position


@dataclass(frozen=True, slots=True)
class _LogFile:
    path: Path
    inode: int
    size: int
    is_finished: bool
    """Whether Envoy writes to it no more."""


class LogFiles:
    """All files of one exposure log."""

    def __init__(self, path: Path, *, ended: Callable[[], bool] = lambda: False) -> None:
        """Reads what is written to `path`.

        Args:
            ended: whether nobody writes to it any more, so that an incomplete
                last line stays what it is.
        """
        self.path = path
        self._ended = ended

    def next_batch(self, after: Position | None, *, limit: int) -> Batch | None:
        """At most `limit` lines that follow `after`, all of one file.

        From the beginning if `after` is None or its file is gone. An incomplete
        last line is left for later, unless nothing can complete it.
        """
        for file, offset in self._beyond(after):
            batch = _read(file, offset, limit)
            if batch is not None:
                return batch
            if not file.is_finished:
                return None
        return None

    def lag_bytes(self, after: Position | None) -> int:
        """Bytes that follow `after`."""
        return sum(file.size - offset for file, offset in self._beyond(after))

    def delete_before(self, position: Position) -> None:
        """Deletes the rotated files that lie wholly before `position`."""
        found = self._files()
        if not any(file.inode == position.inode for file in found):
            return
        for file in found:
            if file.inode == position.inode:
                break
            file.path.unlink()

    def drop_oldest(self, after: Position | None) -> Position | None:
        """Deletes the oldest file that is not wholly before `after`, read or not.

        Returns:
            Where the next file begins; None if there is no other file, and
            nothing was deleted.
        """
        files_left = [file for file, _ in self._beyond(after)]
        if len(files_left) < 2:
            return None
        files_left[0].path.unlink()
        return Position(files_left[1].inode, 0)

    def rotate(self, *, over_bytes: int) -> bool:
        """Renames the present file if it is larger than this.

        Returns:
            Whether Envoy must be asked to open the path anew: it has not done so
            since the last renaming.
        """
        if not self.path.exists():
            return bool(self._rotated())
        if self.path.stat().st_size <= over_bytes:
            return False
        self._rename()
        return True

    def close_torn_line(self) -> None:
        """Sets a file apart that ends within a line, as after a killed Envoy.

        Only while no Envoy runs: the next one would write on in that line.
        """
        try:
            with self.path.open("rb") as file:
                if file.seek(0, os.SEEK_END) == 0:
                    return
                file.seek(-1, os.SEEK_END)
                is_torn = file.read(1) != b"\n"
        except FileNotFoundError:
            return
        if is_torn:
            self._rename()
            self.path.touch(mode=0o600)

    def _rename(self) -> None:
        numbers = [number for number, _ in self._rotated()]
        target = self.path.with_name(f"{self.path.name}.{max(numbers, default=0) + 1:08d}")
        self.path.rename(target)
        files.sync_folder(self.path.parent)

    def _beyond(self, after: Position | None) -> Iterator[tuple[_LogFile, int]]:
        """Files from the one of `after` on, each with the offset to read from."""
        found = self._files()
        inodes = [file.inode for file in found]
        if after is None or after.inode not in inodes:
            yield from ((file, 0) for file in found)
            return
        first = inodes.index(after.inode)
        # A file that is shorter than what was read of it is another file.
        yield found[first], after.offset if after.offset <= found[first].size else 0
        yield from ((file, 0) for file in found[first + 1 :])

    def _files(self) -> list[_LogFile]:
        """Oldest first."""
        paths = [path for _, path in self._rotated()]
        if self.path.exists():
            paths.append(self.path)
        found = []
        ended = self._ended()
        for path in paths:
            status = path.stat()
            is_finished = ended or path != paths[-1]
            found.append(_LogFile(path, status.st_ino, status.st_size, is_finished))
        return found

    def _rotated(self) -> list[tuple[int, Path]]:
        return sorted(
            (int(match.group(1)), path)
            for path in self.path.parent.glob(f"{self.path.name}.*")
            if (match := _ROTATED.search(path.name)) is not None
        )


def _read(file: _LogFile, offset: int, limit: int) -> Batch | None:
    with file.path.open("rb") as opened:
        opened.seek(offset)
        chunk = opened.read(_CHUNK_BYTES)
    lines = chunk.split(b"\n")
    rest = lines.pop()
    if not lines:
        # No line of ours is that long, and what is finished grows no more.
        if len(chunk) < _CHUNK_BYTES and not (file.is_finished and rest):
            return None
        return Batch([rest], Position(file.inode, offset + len(rest)))
    lines = lines[:limit]
    return Batch(lines, Position(file.inode, offset + sum(map(len, lines)) + len(lines)))
