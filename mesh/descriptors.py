"""The Open Inference Protocol's descriptors, for the filter that reads its messages."""

from __future__ import annotations

from google.protobuf import descriptor, descriptor_pb2
from tritonclient.grpc import service_pb2

SERVICE = service_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"].full_name

MODEL_METHODS = {
    "ModelInfer": ("model_name", "model_version"),
    "ModelStreamInfer": ("model_name", "model_version"),
    "ModelReady": ("name", "version"),
    "ModelMetadata": ("name", "version"),
    "ModelConfig": ("name", "version"),
    "ModelStatistics": ("name", "version"),
}
"""Methods that name a model, and the fields of the request that name it and its version."""


def descriptor_set() -> bytes:
    """A serialized `FileDescriptorSet` of the protocol and all that it imports."""
    files = descriptor_pb2.FileDescriptorSet()
    _add(service_pb2.DESCRIPTOR, files)
    return files.SerializeToString(deterministic=True)


def _add(file: descriptor.FileDescriptor, files: descriptor_pb2.FileDescriptorSet) -> None:
    if any(added.name == file.name for added in files.file):
        return
    for dependency in file.dependencies:
        _add(dependency, files)
    file.CopyToProto(files.file.add())  # type: ignore[no-untyped-call]  # stub lacks types
