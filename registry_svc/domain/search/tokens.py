"""A filter's text as words and signs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from algolink import names
from algolink.errors import InvalidArgument

MAX_FILTER = 4_000
"""Characters of a filter."""


class Kind(StrEnum):
    """What a token is."""

    TEXT = "text"
    STRING = "string"
    COMPARATOR = "comparator"
    DOT = "."
    MINUS = "-"
    OPEN = "("
    CLOSE = ")"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a filter.

    Attributes:
        text: what it says; of a string without quotes and escapes.
        position: of its first character, from 0.
        is_apart: whether a blank, or nothing, stands before it.
    """

    kind: Kind
    text: str
    position: int
    is_apart: bool


_PATTERN = re.compile(
    r"""
      (?P<blank>   [ \t\r\n]+)
    | (?P<string>  "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*')
    | (?P<sign>    <= | >= | != | [=<>:().])
    | (?P<minus>   -)
    | (?P<text>    [^\s"'()<>=!:.\-,][^\s"'()<>=!:.,]*)
    """,
    re.VERBOSE | re.DOTALL,
)
_SIGNS = {".": Kind.DOT, "(": Kind.OPEN, ")": Kind.CLOSE}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def refused(position: int, why: str) -> InvalidArgument:
    """What a caller gets whose filter is wrong at a place."""
    return InvalidArgument(
        "FILTER_INVALID", f"position {position + 1}: {why}", position=position + 1
    )


def tokens(text: str) -> Iterator[Token]:
    """The tokens of a filter, an END last.

    Raises:
        InvalidArgument: FILTER_INVALID, with the position.
    """
    if len(text) > MAX_FILTER:
        raise refused(MAX_FILTER, f"a filter has at most {MAX_FILTER} characters")
    position, is_apart = 0, True
    while position < len(text):
        match = _PATTERN.match(text, position)
        if match is None:
            raise refused(position, _unreadable(text, position))
        if match.lastgroup == "blank":
            is_apart = True
        else:
            yield _token(match, position, is_apart=is_apart)
            is_apart = False
        position = match.end()
    yield Token(Kind.END, "", len(text), is_apart=True)


def _token(match: re.Match[str], position: int, *, is_apart: bool) -> Token:
    text = match.group()
    if match.lastgroup == "string":
        return Token(Kind.STRING, _ESCAPE.sub(r"\1", text[1:-1]), position, is_apart)
    if match.lastgroup == "sign":
        return Token(_SIGNS.get(text, Kind.COMPARATOR), text, position, is_apart)
    kind = Kind.MINUS if match.lastgroup == "minus" else Kind.TEXT
    return Token(kind, text, position, is_apart)


def _unreadable(text: str, position: int) -> str:
    if text[position] in "\"'":
        return "a string that does not end"
    return f"{names.shown(text[position])} means nothing here"
