"""Reads mappings that people wrote, and says which key is wrong."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self

import yaml

from algolink.errors import InvalidArgument
from algolink.names import shown
from cli.yaml_lines import lines_of

_SPAN = re.compile(r"(?P<number>\d{1,9})(?P<unit>ms|s|m|h|d)")
_SPAN_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}


def read(text: str, source: str, reason: str) -> Section:
    """Reads a file that holds one mapping.

    Args:
        text: YAML.
        source: what to call it in messages.
        reason: of the errors.

    Raises:
        InvalidArgument: `reason`, with the line.
    """
    try:
        value = yaml.safe_load(text)
        lines, twice = lines_of(text)
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" at line {where.line + 1}" if where is not None else ""
        problem = getattr(error, "problem", None) or "it cannot be read"
        raise InvalidArgument(
            reason, f"{source} is not YAML{line}: {problem}", file=source
        ) from error
    top = Section.of(value, source, reason=reason, lines=lines)
    for path in twice:
        raise top.error(path, "is there twice")
    return top


@dataclass(slots=True)
class Section:
    """One mapping of a file; remembers what was asked for, so that the rest is an error.

    Attributes:
        values: as read.
        source: the file.
        path: where in it, "" at the top.
        reason: of the errors.
        lines: of the whole file, by path; what is not there is not told.
    """

    values: dict[str, Any]
    source: str
    path: str = ""
    reason: str = "EXPERIMENT_FILE_INVALID"
    lines: Mapping[str, int] = field(default_factory=dict)
    _asked: list[str] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        value: Any,
        source: str,
        path: str = "",
        reason: str = "EXPERIMENT_FILE_INVALID",
        lines: Mapping[str, int] | None = None,
    ) -> Self:
        """Wraps `value`, which must be a mapping with text as keys."""
        where = f"{source}: {_place(path, lines or {})}" if path else source
        if not isinstance(value, dict):
            problem = f"{where} must be a mapping of keys to values"
            raise InvalidArgument(reason, problem, file=source, key=path)
        for key in value:
            if not isinstance(key, str):
                problem = f"{where}: key {key!r} must be text (quote it)"
                raise InvalidArgument(reason, problem, file=source, key=path)
        return cls(value, source, path, reason, lines or {})

    def error(self, key: str, problem: str) -> InvalidArgument:
        """What is wrong with a key."""
        where = self._path_of(key)
        return InvalidArgument(
            self.reason,
            f"{self.source}: {_place(where, self.lines)}: {problem}",
            file=self.source,
            key=where,
        )

    def has(self, key: str) -> bool:
        self._ask(key)
        return self.values.get(key) is not None

    def text(self, key: str, default: str | None = None) -> str:
        value = self._get(key, default)
        if not isinstance(value, str):
            raise self.error(key, f"{_described(value)} must be text (quote it)")
        return value

    def integer(self, key: str, default: int | None = None) -> int:
        value = self._get(key, default)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.error(key, f"{_described(value)} must be a whole number")
        if not -(2**31) <= value < 2**31:
            raise self.error(key, f"{value} is out of range")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        value = self._get(key, default)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self.error(key, f"{_described(value)} must be a number")
        return float(value)

    def optional_number(self, key: str) -> float | None:
        return self.number(key) if self.has(key) else None

    def span(self, key: str, default: str | None = None) -> timedelta:
        """A time with its unit: 30s, 10m, 2h, 7d."""
        text = self.text(key, default)
        match = _SPAN.fullmatch(text)
        if match is None:
            raise self.error(key, f"{text!r} is not a time: use 0s, 10m, 2h or 7d")
        span: timedelta = int(match["number"]) * _SPAN_UNITS[match["unit"]]
        return span

    def optional_span(self, key: str) -> timedelta | None:
        return self.span(key) if self.has(key) else None

    def flag(self, key: str, default: bool | None = None) -> bool:
        value = self._get(key, default)
        if not isinstance(value, bool):
            raise self.error(key, f"{_described(value)} must be true or false")
        return value

    def choice(self, key: str, choices: Collection[str], default: str | None = None) -> str:
        value = self.text(key, default)
        if value not in choices:
            raise self.error(key, f"{_described(value)} must be one of {', '.join(choices)}")
        return value

    def section(self, key: str) -> Section:
        return Section.of(
            self._get(key, None), self.source, self._path_of(key), self.reason, self.lines
        )

    def optional_section(self, key: str) -> Section | None:
        return self.section(key) if self.has(key) else None

    def sections(self, key: str) -> list[Section]:
        value = self._get(key, None)
        if not isinstance(value, list):
            raise self.error(key, f"{_described(value)} must be a list")
        return [
            Section.of(item, self.source, f"{self._path_of(key)}[{index}]", self.reason, self.lines)
            for index, item in enumerate(value)
        ]

    def finish(self) -> None:
        """Refuses keys that nobody asked for."""
        for key in self.values:
            if key not in self._asked:
                near = difflib.get_close_matches(key, self._asked, n=1)
                hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(self._asked)}"
                raise self.error(key, f"no such key; {hint}")

    def _get(self, key: str, default: Any) -> Any:
        self._ask(key)
        value = self.values.get(key)
        if value is not None:
            return value
        if default is None:
            raise self.error(key, "is missing")
        return default

    def _ask(self, key: str) -> None:
        if key not in self._asked:
            self._asked.append(key)

    def _path_of(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key


def _place(path: str, lines: Mapping[str, int]) -> str:
    """`path` with its line; for a key that is missing, with that of what lacks it."""
    known = path
    while known and known not in lines:
        known = known.rpartition(".")[0]
    return f"line {lines[known]}: {path}" if known else path


def _described(value: object) -> str:
    return shown(str(value))
