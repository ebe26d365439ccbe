"""`name=value` on a command line."""

from __future__ import annotations

import click


class _Pair(click.ParamType[tuple[str, str]]):
    """Text on both sides of the first `=`."""

    name = "name=value"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        if isinstance(value, tuple):
            return str(value[0]), str(value[1])
        name, equals, rest = str(value).partition("=")
        if not equals or not name:
            self.fail(f"{value!r} is not name=value", param, ctx)
        return name, rest


class _NumberPair(click.ParamType[tuple[str, float]]):
    """A name, `=` and a number."""

    name = "name=number"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, float]:
        name, number = PAIR.convert(value, param, ctx)
        try:
            return name, float(number)
        except ValueError:
            self.fail(f"{number!r} in {value!r} is not a number", param, ctx)


PAIR = _Pair()
NUMBER_PAIR = _NumberPair()
