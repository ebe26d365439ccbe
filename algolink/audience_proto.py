"""Conditions of audiences as messages, and back."""

from __future__ import annotations

from algolink import audience
from algolink.router.v1 import rules_pb2 as pb


def to_proto(condition: audience.Condition) -> pb.Condition:
    """`from_proto` is the inverse."""
    message = pb.Condition(attribute=condition.attribute, negated=condition.negated)
    match condition.test:
        case audience.Equals(value):
            message.equals = value
        case audience.In(values):
            message.any_of.values.extend(values)
        case audience.Prefix(value):
            message.prefix = value
        case audience.Regex(pattern):
            message.regex = pattern
        case audience.Range(start, end):
            message.range.CopyFrom(pb.IntegerRange(start=start, end=end))
    return message


def from_proto(message: pb.Condition) -> audience.Condition:
    """A condition as somebody sent it.

    Raises:
        InvalidArgument: CONDITION_INVALID, saying why.
        ValueError: if it has no test.
    """
    test: audience.Test
    match message.WhichOneof("test"):
        case "equals":
            test = audience.Equals(message.equals)
        case "any_of":
            test = audience.In(tuple(message.any_of.values))
        case "prefix":
            test = audience.Prefix(message.prefix)
        case "regex":
            test = audience.Regex(message.regex)
        case "range":
            test = audience.Range(message.range.start, message.range.end)
        case _:
            raise ValueError("a condition needs a test: equals, any_of, prefix, regex or range")
    return audience.Condition(attribute=message.attribute, test=test, negated=message.negated)
