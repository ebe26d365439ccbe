"""Renderings as text that is the same every time, fit for version control."""

from __future__ import annotations

import hashlib
import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import yaml

from mesh.targets.rendering import Rendering, model_file

_MARK = "# Rendered by `algolink mesh render`"
_DIGEST = re.compile(r"^# digest: ([0-9a-f]{16})$", re.MULTILINE)
_WIDTH = 100
_REMEMBERED = 20_000
"""Resources whose text is kept, for whoever renders one table after another."""


LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Reads plain YAML; ten times as fast where the library was built with libyaml."""

_SAFE_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_SAFE_DUMPER):  # type: ignore[misc]  # one of two that are alike
    """Writes text of several lines as such, and nothing by reference."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - as the base class has it
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def texts(rendering: Rendering) -> dict[str, str]:
    """Text of each file of a rendering, by its relative path, in its order."""
    return {
        path: _document(rendering, path, body(objects)) for path, objects in rendering.files.items()
    }


def is_ours(text: str) -> bool:
    """Whether a file was rendered, and is as it was rendered."""
    if not text.startswith(_MARK):
        return False
    found = _DIGEST.search(text)
    head, mark, body = text.partition("---\n")
    return found is not None and found[1] == _digest(body) and bool(mark) and _is_comment(head)


def is_edited(text: str) -> bool:
    """Whether a file was rendered, and is not as it was rendered."""
    return text.startswith(_MARK) and not is_ours(text)


def comment(text: str) -> str:
    """The head of a file, but for its digest."""
    head, _, _ = text.partition("---\n")
    return _DIGEST.sub("# digest", head)


def _is_comment(head: str) -> bool:
    return all(line.startswith("#") for line in head.splitlines())


def _document(rendering: Rendering, path: str, body: str) -> str:
    lines = [*_header(rendering, path), f"# digest: {_digest(body)}", "---"]
    return "\n".join(lines) + "\n" + body


def _header(rendering: Rendering, path: str) -> Iterator[str]:
    """Says nothing that changes with other files, so that a change of one is seen as that."""
    yield f"{_MARK} for {rendering.target}. Change the table instead: edits"
    yield "# are lost with the next rendering."
    for note in rendering.notes:
        yield from _wrapped(note, indent="")
    limitations = [
        limitation
        for limitation in rendering.limitations
        if not limitation.model or path in (model_file(limitation.model), rendering.models_file)
    ]
    if limitations:
        yield "#"
        yield f"# What the table says and {rendering.target} does not do:"
        for limitation in limitations:
            yield from _wrapped(f"- {limitation}", indent="  ")
    yield "#"


def _wrapped(text: str, *, indent: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent="# ",
        subsequent_indent=f"# {indent}",
        break_long_words=False,
        break_on_hyphens=False,
    )


def body(values: Sequence[Any]) -> str:
    """Values, objects most of all, as documents of YAML."""
    return "---\n".join(map(_whole, values))


def _whole(value: Any) -> str:
    """Of thousands of resources few are not as they were in the table before."""
    if not isinstance(value, dict) or list(value) != ["version_info", "resources"]:
        return _yaml(value)
    listed = value["resources"]
    if not listed:
        return _yaml(value)
    head = _yaml({"version_info": value["version_info"]})
    return head + "resources:\n" + "".join(_one(json.dumps(each)) for each in listed)


@lru_cache(maxsize=_REMEMBERED)
def _one(resource: str) -> str:
    return _yaml([json.loads(resource)])


def _yaml(value: Any) -> str:
    return str(
        yaml.dump(
            value, Dumper=_Dumper, sort_keys=False, default_flow_style=False, allow_unicode=True
        )
    )


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:16]
