"""JSON bodies of the Open Inference Protocol as values, and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, TypeVar

from algolink.errors import InvalidArgument
from algolink.names import shown
from inference_svc.domain import datatypes, delivery, json_values, tensors
from inference_svc.domain.delivery import Delivery
from inference_svc.domain.parameters import Parameter, parse_size
from inference_svc.domain.regions import Reader, parse_place, place_to_parameters
from inference_svc.domain.requests import (
    InferRequest,
    InferResponse,
    ModelMetadata,
    check_parameters,
    echoed,
)
from inference_svc.domain.signature import FREE, TensorSpec
from inference_svc.domain.tensors import Tensor
from inference_svc.oip_binary import Tail

T = TypeVar("T")

_REQUIRED: Final = object()


def parse_body(body: bytes) -> dict[str, Any]:
    """The object that `body` holds.

    Raises:
        InvalidArgument: BODY_INVALID.
    """
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidArgument("BODY_INVALID", f"the body is not JSON: {error}") from error
    return _typed(parsed, dict, "the body")


def parameters_of(body: dict[str, Any]) -> dict[str, Any]:
    """The `parameters` of a body, whatever they are.

    Raises:
        InvalidArgument: BODY_INVALID, if they are no object.
    """
    return _field(body, "parameters", dict, "the request", {})


def request_from_json(
    body: dict[str, Any], tail: Tail, model: str, version: int | None, memory: Reader
) -> InferRequest:
    """A request as a value.

    Args:
        tail: the bytes of its binary inputs, all of which must be taken.
        memory: reads the inputs that lie in shared memory.

    Raises:
        InvalidArgument: BODY_INVALID, CONTENTS_AMBIGUOUS, DATATYPE_UNKNOWN,
            PARAMETER_INVALID, DELIVERY_AMBIGUOUS, and what `json_values.from_json`,
            `tensors.from_raw` and `Reader.read` refuse.
        FailedPrecondition: REGION_GONE.
        Unimplemented: PARAMETER_UNSUPPORTED.
    """
    parameters = _parameters(body, "the request")
    default = delivery.parse_default(parameters)
    outputs = _objects(body, "outputs", [])
    inputs = [_input(entry, tail, memory) for entry in _objects(body, "inputs", _REQUIRED)]
    tail.check_empty()
    return InferRequest(
        model=model,
        version=version,
        inputs=inputs,
        outputs=[_field(output, "name", str, "an output") for output in outputs],
        id=_field(body, "id", str, "the request", ""),
        parameters=parameters,
        deliveries={
            output["name"]: delivery.parse(
                output["name"], _parameters(output, "an output"), default
            )
            for output in outputs
        },
        delivery=default,
    )


def response_to_json(
    response: InferResponse, request: InferRequest
) -> tuple[dict[str, Any], list[bytes]]:
    """An answer as a JSON object, and the bytes of its binary outputs that follow it.

    `id` and `parameters` are there only where the request had them.
    """
    parts: list[bytes] = []
    body: dict[str, Any] = {
        "model_name": response.model,
        "model_version": str(response.version),
        "outputs": [
            _output(tensor, request.delivery_of(tensor.name), parts) for tensor in response.outputs
        ],
    }
    if response.id:
        body["id"] = response.id
    parameters = echoed(response.parameters)
    if parameters:
        body["parameters"] = parameters
    return body, parts


def metadata_to_json(metadata: ModelMetadata) -> dict[str, Any]:
    """A model's metadata as a JSON object."""
    return {
        "name": metadata.model,
        "versions": [str(version) for version in metadata.versions],
        "platform": metadata.platform,
        "inputs": _specs(metadata.signature.inputs),
        "outputs": _specs(metadata.signature.outputs),
    }


def _input(entry: dict[str, Any], tail: Tail, memory: Reader) -> Tensor:
    name = _field(entry, "name", str, "an input")
    what = f"input {shown(name)}"
    parameters = _parameters(entry, what)
    shape = _field(entry, "shape", list, what)
    for axis in shape:
        _typed(axis, int, f"an axis of {what}")
    datatype = datatypes.parse(name, _field(entry, "datatype", str, what))
    place = parse_place(name, parameters)
    sources = ("data" in entry, "binary_data_size" in parameters, place is not None)
    if not any(sources):
        raise _missing("data", what)
    if sum(sources) > 1:
        raise InvalidArgument(
            "CONTENTS_AMBIGUOUS",
            f"{what} comes in more than one of `data`, binary data and shared memory",
            input=shown(name),
        )
    if place is not None:
        return tensors.from_raw(name, datatype, shape, memory.read(place))
    if "data" in entry:
        return json_values.from_json(name, datatype, shape, entry["data"])
    size = parse_size(name, parameters, "binary_data_size")
    return tensors.from_raw(name, datatype, shape, tail.take(what, size))


def _output(tensor: Tensor, how: Delivery, parts: list[bytes]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": tensor.name,
        "datatype": tensor.datatype.value,
        "shape": list(tensor.shape),
    }
    if how.place is not None:
        entry["parameters"] = place_to_parameters(how.place)
    elif how.is_binary:
        parts.append(tensors.to_raw(tensor))
        entry["parameters"] = {"binary_data_size": len(parts[-1])}
    else:
        entry["data"] = json_values.to_json(tensor)
    return entry


def _parameters(entry: dict[str, Any], what: str) -> dict[str, Parameter]:
    parameters = _field(entry, "parameters", dict, what, {})
    for name, value in parameters.items():
        if not isinstance(value, bool | int | float | str):
            raise _invalid(f"parameter {shown(name)} of {what} must be a scalar")
    check_parameters(what, parameters)
    return parameters


def _objects(entry: dict[str, Any], key: str, default: Any) -> list[dict[str, Any]]:
    entries: list[Any] = _field(entry, key, list, "the request", default)
    return [_typed(item, dict, f"each of `{key}`") for item in entries]


def _field(
    entry: dict[str, Any], key: str, kind: type[T], what: str, default: Any = _REQUIRED
) -> T:
    if key in entry:
        return _typed(entry[key], kind, f"`{key}` of {what}")
    if default is _REQUIRED:
        raise _missing(key, what)
    value: T = default
    return value


def _typed(value: object, kind: type[T], what: str) -> T:
    # A bool is an int to Python, and no size to anybody.
    if not isinstance(value, kind) or isinstance(value, bool):
        raise _invalid(f"{what} must be {_KIND[kind]}, not {shown(repr(value))}")
    return value


_KIND: Final[dict[type, str]] = {
    dict: "an object",
    list: "a list",
    str: "a string",
    int: "an integer",
}


def _missing(key: str, what: str) -> InvalidArgument:
    return _invalid(f"{what} has no `{key}`")


def _invalid(message: str) -> InvalidArgument:
    return InvalidArgument("BODY_INVALID", message)


def _specs(specs: Sequence[TensorSpec]) -> list[dict[str, Any]]:
    return [
        {
            "name": spec.name,
            "datatype": spec.datatype.value,
            "shape": [FREE] if spec.shape is None else list(spec.shape),
        }
        for spec in specs
    ]
