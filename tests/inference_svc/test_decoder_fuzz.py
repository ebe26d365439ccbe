"""Whatever arrives, the request decoders give a request or a clear refusal."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tritonclient.grpc import service_pb2 as pb

from algolink.errors import InvalidArgument, Unimplemented
from inference_svc import oip_binary, oip_grpc, oip_json
from inference_svc.domain import tensors
from inference_svc.domain.datatypes import Datatype
from inference_svc.domain.regions import Place
from inference_svc.domain.requests import InferRequest

NAMES = st.sampled_from(["x", "y", "", "\x00", "ü" * 50])
DATATYPES = st.sampled_from([*Datatype, "FP33", ""])
AXES = st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-1, 4), max_size=4)
LYING = st.integers(0, 2**32 - 1).map(lambda length: length.to_bytes(4, "little"))
PAYLOADS = st.lists(st.binary(max_size=9) | LYING, max_size=4).map(b"".join)
PARAMETERS = st.dictionaries(
    st.sampled_from(
        ["a", "classification", "binary_data", "binary_data_size", "shared_memory_region",
         "shared_memory_offset", "shared_memory_byte_size", "sequence_id"]
    ),
    st.sampled_from(
        [pb.InferParameter(int64_param=-1), pb.InferParameter(int64_param=3),
         pb.InferParameter(string_param="x"), pb.InferParameter(bool_param=True),
         pb.InferParameter(uint64_param=2**64 - 1), pb.InferParameter(double_param=1e300),
         pb.InferParameter()]
    ),
    max_size=2,
)  # fmt: skip
CONTENTS = st.builds(
    pb.InferTensorContents,
    bool_contents=st.lists(st.booleans(), max_size=2),
    int_contents=st.lists(st.integers(-(2**31), 2**31 - 1), max_size=2),
    uint64_contents=st.lists(st.integers(0, 2**64 - 1), max_size=2),
    fp32_contents=st.lists(st.floats(width=32), max_size=2),
    bytes_contents=st.lists(st.binary(max_size=4), max_size=2),
)
INPUTS = st.builds(
    pb.ModelInferRequest.InferInputTensor,
    name=NAMES,
    datatype=DATATYPES,
    shape=AXES,
    parameters=PARAMETERS,
    contents=st.none() | CONTENTS,
)
OUTPUTS = st.builds(
    pb.ModelInferRequest.InferRequestedOutputTensor, name=NAMES, parameters=PARAMETERS
)
REQUESTS = st.builds(
    pb.ModelInferRequest,
    model_name=NAMES,
    id=NAMES,
    parameters=PARAMETERS,
    inputs=st.lists(INPUTS, max_size=3),
    outputs=st.lists(OUTPUTS, max_size=2),
    raw_input_contents=st.lists(PAYLOADS, max_size=3),
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["inputs", "outputs", "name", "datatype", "shape", "data", "id", "parameters"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
JSON_INPUTS = st.fixed_dictionaries(
    {"name": NAMES, "datatype": DATATYPES, "shape": AXES | JSON},
    optional={
        "data": JSON,
        "parameters": st.dictionaries(
            st.sampled_from(["binary_data_size", "shared_memory_region", "a"]),
            st.integers(-1, 2**65) | JSON,
            max_size=2,
        ),
    },
)
BODIES = JSON | st.fixed_dictionaries({"inputs": st.lists(JSON_INPUTS, max_size=3)})


class EmptyMemory:
    """Shared memory without any region."""

    def read(self, place: Place) -> bytes:
        raise InvalidArgument("REGION_UNKNOWN", f"no region {place.region}")


def check(request: InferRequest, limit_bytes: int) -> None:
    """What was let through is sound, and no larger than what came."""
    for tensor in request.inputs:
        assert tensor.data.dtype == tensor.datatype.numpy
        assert tensor.data.size == tensors.element_count(tensor.name, tensor.shape)
        assert tensor.data.size <= limit_bytes


@settings(max_examples=300, deadline=None)
@given(REQUESTS)
def test_no_message_brings_the_decoder_down(message: pb.ModelInferRequest) -> None:
    try:
        request = oip_grpc.request_from_proto(message, None, EmptyMemory())
    except (InvalidArgument, Unimplemented):
        return

    check(request, message.ByteSize())


@settings(max_examples=300, deadline=None)
@given(BODIES, PAYLOADS, st.none() | st.integers(-4, 4))
def test_no_json_brings_the_decoder_down(body: Any, payload: bytes, off_by: int | None) -> None:
    encoded = json.dumps(body).encode()
    length = None if off_by is None else str(len(encoded) + off_by)
    try:
        head, tail = oip_binary.split(encoded + payload, length)
        request = oip_json.request_from_json(
            oip_json.parse_body(head), tail, "m", None, EmptyMemory()
        )
    except (InvalidArgument, Unimplemented):
        return

    check(request, len(encoded) + len(payload))


@given(st.binary(max_size=64))
def test_no_bytes_are_taken_for_json(body: bytes) -> None:
    try:
        parsed = oip_json.parse_body(body)
    except InvalidArgument:
        return

    assert parsed == json.loads(body)
