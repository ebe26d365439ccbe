"""What a tracked file may hold: nothing that is true on one machine alone."""

from __future__ import annotations

import re
from pathlib import Path

_MAX_LINES = 400
_MAX_TEST_LINES = 600  # cases of one behaviour side by side read like a table
_LONGER = {
    Path("algolink/client/sync.py"): 500,  # one class whose methods are the documentation
}

# Folders that exist on somebody's machine and not on everybody's.
_MACHINE_PATH = re.compile(r"(?<![\w./~-])/(?:home|root|work|Users|opt|mnt)/\w")

# Where packages come from is the business of whoever installs them.
_PACKAGE_INDEX = re.compile(
    r"--(?:extra-)?index-url|--find-links|(?:files\.)?pythonhosted\.org|pypi\.(?:org|python)",
    re.IGNORECASE,
)


def test_no_file_names_a_folder_of_one_machine(root: Path, tracked_files: list[Path]) -> None:
    assert _lines_with(_MACHINE_PATH, root, tracked_files) == []


def test_no_file_names_a_package_index(root: Path, tracked_files: list[Path]) -> None:
    others = [name for name in tracked_files if name != Path(__file__).relative_to(root)]

    assert _lines_with(_PACKAGE_INDEX, root, others) == []


def test_python_files_are_short_enough_to_read(root: Path, tracked_files: list[Path]) -> None:
    written = [name for name in tracked_files if name.suffix == ".py" and "v1" not in name.parts]

    too_long = [
        f"{name}: {lines} lines"
        for name in written
        if (lines := len((root / name).read_text().splitlines())) > _limit(name)
    ]

    assert too_long == []


def _limit(name: Path) -> int:
    return _LONGER.get(name, _MAX_TEST_LINES if name.parts[0] == "tests" else _MAX_LINES)


def _lines_with(pattern: re.Pattern[str], root: Path, names: list[Path]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()}"
        for name in names
        for number, line in enumerate(_text(root / name).splitlines(), start=1)
        if pattern.search(line)
    ]


def _text(path: Path) -> str:
    """What is in a file, or nothing if it is no text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""
