"""JSON bodies of the Open Inference Protocol as values, and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, TypeVar

from algolink.errors import InvalidArgument, Unimplemented
from algolink.names import shown
from inference_svc.domain import datatypes, json_values
from inference_svc.domain.requests import (
    InferRequest,
    InferResponse,
    ModelMetadata,
    Parameter,
    check_parameters,
)
from inference_svc.domain.signature import FREE, TensorSpec
from inference_svc.domain.tensors import Tensor

BINARY_HEADER: Final = "Inference-Header-Content-Length"
"""Announces the binary tensor extension."""

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


def request_from_json(body: dict[str, Any], model: str, version: int | None) -> InferRequest:
    """A request as a value.

    Raises:
        InvalidArgument: BODY_INVALID, DATATYPE_UNKNOWN, and what
            `json_values.from_json` refuses.
        Unimplemented: PARAMETER_UNSUPPORTED.
    """
    parameters = _parameters(body, "the request")
    outputs = _objects(body, "outputs", [])
    for output in outputs:
        _parameters(output, "an output")
    return InferRequest(
        model=model,
        version=version,
        inputs=[_input(entry) for entry in _objects(body, "inputs", _REQUIRED)],
        outputs=[_field(output, "name", str, "an output") for output in outputs],
        id=_field(body, "id", str, "the request", ""),
        parameters=parameters,
    )


def response_to_json(response: InferResponse) -> dict[str, Any]:
    """An answer as a JSON object; `id` and `parameters` only where the request had them."""
    body: dict[str, Any] = {
        "model_name": response.model,
        "model_version": str(response.version),
        "outputs": [
            {
                "name": tensor.name,
                "datatype": tensor.datatype.value,
                "shape": list(tensor.shape),
                "data": json_values.to_json(tensor),
            }
            for tensor in response.outputs
        ],
    }
    if response.id:
        body["id"] = response.id
    if response.parameters:
        body["parameters"] = dict(response.parameters)
    return body


def metadata_to_json(metadata: ModelMetadata) -> dict[str, Any]:
    """A model's metadata as a JSON object."""
    return {
        "name": metadata.model,
        "versions": [str(version) for version in metadata.versions],
        "platform": metadata.platform,
        "inputs": _specs(metadata.signature.inputs),
        "outputs": _specs(metadata.signature.outputs),
    }


def binary_unsupported() -> Unimplemented:
    """What a request gets that comes with binary tensors."""
    return Unimplemented(
        "BINARY_UNSUPPORTED",
        "this server does not offer the binary tensor extension: send `data` as JSON",
    )


def _input(entry: dict[str, Any]) -> Tensor:
    name = _field(entry, "name", str, "an input")
    what = f"input {shown(name)}"
    if "binary_data_size" in _parameters(entry, what):
        raise binary_unsupported()
    shape = _field(entry, "shape", list, what)
    for axis in shape:
        _typed(axis, int, f"an axis of {what}")
    datatype = datatypes.parse(name, _field(entry, "datatype", str, what))
    if "data" not in entry:
        raise _missing("data", what)
    return json_values.from_json(name, datatype, shape, entry["data"])


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
