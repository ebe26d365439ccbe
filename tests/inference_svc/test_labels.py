"""Names of classes, from an ONNX file's metadata to the answers that have them."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
import tritonclient.grpc.aio as triton
import tritonclient.http.aio as triton_http
from onnx import TensorProto

from inference_svc.domain.holding import State
from tests.inference_svc import onnx_models
from tests.inference_svc.replicas import Replica

SCORES = np.array([[0.1, 0.7, 0.2, 0.0], [0.9, 0.0, 0.0, 0.1]], dtype=np.float32)


def labelled(properties: dict[str, str], element: int = TensorProto.FLOAT) -> bytes:
    return onnx_models.with_metadata(onnx_models.identity(element), properties)


async def test_classes_come_with_their_labels_on_both_transports(
    replica: Replica, client: triton.InferenceServerClient
) -> None:
    artifact = labelled({"algolink.labels.y": "cat\ndog\n\nred panda\n", "author": "me"})
    await replica.hold(replica.source.add("pets", 1, artifact))
    tensor = triton.InferInput("x", list(SCORES.shape), "FP32")
    tensor.set_data_from_numpy(SCORES)
    http_tensor = triton_http.InferInput("x", list(SCORES.shape), "FP32")
    http_tensor.set_data_from_numpy(SCORES)

    over_grpc = await client.infer(
        "pets", [tensor], outputs=[triton.InferRequestedOutput("y", class_count=3)]
    )
    async with triton_http.InferenceServerClient(replica.http_url.removeprefix("http://")) as rest:
        over_rest = await rest.infer(
            "pets", [http_tensor], outputs=[triton_http.InferRequestedOutput("y", class_count=3)]
        )

    expected = [
        [b"0.700000:1:dog", b"0.200000:2", b"0.100000:0:cat"],
        [b"0.900000:0:cat", b"0.100000:3:red panda", b"0.000000:1:dog"],
    ]
    assert over_grpc.as_numpy("y").tolist() == expected
    assert over_rest.as_numpy("y").tolist() == expected


async def test_a_bfloat16_output_has_its_labels(
    replica: Replica, client: triton.InferenceServerClient
) -> None:
    artifact = labelled({"algolink.labels.y": "a\nb\nc\nd"}, TensorProto.BFLOAT16)
    await replica.hold(replica.source.add("half", 1, artifact))
    tensor = triton.InferInput("x", [1, 4], "BF16")
    tensor.set_data_from_numpy(np.array([[0, 0, 2, 0]], dtype=ml_dtypes.bfloat16))

    answer = await client.infer(
        "half", [tensor], outputs=[triton.InferRequestedOutput("y", class_count=1)]
    )

    assert answer.as_numpy("y").tolist() == [[b"2.000000:2:c"]]


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"algolink.labels.z": "a"}, "labels for z, and its outputs are y"),
        ({"algolink.labels.y": "a\nb"}, "2 labels for output y, which has 4 classes"),
    ],
)
async def test_labels_that_do_not_fit_keep_a_version_from_being_loaded(
    replica: Replica, properties: dict[str, str], reason: str
) -> None:
    wanted = replica.source.add("pets", 1, labelled(properties))

    replica.host.want([wanted], whole=True)
    await replica.until(lambda: any(holding.message for holding in replica.host.holdings))

    (holding,) = replica.host.holdings
    assert holding.state is not State.READY
    assert reason in (holding.message or "")
