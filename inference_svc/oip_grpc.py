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
from inference_svc.domain.delivery import Delivery
from inference_svc.domain.parameters import Parameter
from inference_svc.domain.regions import Place, Reader, parse_place, place_to_parameters
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


def request_from_proto(
    request: pb.ModelInferRequest, version: int | None, memory: Reader
) -> InferRequest:
    """A request as a value.

    Args:
        version: number of the version to run, which a header may have named.
        memory: reads the inputs that lie in shared memory.

    Raises:
        InvalidArgument: for what cannot be read: CONTENTS_AMBIGUOUS,
            CONTENTS_COUNT_MISMATCH, CONTENTS_FIELD_MISMATCH, DATATYPE_UNKNOWN,
            PARAMETER_INVALID, SHAPE_INVALID, PAYLOAD_SHORT, PAYLOAD_LONG or
            VALUE_INVALID; DELIVERY_AMBIGUOUS; and what `Reader.read` refuses.
        FailedPrecondition: REGION_GONE.
        Unimplemented: PARAMETER_UNSUPPORTED.
    """
    parameters = parameters_from_proto(request.parameters)
    check_parameters("the request", parameters)
    return InferRequest(
        model=request.model_name,
        version=version,
        inputs=_inputs(request, memory),
        outputs=[output.name for output in request.outputs],
        id=request.id,
        parameters=parameters,
        deliveries={
            output.name: _delivery(output) for output in request.outputs if output.parameters
        },
    )


def response_to_proto(response: InferResponse, request: InferRequest) -> pb.ModelInferResponse:
    """An answer as a message; its tensors are always raw, which every client reads.

    The raw contents of an output in shared memory are empty, because clients count
    them.
    """
    message = pb.ModelInferResponse(
        model_name=response.model, model_version=str(response.version), id=response.id
    )
    for tensor in response.outputs:
        output = message.outputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        place = request.delivery_of(tensor.name).place
        message.raw_output_contents.append(b"" if place else tensors.to_raw(tensor))
        for name, value in (place_to_parameters(place) if place else {}).items():
            output.parameters[name].CopyFrom(_parameter_to_proto(value))
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


def _inputs(request: pb.ModelInferRequest, memory: Reader) -> list[Tensor]:
    parts = [(part, _place(part)) for part in request.inputs]
    raw = request.raw_input_contents
    here = sum(place is None for _, place in parts)
    if raw and len(raw) != here:
        raise InvalidArgument(
            "CONTENTS_COUNT_MISMATCH",
            f"the request has {here} inputs outside of shared memory and {len(raw)} raw contents",
            inputs=here,
            raw_contents=len(raw),
        )
    payloads = iter(raw)
    inputs: list[Tensor] = []
    for part, place in parts:
        if place is not None:
            inputs.append(_from_raw(part, memory.read(place)))
        elif raw:
            inputs.append(_from_raw(part, next(payloads)))
        else:
            inputs.append(_from_contents(part))
    return inputs


def _place(part: pb.ModelInferRequest.InferInputTensor) -> Place | None:
    if not part.parameters:
        return None
    parameters = parameters_from_proto(part.parameters)
    check_parameters(shown(part.name), parameters)
    return parse_place(part.name, parameters)


def _from_raw(part: pb.ModelInferRequest.InferInputTensor, payload: bytes) -> Tensor:
    # MLServer's client leaves an empty message where its raw contents stand for it.
    if part.HasField("contents") and part.contents.ListFields():
        raise InvalidArgument(
            "CONTENTS_AMBIGUOUS",
            f"input {shown(part.name)} has raw, or shared, and typed contents both",
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
