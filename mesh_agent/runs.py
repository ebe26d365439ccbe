"""Runs of Envoy: a folder for each, with all that it reads and writes.

So what two Envoys write never mixes, and what one has logged can be compared with
what it says that it logged.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from algolink import files
from chassis.processes import Process, ProcessFile
from mesh_agent.bootstrap_file import EXPOSURE_LOG_NAME

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where Envoy itself wants to be
_NAME = re.compile(r"\d{8}")


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a run is.

    Attributes:
        id: unique among all runs everywhere.
        epoch: how many runs before it handed their sockets over, one to the next.
        base_id: that these runs share; -1 if the first of them has not said yet,
            or does not hand over.
        hands_over: which releases of Envoy it can hand its sockets to; empty if none.
    """

    id: str
    epoch: int
    base_id: int
    hands_over: str


class Run:
    """One run of Envoy, as it lies on disk."""

    def __init__(self, folder: Path, about: About) -> None:
        self.folder = folder
        self.about = about
        self.bootstrap = folder / "bootstrap.yaml"
        self.log = folder / EXPOSURE_LOG_NAME
        self.checkpoint = folder / "checkpoint.json"
        self.statistics = folder / "statistics.json"
        self.ledger = folder / "losses.json"
        self.process_file = folder / "envoy.pid"
        self.output = folder / "envoy.log"
        self._base_id_file = folder / "base-id"
        self._told_to_end = folder / "told-to-end"

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """The run in a folder; None if there is none, as after a crash while it was made."""
        try:
            saved: dict[str, Any] = json.loads((folder / "run.json").read_bytes())
            return cls(folder, About(**saved))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    @property
    def base_id(self) -> int:
        """What its successor needs to know; -1 if it does not hand over."""
        if self.about.base_id >= 0 or not self.about.hands_over:
            return self.about.base_id
        try:
            return int(self._base_id_file.read_text())
        except (FileNotFoundError, ValueError):
            return -1

    @property
    def was_told_to_end(self) -> bool:
        """Whether it ends in order, and so with all of its lines written."""
        return self._told_to_end.exists()

    def tell_to_end(self, told: bool = True) -> None:
        """Notes that it was told to end, or that it had to be killed after all."""
        if told:
            self._told_to_end.touch()
        else:
            self._told_to_end.unlink(missing_ok=True)

    def process(self) -> Process | None:
        """Its Envoy, if it runs."""
        known = ProcessFile.load(self.process_file)
        return Process.find(known) if known is not None else None


class Runs:
    """All runs of one agent's folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, exist_ok=True)

    def all(self) -> list[Run]:
        """Oldest first."""
        folders = sorted(path for path in self._folder.iterdir() if _NAME.fullmatch(path.name))
        return [run for folder in folders if (run := Run.load(folder)) is not None]

    def remove(self, run: Run) -> None:
        """Deletes all of a run whose Envoy has ended."""
        base_id = run.base_id
        shutil.rmtree(run.folder)
        if base_id >= 0 and all(other.base_id != base_id for other in self.all()):
            # Envoy leaves what it shared with its successors behind.
            (SHARED_MEMORY / f"envoy_shared_memory_{base_id}0").unlink(missing_ok=True)

    def create(self, bootstrap: bytes, *, after: Run | None, hands_over: str) -> Run:
        """A new run.

        Args:
            after: the run that hands its sockets over to it; None for a first one.
            hands_over: which releases of Envoy it can hand its own to.
        """
        names = [path.name for path in self._folder.iterdir() if _NAME.fullmatch(path.name)]
        name = f"{int(max(names, default='0')) + 1:08d}"
        about = About(
            id=f"{name}-{secrets.token_hex(8)}",
            epoch=after.about.epoch + 1 if after is not None else 0,
            base_id=after.base_id if after is not None else -1,
            hands_over=hands_over,
        )
        folder = self._folder / name
        folder.mkdir(mode=0o700)
        run = Run(folder, about)
        files.replace(run.bootstrap, bootstrap, mode=0o600)
        files.replace(folder / "run.json", json.dumps(asdict(about)).encode())
        return run
