"""Runs the registry's own backup program on a data folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from algolink.errors import FailedPrecondition
from cli.up.layout import DataFolder

_PROGRAM = "registry_svc.backups"
_REASONED = re.compile(r"(.*) \[([A-Z_]+)\]")


def run(folder: DataFolder, action: str, backups: Path, *arguments: str) -> dict[str, Any]:
    """What the program told.

    Raises:
        FailedPrecondition: the program's reason, or else BACKUP_FAILED.
    """
    environment = {
        **os.environ,
        "ALGOLINK_DATABASE_URL": folder.database_url("registry"),
        "ALGOLINK_ARTIFACT_DIR": str(folder.artifacts),
    }
    done = subprocess.run(  # noqa: S603 - a part of this program
        [sys.executable, "-m", _PROGRAM, action, str(backups), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        why = said[-1].removeprefix(f"{_PROGRAM}: ") if said else f"exit status {done.returncode}"
        reasoned = _REASONED.fullmatch(why)
        if reasoned:
            raise FailedPrecondition(reasoned[2], reasoned[1], action=action)
        raise FailedPrecondition("BACKUP_FAILED", why, action=action)
    told: dict[str, Any] = json.loads(done.stdout)
    return told
