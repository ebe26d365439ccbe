"""A filter's tokens as a tree: the grammar of AIP-160.

As there, OR binds closer than AND, words that follow one another must all hold, and
NOT may be written `-`. Functions are not part of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from algolink import names
from registry_svc.domain.search.tokens import Kind, Token, refused, tokens

MAX_DEPTH = 20
MAX_RESTRICTIONS = 50


@dataclass(frozen=True, slots=True)
class Restriction:
    """`path comparator value`, or a word alone.

    Attributes:
        path: `("metrics", "accuracy")` for `metrics.accuracy`.
        comparator: one of `= != < <= > >= :`; empty for a word alone.
        value: what it is compared with; empty for a word alone.
        is_quoted: whether the value was a string in quotes.
        position: of the path, from 0.
        value_position: of the value, from 0.
    """

    path: tuple[str, ...]
    comparator: str
    value: str
    is_quoted: bool
    position: int
    value_position: int


@dataclass(frozen=True, slots=True)
class Not:
    """What must not hold."""

    part: Expression


@dataclass(frozen=True, slots=True)
class All:
    """What must hold together."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """Of which something must hold."""

    parts: tuple[Expression, ...]


Expression: TypeAlias = Restriction | Not | All | Any


def parse(text: str) -> Expression | None:
    """The tree of a filter; None for an empty one.

    Raises:
        InvalidArgument: FILTER_INVALID, with the position.
    """
    parser = _Parser(list(tokens(text)))
    return parser.filter()


class _Parser:
    def __init__(self, read: list[Token]) -> None:
        self._tokens = read
        self._at = 0
        self._depth = 0
        self._restrictions = 0

    def filter(self) -> Expression | None:
        if self._is(Kind.END):
            return None
        found = self._expression()
        if not self._is(Kind.END):
            raise self._unexpected("here a filter should end, or go on with AND")
        return found

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._next
        self._at += 1
        return token

    def _is(self, *kinds: Kind) -> bool:
        return self._next.kind in kinds

    def _is_word(self, word: str) -> bool:
        return self._is(Kind.TEXT) and self._next.text == word

    def _expression(self) -> Expression:
        """Sequences, joined by AND."""
        parts = [self._sequence()]
        while self._is_word("AND"):
            self._take()
            parts.append(self._sequence())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _sequence(self) -> Expression:
        """Factors one after another."""
        parts = [self._factor()]
        while not self._is(Kind.END, Kind.CLOSE) and not self._is_word("AND"):
            if not self._next.is_apart:
                raise self._unexpected("quote a value that has signs in it, a time for example")
            parts.append(self._factor())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _factor(self) -> Expression:
        """Terms, joined by OR."""
        parts = [self._term()]
        while self._is_word("OR"):
            self._take()
            parts.append(self._term())
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def _term(self) -> Expression:
        if self._is_word("NOT") or self._is(Kind.MINUS):
            self._take()
            return Not(self._simple())
        return self._simple()

    def _simple(self) -> Expression:
        if not self._is(Kind.OPEN):
            return self._restriction()
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._unexpected(f"at most {MAX_DEPTH} brackets may be open")
        opened = self._take()
        inner = self._expression()
        if not self._is(Kind.CLOSE):
            raise refused(opened.position, "this bracket is not closed")
        self._take()
        self._depth -= 1
        return inner

    def _restriction(self) -> Restriction:
        self._restrictions += 1
        if self._restrictions > MAX_RESTRICTIONS:
            raise self._unexpected(f"a filter has at most {MAX_RESTRICTIONS} conditions")
        begins = self._next.position
        path, is_quoted = self._member("a field, or a word to look for")
        if not self._is(Kind.COMPARATOR):
            return Restriction((".".join(path),), "", "", is_quoted, begins, begins)
        comparator = self._take().text
        value_begins = self._next.position
        sign = self._take().text if self._is(Kind.MINUS) else ""
        value, is_quoted = self._member("a value")
        return Restriction(
            path, comparator, sign + ".".join(value), is_quoted, begins, value_begins
        )

    def _member(self, what: str) -> tuple[tuple[str, ...], bool]:
        """Words that dots join, and whether it is one string in quotes."""
        first = self._word(what)
        parts = [first.text]
        while self._is(Kind.DOT) and not self._next.is_apart:
            self._take()
            parts.append(self._word("what follows the dot").text)
        return tuple(parts), first.kind is Kind.STRING and len(parts) == 1

    def _word(self, what: str) -> Token:
        if not self._is(Kind.TEXT, Kind.STRING):
            raise self._unexpected(f"here should be {what}")
        if self._is(Kind.TEXT) and self._next.text in ("AND", "OR", "NOT"):
            raise self._unexpected(f"here should be {what}")
        return self._take()

    def _unexpected(self, hint: str) -> Exception:
        token = self._next
        found = "the filter ends" if token.kind is Kind.END else names.shown(token.text)
        return refused(token.position, f"{found}: {hint}")
