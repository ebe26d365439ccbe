from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algolink import audience
from algolink.audience import Condition
from algolink.client import rules as client_rules
from algolink.client.rules import Audience, Holdout, Limits, Retries, Rules, Shadow, Timeouts
from algolink.errors import InvalidArgument
from cli import rules_file, rules_text
from tests.cli.conftest import Run


@pytest.fixture
def pushed(connected: Run, onnx: str) -> Run:
    """With a version of iris."""
    connected("model", "push", onnx, "--name", "iris")
    return connected


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(rules_file.EXAMPLE)
    return path


def test_rules_of_a_file_are_set_shown_and_cleared(pushed: Run, file: Path) -> None:
    done = pushed("traffic", "rules", "set", "iris", "--file", str(file), "--reason", "beta")
    shown = pushed("traffic", "rules", "show", "iris")
    traffic = pushed("traffic", "show", "iris")
    cleared = pushed("traffic", "rules", "clear", "iris")

    assert done.status == 0, done.err
    assert "algolink route explain iris" in done.out
    for words in (
        "tester-1 gets version 2",
        "country in FR, MC and age in [18, 130) and not client matches beta/[0-9]+: version 2",
        "staff = yes: what follows, no further audience",
        "5% of the units",
        "version 2 gets copies of 10%",
        "a request 10000 ms, an attempt 2000 ms",
        "2 on connect-failure, refused-stream, reset, unavailable, after 5 to 50 ms",
        "64 requests, 64 pending",
    ):
        assert words in shown.out
        assert words in traffic.out
    assert "tester-1" not in cleared.out
    assert (
        "set rules: 1 override, 2 audiences, holdout, shadow"
        in pushed("traffic", "history", "iris").out
    )


def test_rules_that_are_shown_as_a_file_can_be_set_again(
    pushed: Run, file: Path, tmp_path: Path
) -> None:
    pushed("traffic", "rules", "set", "iris", "-f", str(file))
    before = json.loads(pushed("traffic", "rules", "show", "iris", "-o", "json").out)
    again = tmp_path / "again.yaml"
    again.write_text(pushed("traffic", "rules", "show", "iris", "--as-file").out)

    pushed("traffic", "rules", "set", "iris", "-f", str(again))

    after = json.loads(pushed("traffic", "rules", "show", "iris", "-o", "json").out)
    assert {**after, "revision": "1"} == {**before, "revision": "1"}


def test_the_example_is_a_file(run: Run) -> None:
    assert rules_file.parse(run("traffic", "rules", "example").out, "example").rules.overrides


