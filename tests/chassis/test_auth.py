from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from algolink.errors import FailedPrecondition, Unauthenticated
from chassis.auth import Caller, Tokens, read_token


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens"


def test_a_token_is_known_by_its_digest(path: Path) -> None:
    path.write_text(f"# who may call\n\ncli admin {digest('a')}\nrouter service {digest('b')}\n")

    tokens = Tokens.read(path)

    assert tokens.check("Bearer a") == Caller("cli", "admin")
    assert tokens.check("bearer  b") == Caller("router", "service")


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        (None, "TOKEN_MISSING"),
        ("", "TOKEN_MISSING"),
        ("Basic a", "TOKEN_INVALID"),
        ("Bearer", "TOKEN_INVALID"),
        ("Bearer c", "TOKEN_INVALID"),
        ("Bearer ü", "TOKEN_INVALID"),
    ],
)
def test_what_bears_no_accepted_token_is_refused(
    path: Path, authorization: str | None, reason: str
) -> None:
    path.write_text(f"cli admin {digest('a')}\n")

    with pytest.raises(Unauthenticated) as caught:
        Tokens.read(path).check(authorization)

    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "line",
    ["cli admin", "cli admin abc", f"cli king {digest('a')}", f"cli admin {digest('a').upper()}"],
)
def test_a_line_that_is_wrong_is_named(path: Path, line: str) -> None:
    path.write_text(f"cli admin {digest('a')}\n{line}\n")

    with pytest.raises(FailedPrecondition, match="line 2") as caught:
        Tokens.read(path)

    assert caught.value.reason == "TOKENS_FILE_INVALID"


@pytest.mark.parametrize("missing", [None, Path("/nonexistent/tokens")])
def test_without_a_tokens_file_nothing_starts(missing: Path | None) -> None:
    with pytest.raises(FailedPrecondition) as caught:
        Tokens.read(missing)

    assert caught.value.reason == "TOKENS_FILE_UNREADABLE"


def test_the_own_token_is_read_without_its_line_end(path: Path) -> None:
    path.write_text("open-sesame\n")

    assert read_token(path) == "open-sesame"
    assert read_token(None) is None


def test_an_own_token_that_cannot_be_read_is_a_clear_error(path: Path) -> None:
    with pytest.raises(FailedPrecondition) as caught:
        read_token(path)

    assert caught.value.reason == "TOKEN_FILE_UNREADABLE"
