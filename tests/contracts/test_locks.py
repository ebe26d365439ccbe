from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
_LOCKS = ("dev.txt", "runtime.txt")


@pytest.mark.parametrize("lock", _LOCKS)
def test_every_locked_package_has_one_version_and_its_hashes(root: Path, lock: str) -> None:
    requirements = _requirements(root / "requirements" / lock)

    assert requirements
    for line in requirements:
        assert "==" in line, line
        assert _HASH.search(line), line


@pytest.mark.parametrize("lock", _LOCKS)
def test_a_lock_says_nothing_about_where_packages_come_from(root: Path, lock: str) -> None:
    for line in _requirements(root / "requirements" / lock):
        assert not line.startswith("-"), line
        assert "://" not in line, line


def test_locks_hold_what_the_project_asks_for(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    asked = project["dependencies"]
    everything = [*asked, *extras["demo"], *extras["dev"]]

    assert _unlocked(asked, root / "requirements" / "runtime.txt") == []
    assert _unlocked(everything, root / "requirements" / "dev.txt") == []


def test_both_locks_name_the_same_versions(root: Path) -> None:
    development = _versions(root / "requirements" / "dev.txt")
    runtime = _versions(root / "requirements" / "runtime.txt")

    assert runtime.items() <= development.items()


def _requirements(lock: Path) -> list[str]:
    """One string per package, its hashes included."""
    joined = lock.read_text().replace("\\\n", " ")
    lines = [line.strip() for line in joined.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def _versions(lock: Path) -> dict[str, str]:
    """Locked version specifiers by package and marker."""
    found = {}
    for line in _requirements(lock):
        requirement = Requirement(_HASH.sub("", line).strip())
        name = canonicalize_name(requirement.name)
        found[f"{name}; {requirement.marker}"] = str(requirement.specifier)
    return found


def _unlocked(asked: list[str], lock: Path) -> list[str]:
    """Requirements that no version in `lock` satisfies."""
    locked: dict[str, list[str]] = {}
    for line in _requirements(lock):
        requirement = Requirement(_HASH.sub("", line).strip())
        version = str(requirement.specifier).removeprefix("==")
        locked.setdefault(canonicalize_name(requirement.name), []).append(version)
    wanted = [Requirement(text) for text in asked if not text.startswith("algolink")]
    return [
        str(requirement)
        for requirement in wanted
        if not any(
            requirement.specifier.contains(version)
            for version in locked.get(canonicalize_name(requirement.name), [])
        )
    ]
