"""Messages of the Open Inference Protocol (version 2): requests and answers.

Importing this takes a while (tritonclient, numpy), so the clients do it with
the first prediction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy.typing as npt
from tritonclient.grpc import service_pb2 as pb

from algolink import audience, names
from algolink.client import tensors
from algolink.client.prediction import Inputs, Prediction, Takes
from algolink.client.registry import model_name
from algolink.client.tensors import Array
from algolink.errors import InvalidArgument

INFER_PATH = "/inference.GRPCInferenceService/ModelInfer"
METADATA_PATH = "/inference.GRPCInferenceService/ModelMetadata"

# tritonclient comes without types.
InferReply: Any = pb.ModelInferResponse
MetadataReply: Any = pb.ModelMetadataResponse


def metadata_request(model: str, version: int | None) -> pb.ModelMetadataRequest:
    return pb.ModelMetadataRequest(name=model_name(model).model, version=_version(version))


def to_takes(metadata: pb.ModelMetadataResponse) -> Takes:
    return Takes({tensor.name: tensor.datatype for tensor in metadata.inputs})


def infer_request(model: str, x: Inputs, takes: Takes, version: int | None) -> pb.ModelInferRequest:
    """Asks `model` for a prediction.

    Raises:
        InvalidArgument: INPUT_NAME_REQUIRED, if the model takes several inputs
            and `x` does not name them; INPUT_UNKNOWN; TENSOR_INVALID;
            DATATYPE_UNSUPPORTED.
    """
    request = pb.ModelInferRequest(
        model_name=model_name(model).model, model_version=_version(version)
    )
    for name, value in _by_name(model, x, takes).items():
        datatype = takes.datatypes[name]
        array = tensors.as_tensor(name, value, datatype)
        request.inputs.add(name=name, datatype=datatype, shape=array.shape)
        request.raw_input_contents.append(tensors.to_raw(array, datatype))
    return request


def request_metadata(
    unit: str | None, attributes: Mapping[str, str] | None = None
) -> tuple[tuple[str, str], ...]:
    """Says for which unit a prediction is, and what is known about it.

    Raises:
        InvalidArgument: UNIT_INVALID or ATTRIBUTE_INVALID. The data plane would
            ignore such a unit or attribute without a word; a caller of ours
            rather hears of it.
    """
    headers = []
    if unit is not None:
        if not names.is_unit(unit):
            raise InvalidArgument(
                "UNIT_INVALID",
                f"{names.shown(unit)} is not a unit: it must match {names.UNIT_PATTERN}",
                unit=names.shown(unit),
            )
        headers.append((names.UNIT_HEADER, unit))
    for name, value in (attributes or {}).items():
        audience.check_attribute(name, value)
        headers.append((audience.HEADER_PREFIX + name, value))
    return tuple(headers)


def to_prediction(
    model: str, response: pb.ModelInferResponse, metadata: Iterable[tuple[str, str | bytes]]
) -> Prediction:
    """What was answered.

    Raises:
        DataLoss: TENSOR_INVALID, if the answer contradicts itself.
    """
    headers = {key: value for key, value in metadata if isinstance(value, str)}
    version = headers.get(names.VERSION_HEADER) or response.model_version
    return Prediction(
        model=model_name(model).model,
        outputs=_outputs(response),
        version=int(version) if version.isdecimal() else 0,
        arm=headers.get(names.ARM_HEADER, ""),
        experiment=headers.get(names.EXPERIMENT_HEADER, ""),
        request_id=headers.get(names.REQUEST_ID_HEADER, ""),
    )


def _outputs(response: pb.ModelInferResponse) -> dict[str, Array]:
    raw = response.raw_output_contents
    outputs: dict[str, Array] = {}
    for index, tensor in enumerate(response.outputs):
        name, datatype, shape = tensor.name, tensor.datatype, list(tensor.shape)
        if index < len(raw):
            outputs[name] = tensors.from_raw(name, raw[index], datatype, shape)
        else:
            outputs[name] = tensors.from_contents(name, tensor.contents, datatype, shape)
    return outputs


def _by_name(model: str, x: Inputs, takes: Takes) -> Mapping[str, npt.ArrayLike]:
    known = ", ".join(takes.datatypes)
    if not isinstance(x, Mapping):
        if len(takes.datatypes) != 1:
            raise InvalidArgument(
                "INPUT_NAME_REQUIRED",
                f"{model} takes {len(takes.datatypes)} inputs: name them ({known})",
                model=model,
            )
        return {next(iter(takes.datatypes)): x}
    for name in x:
        if name not in takes.datatypes:
            raise InvalidArgument(
                "INPUT_UNKNOWN",
                f"{model} takes no input {names.shown(name)}: it takes {known}",
                model=model,
                input=names.shown(name),
            )
    return x


def _version(version: int | None) -> str:
    return "" if version is None else str(version)
