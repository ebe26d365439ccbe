"""What Triton is told of a model: its configuration, and each version's own part of it."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as config_pb

from inference_svc.batching.scheduler import Policy
from inference_svc.domain.datatypes import Datatype
from inference_svc.domain.holding import WantedVersion
from inference_svc.domain.signature import Signature, TensorSpec
from inference_svc.engines import LoadError

CONFIG: Final = "config.pbtxt"
ARTIFACT: Final = "model.onnx"
PROGRAM: Final = "model.py"
VERSION: Final = "version.json"

_NO_BYTECODE: Final = "__pycache__"
"""A file where Python would make a folder: bytecode that appeared beside a version's
program would be a change of the version to Triton, which would load it again."""


@dataclass(frozen=True, slots=True)
class Runs:
    """How versions are run.

    Attributes:
        threads: that share the work of one run.
        instances: copies of each version, each of which runs a batch at a time.
        batching: how requests wait for company; its `instances` is not asked.
    """

    threads: int = 1
    instances: int = 1
    batching: Policy = Policy()  # noqa: RUF009 - a frozen value


@dataclass(frozen=True, slots=True)
class Traits:
    """What was found out about an artifact by running it.

    Attributes:
        has_rows: whether requests may share a run: each row of its input is answered
            for itself.
    """

    signature: Signature
    has_rows: bool


def config(model: str, versions: Collection[int], *, runs: Runs, runs_onnx_itself: bool) -> str:
    """`config.pbtxt` of a model: what its versions share.

    What a version takes and gives is not in here, because Triton has one such file
    for all of them, and they may differ: each completes it with its own part.

    Args:
        versions: numbers of those to serve.
        runs_onnx_itself: whether the server has a backend for ONNX.
    """
    shared = config_pb.ModelConfig(
        name=model,
        backend="onnxruntime" if runs_onnx_itself else "python",
        instance_group=[
            config_pb.ModelInstanceGroup(count=runs.instances, kind=_kind(runs_onnx_itself))
        ],
    )
    if runs_onnx_itself:
        shared.default_model_filename = ARTIFACT
    shared.version_policy.specific.versions.extend(sorted(versions))
    return str(text_format.MessageToString(shared))


def version_files(version: WantedVersion, traits: Traits, runs: Runs) -> dict[str, bytes]:
    """Files of a version beside its artifact.

    Raises:
        LoadError: if it has a tensor that Triton's Python backend cannot hold.
    """
    signature = traits.signature
    tensors = (*signature.inputs, *signature.outputs)
    # The batch is an axis that `dims` leave out, and one other has to be there.
    has_batch = traits.has_rows and all(len(spec.shape or ()) > 1 for spec in tensors)
    own: dict[str, Any] = {
        "max_batch_size": runs.batching.max_rows if has_batch else 0,
        "input": [_tensor(spec, has_batch) for spec in signature.inputs],
        "output": [_tensor(spec, has_batch) for spec in signature.outputs],
    }
    if has_batch:
        own["dynamic_batching"] = {
            "max_queue_delay_microseconds": runs.batching.max_delay_ns // 1_000,
            "default_queue_policy": {"max_queue_size": runs.batching.max_queued},
        }
    told = {
        "digest": version.digest,
        "size_bytes": version.size_bytes,
        "threads": runs.threads,
        "config": own,
    }
    program = resources.files("inference_svc.triton").joinpath("python_model.py").read_bytes()
    return {
        VERSION: json.dumps(told, indent=1).encode(),
        PROGRAM: program,
        _NO_BYTECODE: b"",
    }


def _kind(runs_onnx_itself: bool) -> int:
    # By itself Triton takes a GPU where there is one; what runs in Python never does.
    group = config_pb.ModelInstanceGroup
    return int(group.KIND_AUTO if runs_onnx_itself else group.KIND_CPU)


def _tensor(spec: TensorSpec, has_batch: bool) -> dict[str, Any]:
    if spec.datatype is Datatype.BF16:
        raise LoadError(f"tensor {spec.name} is BF16, which Triton's Python backend cannot hold")
    if spec.shape is None:
        raise LoadError(f"tensor {spec.name} has no known number of axes, which Triton needs")
    name = "STRING" if spec.datatype is Datatype.BYTES else spec.datatype.value
    dims = spec.shape[1:] if has_batch else spec.shape
    return {"name": spec.name, "data_type": f"TYPE_{name}", "dims": list(dims)}
