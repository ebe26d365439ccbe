"""Whether callers of one version could be answered by another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from registry_svc.domain.versions import Signature, TensorSpec


class Side(StrEnum):
    """Where a tensor is."""

    INPUT = "INPUT"
    OUTPUT = "OUTPUT"


class Change(StrEnum):
    """What is not the same."""

    ADDED = "ADDED"
    REMOVED = "REMOVED"
    DATATYPE = "DATATYPE"
    SHAPE = "SHAPE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What is not the same in one tensor.

    Attributes:
        tensor: its name.
        base: None if the base has no such tensor.
        candidate: None if the candidate has none.
        breaking: whether a caller of the base could fail on it.
        explanation: for people, in one sentence.
    """

    side: Side
    change: Change
    tensor: str
    base: TensorSpec | None
    candidate: TensorSpec | None
    breaking: bool
    explanation: str


def differences(base: Signature, candidate: Signature) -> tuple[Difference, ...]:
    """What is not the same, inputs first, each side by the tensors' names.

    A candidate without a breaking difference takes every request that the base
    takes and gives every output that it promises, of a shape that it promises.
    """
    return (
        *_of_side(Side.INPUT, base.inputs, candidate.inputs),
        *_of_side(Side.OUTPUT, base.outputs, candidate.outputs),
    )


def _of_side(
    side: Side, base: tuple[TensorSpec, ...], candidate: tuple[TensorSpec, ...]
) -> Iterator[Difference]:
    old, new = ({tensor.name: tensor for tensor in tensors} for tensors in (base, candidate))
    for name in sorted(old.keys() | new.keys()):
        found = _of_tensor(side, old.get(name), new.get(name))
        if found is not None:
            change, breaking, explanation = found
            yield Difference(
                side=side,
                change=change,
                tensor=name,
                base=old.get(name),
                candidate=new.get(name),
                breaking=breaking,
                explanation=explanation,
            )


def _of_tensor(
    side: Side, base: TensorSpec | None, candidate: TensorSpec | None
) -> tuple[Change, bool, str] | None:
    if base is None:
        return Change.ADDED, True, _ADDED[side]
    if candidate is None:
        return Change.REMOVED, True, _REMOVED[side]
    if base.datatype != candidate.datatype:
        return Change.DATATYPE, True, f"{base.datatype} became {candidate.datatype}"
    if base.shape == candidate.shape:
        return None
    # Data flows from the caller into an input, and from an output to the caller.
    source, sink = (base, candidate) if side is Side.INPUT else (candidate, base)
    if _fits(source.shape, sink.shape):
        return Change.SHAPE, False, _LIBERAL[side]
    return Change.SHAPE, True, _NARROW[side]


def _fits(source: tuple[int, ...], sink: tuple[int, ...]) -> bool:
    """Whether all that `source` describes is described by `sink`.

    >>> _fits((1, 4), (-1, 4)), _fits((-1, 4), (1, 4)), _fits((4,), (-1, 4))
    (True, False, False)
    """
    return len(source) == len(sink) and all(
        accepted in (-1, given) for given, accepted in zip(source, sink, strict=True)
    )


_ADDED = {
    Side.INPUT: "callers do not send it",
    Side.OUTPUT: "callers do not expect it",
}
_REMOVED = {
    Side.INPUT: "callers send it",
    Side.OUTPUT: "callers expect it",
}
_LIBERAL = {
    Side.INPUT: "the candidate takes all that callers send",
    Side.OUTPUT: "the candidate gives only what callers expect",
}
_NARROW = {
    Side.INPUT: "the candidate does not take all that callers send",
    Side.OUTPUT: "the candidate may give what callers do not expect",
}
