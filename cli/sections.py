"""Reads mappings that people wrote, and says which key is wrong."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Self

from algolink.errors import InvalidArgument
from algolink.names import shown


@dataclass(slots=True)
class Section:
    """One mapping of a file; remembers what was asked for, so that the rest is an error.

    Attributes:
        values: as read.
        source: the file.
        path: where in it, "" at the top.
    """

    values: dict[str, Any]
    source: str
    path: str = ""
    _asked: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, value: Any, source: str, path: str = "") -> Self:
        """Wraps `value`, which must be a mapping with text as keys."""
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            where = f"{source}: {path}" if path else source
            raise InvalidArgument(
                "EXPERIMENT_FILE_INVALID",
                f"{where} must be a mapping of keys to values",
                file=source,
                key=path,
            )
        return cls(value, source, path)

    def error(self, key: str, problem: str) -> InvalidArgument:
        """What is wrong with a key."""
        where = self._path_of(key)
        return InvalidArgument(
            "EXPERIMENT_FILE_INVALID",
            f"{self.source}: {where}: {problem}",
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
        return Section.of(self._get(key, None), self.source, self._path_of(key))

    def optional_section(self, key: str) -> Section | None:
        return self.section(key) if self.has(key) else None

    def sections(self, key: str) -> list[Section]:
        value = self._get(key, None)
        if not isinstance(value, list):
            raise self.error(key, f"{_described(value)} must be a list")
        return [
            Section.of(item, self.source, f"{self._path_of(key)}[{index}]")
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


def _described(value: object) -> str:
    return shown(str(value))
