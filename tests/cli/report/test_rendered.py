"""The report in a real browser: Chromium or Chrome, where this machine has one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from algolink.experiment.v1 import experiment_pb2 as pb
from cli.report import page
from cli.report.material import Material
from tests.cli.report import browser, cases

CASES: dict[str, Callable[[], Material]] = {
    "draft": lambda: cases.material(state=pb.STATE_DRAFT),
    "no data": lambda: cases.material(count=1),
    "running": cases.material,
    "concluded": lambda: cases.concluded(cases.material(state=pb.STATE_CONCLUDED)),
    "stopped": lambda: cases.material(state=pb.STATE_STOPPED),
    "many arms": lambda: cases.material(arms=["champion", *(f"arm-{n}" for n in range(1, 9))]),
    "canary": lambda: cases.material(primary=False, description=cases.HOSTILE * 5),
    "one word": lambda: cases.material(arms=["a" * 32, "b" * 32], description="long" * 250),
}

_EMPTY_PLOTS = (
    "[...document.querySelectorAll('svg')].filter(s => !s.querySelector('circle')).length"
)
_OUTSIDE = """[...document.querySelectorAll('svg circle, svg text')].filter(one => {
  const inner = one.getBoundingClientRect();
  const outer = one.closest('svg').getBoundingClientRect();
  return inner.left < outer.left - 1 || inner.right > outer.right + 1
    || inner.top < outer.top - 1 || inner.bottom > outer.bottom + 1;
}).length"""
_UNNAMED = """[...document.querySelectorAll('svg')].filter(
  s => !s.querySelector('title').textContent || !s.querySelector('desc').textContent).length
  + document.querySelectorAll('table:not(:has(caption))').length"""
_CUT = """[...document.querySelectorAll('.table')].filter(
  table => table.scrollHeight > table.clientHeight + 2).length"""
_WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Page]:
    program = browser.executable()
    if program is None:
        pytest.skip("no Chromium or Chrome here: install one, or name it in ALGOLINK_TEST_BROWSER")
    with browser.opened(program, tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.mark.parametrize("case", CASES)
def test_it_renders_whole_alone_and_without_complaints(
    case: str, tab: browser.Page, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    material = CASES[case]()
    file.write_text(page.page(material), encoding="utf-8")
    plots = {"draft": 0, "no data": 0, "many arms": 7, "canary": 4}.get(case, 5)

    for width in (1200, 390):
        tab.size(width)
        tab.open(file)

        assert tab.evaluate(_WIDER) == 0
        assert tab.evaluate("document.querySelectorAll('svg').length") == plots
        assert tab.evaluate(_EMPTY_PLOTS) == 0
        assert tab.evaluate(_OUTSIDE) == 0
        assert tab.evaluate(_UNNAMED) == 0
        assert tab.requests == [file.as_uri()]
        assert tab.complaints == []
        assert tab.evaluate("document.title").startswith("ranking-7: ")
        assert material.experiment.description in tab.evaluate("document.body.innerText")


def test_it_is_dark_for_who_likes_it_dark_and_black_on_white_on_paper(
    tab: browser.Page, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    file.write_text(page.page(cases.material()), encoding="utf-8")
    paper = "getComputedStyle(document.body).backgroundColor"

    tab.look(dark=True)
    tab.open(file)
    dark = tab.evaluate(paper)
    tab.look(dark=True, printed=True)
    printed, cut = tab.evaluate(paper), tab.evaluate(_CUT)
    tab.look()

    assert dark == "rgb(20, 24, 28)"
    assert printed == "rgb(255, 255, 255)"
    assert cut == 0
    assert tab.pdf().startswith(b"%PDF")
