"""Every link of the documentation leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_PAGES = sorted([*_ROOT.glob("*.md"), *(_ROOT / "docs").rglob("*.md")])
_LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    targets = _LINK.findall(page.read_text(encoding="utf-8"))

    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_guide_is_named_in_the_readme() -> None:
    readme = (_ROOT / "README.md").read_text(encoding="utf-8")
    guides = (_ROOT / "docs" / "guides").glob("*.md")

    assert [guide.name for guide in guides if f"docs/guides/{guide.name}" not in readme] == []


def test_every_decision_is_listed() -> None:
    listed = (_ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8")
    records = (_ROOT / "docs" / "adr").glob("0*.md")

    assert [record.name for record in records if record.name not in listed] == []
