"""HTML from values: whatever is not markup is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

_VOID = ("meta", "line", "circle", "path", "polygon", "rect", "br")


class Html(str):
    """Markup, made by `element` alone; every other text is escaped when it is put in."""

    __slots__ = ()


def element(tag: str, *children: str, **attributes: str | float) -> Html:
    """An element; a trailing or inner `_` of an attribute's name becomes `-`.

    >>> element("p", "1 < 2", element("b", "so"), class_="x")
    '<p class="x">1 &lt; 2<b>so</b></p>'
    """
    named = "".join(
        f' {_name(name)}="{html.escape(_value(value))}"' for name, value in attributes.items()
    )
    if tag in _VOID:
        return Html(f"<{tag}{named}/>")
    return Html(f"<{tag}{named}>{joined(children)}</{tag}>")


def joined(children: Iterable[str]) -> Html:
    """Several pieces one after another."""
    return Html(
        "".join(
            child if isinstance(child, Html) else html.escape(child, quote=False)
            for child in children
        )
    )


def table(
    caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]], *, whole: bool = False
) -> Html:
    """A table that scrolls where it is too large; its first column names the row.

    Args:
        whole: never cut its height.
    """
    body = [
        element(
            "tr",
            element("th", row[0], scope="row"),
            *(element("td", cell) for cell in row[1:]),
        )
        for row in rows
    ]
    if not body:
        body = [element("tr", element("td", "nothing yet", colspan=len(heads)))]
    return element(
        "div",
        element(
            "table",
            element("caption", caption),
            element("thead", element("tr", *(element("th", head, scope="col") for head in heads))),
            element("tbody", *body),
        ),
        class_="table whole" if whole else "table",
        role="region",
        aria_label=caption,
        tabindex=0,
    )


def _name(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def _value(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:g}"
