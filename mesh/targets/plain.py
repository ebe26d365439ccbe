"""Messages as plain mappings and lists, the same every time."""

from __future__ import annotations

from typing import Any

from google.protobuf import json_format, message

Json = dict[str, Any]


def plain(body: message.Message) -> Json:
    """`body` as JSON values, with the names of its fields as they are in protos."""
    values: Json = json_format.MessageToDict(body, preserving_proto_field_name=True)
    ordered: Json = _ordered(values)
    return ordered


def _ordered(value: Any) -> Any:
    """`value` with its keys in one order, which maps of messages do not have."""
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value, key=_rank)}
    if isinstance(value, list):
        return [_ordered(item) for item in value]
    return value


def _rank(key: str) -> tuple[int, str]:
    """What a thing is and how it is called come first, as a reader wants to know it."""
    return (("@type", "name").index(key) if key in ("@type", "name") else 2, key)
