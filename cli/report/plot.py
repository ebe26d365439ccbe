"""Lines over time as SVG, with bands around them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cli.report.html import Html, element

WIDTH, HEIGHT = 760, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 74, 14, 12, 34
COLOURS = 6
"""How many the style has; further lines share them, and differ by their dashes."""


@dataclass(frozen=True, slots=True)
class Dot:
    """A value at a moment, with the bounds of its band, if it has one."""

    time: datetime
    value: float
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """What is drawn as one line.

    Attributes:
        colour: its place among all arms, so that an arm looks the same in all plots.
    """

    label: str
    dots: Sequence[Dot]
    colour: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A plot.

    Attributes:
        key: unique in the page.
        describe: what it shows, for those who do not see it.
        level: a horizontal line, such as "no difference".
        moments: vertical lines: when the experiment changed.
        tick: how a value on the axis reads.
        whole: whether only whole numbers are ticks.
    """

    key: str
    title: str
    describe: str
    lines: Sequence[Line]
    level: float | None = None
    moments: Sequence[datetime] = ()
    tick: Callable[[float], str] = "{:,.4g}".format
    whole: bool = False

    def render(self) -> Html:
        """The figure, or a sentence where there is nothing to draw yet."""
        dots = [dot for line in self.lines for dot in line.dots]
        if not dots:
            return element("p", f"{self.title}: nothing to draw yet.", class_="nothing")
        axes = _Axes.around(self, dots)
        return element(
            "figure",
            element(
                "svg",
                element("title", self.title, id=f"{self.key}-title"),
                element("desc", self.describe, id=f"{self.key}-desc"),
                element("clipPath", axes.frame(), id=f"{self.key}-clip"),
                *axes.grid(self.tick),
                *(axes.moment(moment) for moment in self.moments),
                *([axes.level(self.level)] if self.level is not None else []),
                element(
                    "g",
                    *(axes.band(line) for line in self.lines),
                    *(axes.line(line) for line in self.lines),
                    clip_path=f"url(#{self.key}-clip)",
                ),
                viewBox=f"0 0 {WIDTH} {HEIGHT}",
                role="img",
                aria_labelledby=f"{self.key}-title {self.key}-desc",
            ),
            element("figcaption", element("strong", self.title), " ", *self._legend()),
        )

    def _legend(self) -> list[Html]:
        return [
            element(
                "span", element("span", class_="swatch"), line.label, class_=_style(line.colour)
            )
            for line in self.lines
        ]


@dataclass(frozen=True, slots=True)
class _Axes:
    """Where values and moments lie."""

    first: datetime
    seconds: float
    low: float
    high: float
    step: float

    @classmethod
    def around(cls, plot: Plot, dots: Sequence[Dot]) -> _Axes:
        """Axes that hold every value, and the bands once they have narrowed.

        The first intervals are so wide that all else would be a flat line beside them.
        """
        values = [dot.value for dot in dots] + ([] if plot.level is None else [plot.level])
        for line in plot.lines:
            for dot in line.dots[len(line.dots) // 2 :]:
                values += [bound for bound in (dot.lower, dot.upper) if bound is not None]
        low, high = min(values), max(values)
        if high - low <= 1e-9 * max(abs(low), abs(high)):
            low, high = low - (abs(low) or 1.0) / 2, high + (abs(high) or 1.0) / 2
        step = _step((high - low) / 5, whole=plot.whole)
        times = [dot.time for dot in dots]
        first = min(times)
        return cls(
            first,
            (max(times) - first).total_seconds(),
            math.floor(low / step) * step,
            math.ceil(high / step) * step,
            step,
        )

    def x(self, time: datetime) -> float:
        if not self.seconds:
            return (_LEFT + WIDTH - _RIGHT) / 2
        part = (time - self.first).total_seconds() / self.seconds
        return _LEFT + 6 + min(max(part, 0.0), 1.0) * (WIDTH - _LEFT - _RIGHT - 12)

    def y(self, value: float) -> float:
        part = (value - self.low) / (self.high - self.low)
        return HEIGHT - _BOTTOM - min(max(part, -9.0), 10.0) * (HEIGHT - _TOP - _BOTTOM)

    def frame(self) -> Html:
        width, height = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
        return element("rect", x=_LEFT, y=_TOP - 4, width=width, height=height + 8)

    def grid(self, tick: Callable[[float], str]) -> list[Html]:
        parts = []
        for number in range(round((self.high - self.low) / self.step) + 1):
            value = self.low + number * self.step
            y = self.y(value)
            parts.append(element("line", x1=_LEFT, x2=WIDTH - _RIGHT, y1=y, y2=y, class_="grid"))
            # What is 0 but for rounding is 0.
            shown = tick(0.0 if abs(value) < self.step / 1e6 else value)
            parts.append(element("text", shown, x=_LEFT - 8, y=y + 4, text_anchor="end"))
        count = 4 if self.seconds else 0
        for number in range(count + 1):
            time = datetime.fromtimestamp(
                self.first.timestamp() + self.seconds * number / (count or 1), tz=UTC
            )
            anchor = {0: "start", count: "end"}.get(number, "middle") if count else "middle"
            words = time.strftime("%m-%d %H:%M" if self.seconds > 7_200 else "%H:%M:%S")
            parts.append(element("text", words, x=self.x(time), y=HEIGHT - 10, text_anchor=anchor))
        return parts

    def moment(self, time: datetime) -> Html:
        x = self.x(time)
        return element("line", x1=x, x2=x, y1=_TOP, y2=HEIGHT - _BOTTOM, class_="moment")

    def level(self, value: float) -> Html:
        y = self.y(value)
        return element("line", x1=_LEFT, x2=WIDTH - _RIGHT, y1=y, y2=y, class_="level")

    def band(self, line: Line) -> Html:
        bounded = [dot for dot in line.dots if dot.lower is not None and dot.upper is not None]
        if len(bounded) == 1:
            (dot,) = bounded
            x, lower, upper = self.x(dot.time), dot.lower or 0.0, dot.upper or 0.0
            ends = {"x1": x, "x2": x, "y1": self.y(lower), "y2": self.y(upper)}
            return element("line", class_=f"line {_style(line.colour)}", **ends)
        edge = [(self.x(dot.time), self.y(dot.upper or 0.0)) for dot in bounded]
        edge += [(self.x(dot.time), self.y(dot.lower or 0.0)) for dot in reversed(bounded)]
        return element("polygon", points=_points(edge), class_=f"band {_style(line.colour)}")

    def line(self, line: Line) -> Html:
        places = [(self.x(dot.time), self.y(dot.value)) for dot in line.dots]
        style = _style(line.colour)
        # Many dots would hide the line.
        dotted = places if len(places) <= 60 else [*places[:1], *places[-1:]]
        return element(
            "g",
            element("path", d="M" + _points(places), class_=f"line {style}"),
            *(element("circle", cx=x, cy=y, r=2.6, class_=style) for x, y in dotted),
        )


def _style(colour: int) -> str:
    dashed = " dashed" if (colour // COLOURS) % 2 else ""
    return f"c{colour % COLOURS}{dashed}"


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _step(rough: float, *, whole: bool) -> float:
    """The next of 1, 2, 5, 10, ... times a power of ten.

    >>> _step(0.3, whole=False), _step(0.3, whole=True), _step(7.0, whole=True)
    (0.5, 1.0, 10.0)
    """
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    return max(1.0, step) if whole else step
