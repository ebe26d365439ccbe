from algolink.registry.v1 import registry_pb2 as _registry_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BeginUploadRequest(_message.Message):
    __slots__ = ("upload", "digest", "size_bytes")
    UPLOAD_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    upload: str
    digest: str
    size_bytes: int
    def __init__(self, upload: _Optional[str] = ..., digest: _Optional[str] = ..., size_bytes: _Optional[int] = ...) -> None: ...

class Upload(_message.Message):
    __slots__ = ("upload", "digest", "size_bytes", "committed_bytes", "complete")
    UPLOAD_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_BYTES_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    upload: str
    digest: str
    size_bytes: int
    committed_bytes: int
    complete: bool
    def __init__(self, upload: _Optional[str] = ..., digest: _Optional[str] = ..., size_bytes: _Optional[int] = ..., committed_bytes: _Optional[int] = ..., complete: _Optional[bool] = ...) -> None: ...

class WriteUploadRequest(_message.Message):
    __slots__ = ("upload", "offset", "chunk")
    UPLOAD_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    upload: str
    offset: int
    chunk: bytes
    def __init__(self, upload: _Optional[str] = ..., offset: _Optional[int] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class CreateVersionRequest(_message.Message):
    __slots__ = ("version",)
    VERSION_FIELD_NUMBER: _ClassVar[int]
    version: _registry_pb2.PushHeader
    def __init__(self, version: _Optional[_Union[_registry_pb2.PushHeader, _Mapping]] = ...) -> None: ...
