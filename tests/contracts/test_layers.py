from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_imports_follow_the_layers(root: Path) -> None:
    lint = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]

    done = subprocess.run(lint, cwd=root, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