def test_rules_come_from_standard_input_too(
    pushed: Run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("overrides: {ann: 2}\n")
    with file.open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        done = pushed("traffic", "rules", "set", "iris", "--file", "-")

    assert done.status == 0, done.err
    assert "ann gets version 2" in done.out


def test_what_the_router_refuses_is_told_with_its_line(pushed: Run, tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text("overrides:\n  ann: 1\n  b.o.b: 404\n")

    done = pushed("traffic", "rules", "set", "iris", "-f", str(path))

    assert done.status == 1
    assert f"{path}: line 3: no such version [VERSION_NOT_FOUND]" in done.err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must be a mapping"),
        ("overrides: [", "is not YAML at line 1"),
        ("audience: []", "line 1: audience: no such key; did you mean audiences?"),
        ("overrides:\n  ann: 1\n  ann: 2", "line 3: overrides.ann: is there twice"),
        ("overrides:\n  42: 1", "line 1: overrides: key 42 must be text (quote it)"),
        ("overrides:\n  ann: two", "line 2: overrides.ann: 'two' must be a whole number"),
        ("audiences:\n- version: 2", "line 2: audiences[0].when: is missing"),
        (
            "audiences:\n- when: [{attribute: x, equals: a}]",
            "line 2: audiences[0].version: give either a version, or continue: true",
        ),
        (
            "audiences:\n- when: [{attribute: x, equals: a}]\n  version: 1\n  continue: true",
            "line 3: audiences[0].version: give either",
        ),
        (
            "audiences:\n- version: 1\n  when:\n  - {attribute: x, equals: yes}",
            "line 4: audiences[0].when[0].equals: 'True' must be text (quote it)",
        ),
        (
            "audiences:\n- version: 1\n  when:\n  - {attribute: x, in: [NO, FR]}",
            "line 4: audiences[0].when[0].in: False must be text (quote it)",
        ),
        (
            "audiences:\n- version: 1\n  when:\n  - attribute: x\n    regex: '(?=a)'",
            "line 5: audiences[0].when[0].regex: attribute x: '(?=a)' is not a regular expression",
        ),
        (
            "audiences:\n- version: 1\n  when:\n  - attribute: x\n    regex: '[a-z]{1,250}'",
            "has program size",
        ),
        (
            "audiences:\n- version: 1\n  when:\n  - attribute: X-Country\n    equals: a",
            "line 5: audiences[0].when[0].equals: 'X-Country' is no attribute: 1 to 32 of a-z0-9-",
        ),
        (
            "audiences:\n- version: 1\n  when:\n  - {attribute: x, range: [1]}",
            "range: give the first integer and one past the last",
        ),
        (
            "audiences:\n- version: 1\n  when:\n  - {attribute: x, equals: a, prefix: b}",
            "give one test of equals, in, prefix, regex, range",
        ),
        ("holdout: {share: lots}", "line 1: holdout.share: 'lots' is not a share"),
        ("fallback: 1.5", "line 1: fallback: 1.5 must be champion, none or a version"),
        ("timeouts: {request: 10}", "line 1: timeouts.request: '10' must be text"),
        ("timeouts: {request: soon}", "line 1: timeouts.request: 'soon' is not a time"),
        ("timeouts: {attempt: 0s}", "line 1: timeouts.attempt: must be longer than nothing"),
        ("retries: {number: 1, failures: [timeout]}", "'timeout' is no failure to retry on"),
        ("retries: {failures: [reset]}", "line 1: retries.number: is missing"),
    ],
)
def test_a_mistake_is_named_with_its_line(
    connected: Run, tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(text)

    done = connected("traffic", "rules", "set", "iris", "-f", str(path))

    assert done.status == 1
    assert words in done.err
    assert len(done.err.splitlines()) == 1


def test_an_explanation_shows_conditions(pushed: Run) -> None:
    done = pushed("route", "explain", "iris", "--attr", "country=FR", "--attr", "country=DE")

    assert done.status == 0, done.err
    assert "any: holds (country is FR)" in done.out
    assert "any: holds (country is DE)" in done.out


words = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20)
conditions = st.builds(
    Condition,
    attribute=st.from_regex("[a-z0-9-]{1,32}", fullmatch=True),
    test=st.one_of(
        st.builds(audience.Equals, words),
        st.builds(audience.Prefix, words),
        st.builds(audience.In, st.lists(words, min_size=1, max_size=3).map(tuple)),
        st.just(audience.Regex("a+: [b]")),
        st.builds(audience.Range, st.integers(-(2**63), 0), st.integers(1, 2**63 - 1)),
    ),
    negated=st.booleans(),
)
spans_ms = st.integers(1, 3_600_000)
some_rules = st.builds(
    Rules,
    overrides=st.dictionaries(
        st.from_regex("[A-Za-z0-9._:@+/=-]{1,8}", fullmatch=True), st.integers(1, 2**31 - 1)
    ),
    audiences=st.lists(
        st.builds(
            Audience,
            when=st.lists(conditions, min_size=1, max_size=3),
            version=st.none() | st.integers(1, 9),
            name=st.sampled_from(["", "yes", "7"]),
        ),
        max_size=2,
    ),
    holdout=st.none() | st.builds(Holdout, share_bp=st.integers(1, 10_000), layer=st.just("x")),
    shadow=st.none() | st.builds(Shadow, version=st.just(3), share_bp=st.integers(1, 10_000)),
    fallback=st.sampled_from(["champion", "none", 4]),
    timeouts=st.none() | st.builds(Timeouts, request_ms=spans_ms, attempt_ms=spans_ms),
    retries=st.none()
    | st.builds(
        Retries,
        number=st.integers(0, 10),
        on=st.sampled_from([(), ("reset", "internal")]),
        backoff_ms=spans_ms,
        max_backoff_ms=spans_ms,
    ),
    limits=st.none()
    | st.builds(Limits, requests=st.integers(1, 65_536), pending=st.integers(1, 65_536)),
)


@given(some_rules)
def test_a_rendered_file_says_the_same(rules: Rules) -> None:
    message = client_rules.to_proto(rules)
    text = rules_text.render(message)

    if not message.ByteSize():
        with pytest.raises(InvalidArgument):
            rules_file.parse("", "nothing")
        return

    assert client_rules.to_proto(rules_file.parse(text, "rules.yaml").rules) == message
