import datetime

from algolink.registry.v1 import registry_pb2 as _registry_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
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

class CollectGarbageRequest(_message.Message):
    __slots__ = ("dry_run", "limit")
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    dry_run: bool
    limit: int
    def __init__(self, dry_run: _Optional[bool] = ..., limit: _Optional[int] = ...) -> None: ...

class CollectGarbageResponse(_message.Message):
    __slots__ = ("garbage", "garbage_bytes", "more", "needed_artifacts", "recent_artifacts", "given_up_uploads")
    GARBAGE_FIELD_NUMBER: _ClassVar[int]
    GARBAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    NEEDED_ARTIFACTS_FIELD_NUMBER: _ClassVar[int]
    RECENT_ARTIFACTS_FIELD_NUMBER: _ClassVar[int]
    GIVEN_UP_UPLOADS_FIELD_NUMBER: _ClassVar[int]
    garbage: _containers.RepeatedCompositeFieldContainer[Garbage]
    garbage_bytes: int
    more: bool
    needed_artifacts: int
    recent_artifacts: int
    given_up_uploads: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, garbage: _Optional[_Iterable[_Union[Garbage, _Mapping]]] = ..., garbage_bytes: _Optional[int] = ..., more: _Optional[bool] = ..., needed_artifacts: _Optional[int] = ..., recent_artifacts: _Optional[int] = ..., given_up_uploads: _Optional[_Iterable[str]] = ...) -> None: ...

class Garbage(_message.Message):
    __slots__ = ("digest", "size_bytes", "write_time", "versions", "explanation")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    WRITE_TIME_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    digest: str
    size_bytes: int
    write_time: _timestamp_pb2.Timestamp
    versions: _containers.RepeatedScalarFieldContainer[str]
    explanation: str
    def __init__(self, digest: _Optional[str] = ..., size_bytes: _Optional[int] = ..., write_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., versions: _Optional[_Iterable[str]] = ..., explanation: _Optional[str] = ...) -> None: ...
