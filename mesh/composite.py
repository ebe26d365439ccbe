"""The message that configures a composite cluster, which `xds-protos` lacks.

A composite cluster sends the first attempt of a request to the first of its
clusters, the second to the second, and so on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor

_PACKAGE = "envoy.extensions.clusters.composite.v3"
_FIELD = descriptor_pb2.FieldDescriptorProto


def config(clusters: Sequence[str]) -> any_pb2.Any:
    """Packed configuration: the cluster of each attempt, in order; names may repeat."""
    message = _message()
    for cluster in clusters:
        message.clusters.add(name=cluster)
    packed = any_pb2.Any()
    packed.Pack(message, deterministic=True)
    return packed


def make_known() -> None:
    """Lets whoever parses JSON find the message by its name."""
    _descriptor()


def clusters_of(packed: any_pb2.Any) -> list[str]:
    """Inverse of `config`."""
    message = _message()
    packed.Unpack(message)
    return [entry.name for entry in message.clusters]


def _message() -> Any:  # its fields are known at run time only
    return message_factory.GetMessageClass(_descriptor())()


def _descriptor() -> Descriptor:
    """From the pool that all generated code shares, in case another module brought it."""
    pool = descriptor_pool.Default()  # type: ignore[no-untyped-call]  # stub lacks types
    try:
        return cast("Descriptor", pool.FindMessageTypeByName(f"{_PACKAGE}.ClusterConfig"))
    except KeyError:
        pool.AddSerializedFile(_file().SerializeToString())
        return cast("Descriptor", pool.FindMessageTypeByName(f"{_PACKAGE}.ClusterConfig"))


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="envoy/extensions/clusters/composite/v3/cluster.proto",
        package=_PACKAGE,
        syntax="proto3",
    )
    message = file.message_type.add(name="ClusterConfig")
    message.nested_type.add(name="ClusterEntry").field.add(
        name="name", number=1, type=_FIELD.TYPE_STRING, label=_FIELD.LABEL_OPTIONAL
    )
    message.field.add(
        name="clusters",
        number=1,
        type=_FIELD.TYPE_MESSAGE,
        type_name=f".{_PACKAGE}.ClusterConfig.ClusterEntry",
        label=_FIELD.LABEL_REPEATED,
    )
    return file
