"""What a model is and has done, as Triton's messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tritonclient.grpc import model_config_pb2 as config_pb
from tritonclient.grpc import service_pb2 as pb

from algolink.names import VersionName
from inference_svc.domain.datatypes import Datatype
from inference_svc.domain.requests import ModelMetadata
from inference_svc.domain.signature import FREE, Signature, TensorSpec
from inference_svc.domain.statistics import BatchStatistics, Duration, Statistics

_BACKEND: Final = {"onnxruntime_onnx": "onnxruntime"}
"""Triton's name of what runs each platform."""

_ANY_BATCH: Final = 2**31 - 1
"""`max_batch_size` of a model that sets no limit itself."""


def config_to_proto(metadata: ModelMetadata) -> config_pb.ModelConfig:
    """A model's configuration, as far as its signature tells it.

    Where the first axis of every input and output is free, it is the batch, which
    `dims` leave out.
    """
    signature = metadata.signature
    batched = _is_batched(signature)
    config = config_pb.ModelConfig(
        name=metadata.model,
        platform=metadata.platform,
        backend=_BACKEND.get(metadata.platform, ""),
        max_batch_size=_ANY_BATCH if batched else 0,
        input=[
            config_pb.ModelInput(
                name=spec.name, data_type=_type(spec.datatype), dims=_dims(spec, batched)
            )
            for spec in signature.inputs
        ],
        output=[
            config_pb.ModelOutput(
                name=spec.name, data_type=_type(spec.datatype), dims=_dims(spec, batched)
            )
            for spec in signature.outputs
        ],
        model_transaction_policy=config_pb.ModelTransactionPolicy(decoupled=False),
    )
    config.version_policy.specific.versions.extend(metadata.versions)
    return config


def statistics_to_proto(
    statistics: Mapping[VersionName, Statistics],
) -> pb.ModelStatisticsResponse:
    """What versions have done since they were loaded, by name."""
    return pb.ModelStatisticsResponse(
        model_stats=[_statistics(name, done) for name, done in sorted(statistics.items())]
    )


def _statistics(name: VersionName, done: Statistics) -> pb.ModelStatistics:
    return pb.ModelStatistics(
        name=name.model,
        version=str(name.number),
        last_inference=done.last_inference_ms,
        inference_count=done.inference_count,
        execution_count=done.execution_count,
        inference_stats=pb.InferStatistics(
            success=_duration(done.success),
            fail=_duration(done.fail),
            queue=_duration(done.queue),
            compute_input=_duration(done.compute_input),
            compute_infer=_duration(done.compute_infer),
            compute_output=_duration(done.compute_output),
        ),
        batch_stats=[_batch(batch) for batch in done.batches],
    )


def _batch(batch: BatchStatistics) -> Any:
    return pb.InferBatchStatistics(
        batch_size=batch.rows,
        compute_input=_duration(batch.compute_input),
        compute_infer=_duration(batch.compute_infer),
        compute_output=_duration(batch.compute_output),
    )


def _duration(duration: Duration) -> pb.StatisticDuration:
    return pb.StatisticDuration(count=duration.count, ns=duration.total_ns)


def _is_batched(signature: Signature) -> bool:
    return all(
        spec.shape is not None and spec.shape[:1] == (FREE,)
        for spec in (*signature.inputs, *signature.outputs)
    )


def _dims(spec: TensorSpec, batched: bool) -> Sequence[int]:
    if spec.shape is None:
        return (FREE,)
    return spec.shape[1:] if batched else spec.shape


def _type(datatype: Datatype) -> int:
    name = "STRING" if datatype is Datatype.BYTES else datatype.value
    number: int = config_pb.DataType.Value(f"TYPE_{name}")
    return number
