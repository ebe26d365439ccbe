from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    ServiceDescriptorProto,
)

# Field numbers of descriptor.proto, of which the paths of source info are made.
_FILE_MESSAGE, _FILE_ENUM, _FILE_SERVICE = 4, 5, 6
_MESSAGE_FIELD, _MESSAGE_NESTED, _MESSAGE_ENUM, _MESSAGE_ONEOF = 2, 3, 4, 8
_ENUM_VALUE = 2
_SERVICE_METHOD = 2

Location = tuple[int, ...]


@pytest.fixture(scope="module")
def files(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Sequence[FileDescriptorProto]:
    """Descriptors of our protos, with the comments of their sources."""
    protos = sorted(str(path) for path in (root / "protos").rglob("*.proto"))
    target = tmp_path_factory.mktemp("protos") / "descriptors"
    protoc = [sys.executable, "-m", "grpc_tools.protoc", f"-I{root / 'protos'}"]
    options = ["--include_source_info", f"--descriptor_set_out={target}"]
    subprocess.run([*protoc, *options, *protos], check=True, capture_output=True)
    return FileDescriptorSet.FromString(target.read_bytes()).file


def test_everything_in_the_protos_is_commented(files: Sequence[FileDescriptorProto]) -> None:
    silent = [
        f"{file.name}: {name}"
        for file in files
        for path, name in _elements(file)
        if path not in _commented(file)
    ]

    assert silent == []


def test_a_proto_lies_in_the_folder_of_its_package(files: Sequence[FileDescriptorProto]) -> None:
    for file in files:
        assert str(Path(file.name).parent) == file.package.replace(".", "/")


def test_zero_of_every_enum_is_unspecified(files: Sequence[FileDescriptorProto]) -> None:
    enums = [enum for file in files for enum in _enums(file)]

    assert enums
    for enum in enums:
        assert enum.value[0].number == 0
        assert enum.value[0].name.endswith("_UNSPECIFIED"), enum.name


def _commented(file: FileDescriptorProto) -> set[Location]:
    return {
        tuple(location.path)
        for location in file.source_code_info.location
        if location.leading_comments.strip() or location.trailing_comments.strip()
    }


def _elements(file: FileDescriptorProto) -> Iterator[tuple[Location, str]]:
    """Path and name of everything that a reader of `file` may ask about."""
    for index, message in enumerate(file.message_type):
        yield from _in_message((_FILE_MESSAGE, index), message)
    for index, enum in enumerate(file.enum_type):
        yield from _in_enum((_FILE_ENUM, index), enum)
    for index, service in enumerate(file.service):
        yield from _in_service((_FILE_SERVICE, index), service)


def _in_message(path: Location, message: DescriptorProto) -> Iterator[tuple[Location, str]]:
    if message.options.map_entry:
        return
    yield path, message.name
    for index, field in enumerate(message.field):
        yield (*path, _MESSAGE_FIELD, index), f"{message.name}.{field.name}"
    for index, oneof in enumerate(message.oneof_decl):
        if not oneof.name.startswith("_"):  # protoc makes one for each optional field
            yield (*path, _MESSAGE_ONEOF, index), f"{message.name}.{oneof.name}"
    for index, nested in enumerate(message.nested_type):
        yield from _in_message((*path, _MESSAGE_NESTED, index), nested)
    for index, enum in enumerate(message.enum_type):
        yield from _in_enum((*path, _MESSAGE_ENUM, index), enum)


def _in_enum(path: Location, enum: EnumDescriptorProto) -> Iterator[tuple[Location, str]]:
    yield path, enum.name
    for index, value in enumerate(enum.value):
        yield (*path, _ENUM_VALUE, index), value.name


def _in_service(path: Location, service: ServiceDescriptorProto) -> Iterator[tuple[Location, str]]:
    yield path, service.name
    for index, method in enumerate(service.method):
        yield (*path, _SERVICE_METHOD, index), f"{service.name}.{method.name}"


def _enums(file: FileDescriptorProto) -> Iterator[EnumDescriptorProto]:
    yield from file.enum_type
    for message in file.message_type:
        yield from message.enum_type
