"""On which line of a YAML file each key is."""

from __future__ import annotations

from collections.abc import Iterator

import yaml


def lines_of(text: str) -> tuple[dict[str, int], list[str]]:
    r"""Line of every path, from 1, and the paths of keys that are there twice.

    What an alias repeats is where it was first written.

    Raises:
        yaml.YAMLError: if it is not YAML.

    >>> lines_of("a:\n  b:\n  - c: 1\n  - c: 2\n")
    ({'a': 1, 'a.b': 2, 'a.b[0]': 3, 'a.b[0].c': 3, 'a.b[1]': 4, 'a.b[1].c': 4}, [])
    """
    lines: dict[str, int] = {}
    twice: list[str] = []
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    for path, line in _walk(root, "", set()) if root is not None else ():
        if path in lines:
            twice.append(path)
        lines[path] = line
    return lines, twice


def _walk(node: yaml.Node, path: str, seen: set[int]) -> Iterator[tuple[str, int]]:
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = f"{path}.{key.value}" if path else str(key.value)
            yield inner, key.start_mark.line + 1
            yield from _walk(value, inner, seen)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield f"{path}[{index}]", item.start_mark.line + 1
            yield from _walk(item, f"{path}[{index}]", seen)
