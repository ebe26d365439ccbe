"""Messages of the Open Inference Protocol as values, and back.

The messages are tritonclient's: a second copy of the protocol in one process
would be refused by protobuf.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tritonclient.grpc import service_pb2 as pb

from algolink.errors import InvalidArgument
from algolink.names import shown
from inference_svc.domain import datatypes, delivery, tensors
from inference_svc.domain.datatypes import Datatype
from inference_svc.domain.delivery import Delivery, Parameter
from inference_svc.domain.requests import (
    InferRequest,
    InferResponse,
    ModelMetadata,
    check_parameters,
    echoed,
)
from inference_svc.domain.signature import FREE, TensorSpec
from inference_svc.domain.tensors import Tensor

_CONTENTS: Final = {
    Datatype.BOOL: "bool_contents",
    Datatype.INT8: "int_contents",
    Datatype.INT16: "int_contents",
    Datatype.INT32: "int_contents",
    Datatype.INT64: "int64_contents",
    Datatype.UINT8: "uint_contents",
    Datatype.UINT16: "uint_contents",
    Datatype.UINT32: "uint_contents",
    Datatype.UINT64: "uint64_contents",
    Datatype.FP32: "fp32_contents",
    Datatype.FP64: "fp64_contents",
    Datatype.BYTES: "bytes_contents",
}
"""Field of `InferTensorContents` by data type; FP16 and BF16 have none."""


def request_from_proto(request: pb.ModelInferRequest, version: int | None) -> InferRequest:
    """A request as a value.

    Args:
        version: number of the version to run, which a header may have named.

    Raises:
        InvalidArgument: for what cannot be read: CONTENTS_AMBIGUOUS,
            CONTENTS_COUNT_MISMATCH, CONTENTS_FIELD_MISMATCH, DATATYPE_UNKNOWN,
            PARAMETER_INVALID, SHAPE_INVALID, PAYLOAD_SHORT, PAYLOAD_LONG or
            VALUE_INVALID.
        Unimplemented: PARAMETER_UNSUPPORTED.
    """
    parameters = parameters_from_proto(request.parameters)
    check_parameters("the request", parameters)
    for part in request.inputs:
        if part.parameters:
            check_parameters(shown(part.name), parameters_from_proto(part.parameters))
    return InferRequest(
        model=request.model_name,
        version=version,
        inputs=_inputs(request),
        outputs=[output.name for output in request.outputs],
        id=request.id,
        parameters=parameters,
        deliveries={
            output.name: _delivery(output) for output in request.outputs if output.parameters
        },
    )


def response_to_proto(response: InferResponse) -> pb.ModelInferResponse:
    """An answer as a message; its tensors are always raw, which every client reads."""
    message = pb.ModelInferResponse(
        model_name=response.model,
        model_version=str(response.version),
        id=response.id,
        outputs=[
            pb.ModelInferResponse.InferOutputTensor(
                name=tensor.name, datatype=tensor.datatype, shape=tensor.shape
            )
            for tensor in response.outputs
        ],
        raw_output_contents=[tensors.to_raw(tensor) for tensor in response.outputs],
    )
    for name, value in echoed(response.parameters).items():
        message.parameters[name].CopyFrom(_parameter_to_proto(value))
    return message


def metadata_to_proto(metadata: ModelMetadata) -> pb.ModelMetadataResponse:
    """A model's metadata as a message."""
    return pb.ModelMetadataResponse(
        name=metadata.model,
        versions=[str(version) for version in metadata.versions],
        platform=metadata.platform,
        inputs=_specs_to_proto(metadata.signature.inputs),
        outputs=_specs_to_proto(metadata.signature.outputs),
    )


def parameters_from_proto(parameters: Mapping[str, pb.InferParameter]) -> dict[str, Parameter]:
    """Parameters as values; one without a value counts as empty text."""
    return {name: _parameter_from_proto(parameter) for name, parameter in parameters.items()}


def _inputs(request: pb.ModelInferRequest) -> list[Tensor]:
    raw = request.raw_input_contents
    if not raw:
        return [_from_contents(part) for part in request.inputs]
    if len(raw) != len(request.inputs):
        raise InvalidArgument(
            "CONTENTS_COUNT_MISMATCH",
            f"the request has {len(request.inputs)} inputs and {len(raw)} raw contents",
            inputs=len(request.inputs),
            raw_contents=len(raw),
        )
    return [_from_raw(part, payload) for part, payload in zip(request.inputs, raw, strict=True)]


def _from_raw(part: pb.ModelInferRequest.InferInputTensor, payload: bytes) -> Tensor:
    if part.HasField("contents"):
        raise InvalidArgument(
            "CONTENTS_AMBIGUOUS",
            f"input {shown(part.name)} has raw and typed contents both",
            input=shown(part.name),
        )
    datatype = datatypes.parse(part.name, part.datatype)
    return tensors.from_raw(part.name, datatype, part.shape, payload)


def _from_contents(part: pb.ModelInferRequest.InferInputTensor) -> Tensor:
    datatype = datatypes.parse(part.name, part.datatype)
    field = _CONTENTS.get(datatype)
    filled = [descriptor.name for descriptor, _ in part.contents.ListFields()]
    if field is None or any(name != field for name in filled):
        raise InvalidArgument(
            "CONTENTS_FIELD_MISMATCH",
            f"input {shown(part.name)} of {datatype} comes in {field or 'raw contents only'}, "
            f"not in {', '.join(filled) or 'typed contents'}",
            input=shown(part.name),
            datatype=datatype,
        )
    return tensors.from_numbers(part.name, datatype, part.shape, getattr(part.contents, field))


def _delivery(output: pb.ModelInferRequest.InferRequestedOutputTensor) -> Delivery:
    parameters = parameters_from_proto(output.parameters)
    check_parameters(shown(output.name), parameters)
    return delivery.parse(output.name, parameters, Delivery())


def _parameter_from_proto(parameter: pb.InferParameter) -> Parameter:
    kind = parameter.WhichOneof("parameter_choice")
    value: Parameter = "" if kind is None else getattr(parameter, kind)
    return value


def _parameter_to_proto(value: Parameter) -> pb.InferParameter:
    if isinstance(value, bool):
        return pb.InferParameter(bool_param=value)
    if isinstance(value, int):
        return (
            pb.InferParameter(int64_param=value)
            if value < 2**63
            else pb.InferParameter(uint64_param=value)
        )
    if isinstance(value, float):
        return pb.InferParameter(double_param=value)
    return pb.InferParameter(string_param=value)


def _specs_to_proto(specs: Sequence[TensorSpec]) -> list[Any]:
    return [
        pb.ModelMetadataResponse.TensorMetadata(
            name=spec.name,
            datatype=spec.datatype,
            shape=(FREE,) if spec.shape is None else spec.shape,
        )
        for spec in specs
    ]
