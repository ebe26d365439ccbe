import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ExposureKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXPOSURE_KIND_UNSPECIFIED: _ClassVar[ExposureKind]
    EXPOSURE_KIND_REQUEST: _ClassVar[ExposureKind]
    EXPOSURE_KIND_ATTEMPT: _ClassVar[ExposureKind]
    EXPOSURE_KIND_SHADOW: _ClassVar[ExposureKind]
EXPOSURE_KIND_UNSPECIFIED: ExposureKind
EXPOSURE_KIND_REQUEST: ExposureKind
EXPOSURE_KIND_ATTEMPT: ExposureKind
EXPOSURE_KIND_SHADOW: ExposureKind

class Exposure(_message.Message):
    __slots__ = ("request_id", "kind", "attempt", "time", "model", "experiment", "phase", "table_revision", "arm", "assigned_version", "answered_version", "unit", "http_status", "grpc_status", "response_flags", "duration_us")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    TABLE_REVISION_FIELD_NUMBER: _ClassVar[int]
    ARM_FIELD_NUMBER: _ClassVar[int]
    ASSIGNED_VERSION_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_VERSION_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    HTTP_STATUS_FIELD_NUMBER: _ClassVar[int]
    GRPC_STATUS_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FLAGS_FIELD_NUMBER: _ClassVar[int]
    DURATION_US_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    kind: ExposureKind
    attempt: int
    time: _timestamp_pb2.Timestamp
    model: str
    experiment: str
    phase: int
    table_revision: str
    arm: str
    assigned_version: int
    answered_version: int
    unit: str
    http_status: int
    grpc_status: int
    response_flags: str
    duration_us: int
    def __init__(self, request_id: _Optional[str] = ..., kind: _Optional[_Union[ExposureKind, str]] = ..., attempt: _Optional[int] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., model: _Optional[str] = ..., experiment: _Optional[str] = ..., phase: _Optional[int] = ..., table_revision: _Optional[str] = ..., arm: _Optional[str] = ..., assigned_version: _Optional[int] = ..., answered_version: _Optional[int] = ..., unit: _Optional[str] = ..., http_status: _Optional[int] = ..., grpc_status: _Optional[int] = ..., response_flags: _Optional[str] = ..., duration_us: _Optional[int] = ...) -> None: ...

class RecordExposuresRequest(_message.Message):
    __slots__ = ("exposures", "node")
    EXPOSURES_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    exposures: _containers.RepeatedCompositeFieldContainer[Exposure]
    node: str
    def __init__(self, exposures: _Optional[_Iterable[_Union[Exposure, _Mapping]]] = ..., node: _Optional[str] = ...) -> None: ...

class Outcome(_message.Message):
    __slots__ = ("event_id", "unit", "metric", "value", "time")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    unit: str
    metric: str
    value: float
    time: _timestamp_pb2.Timestamp
    def __init__(self, event_id: _Optional[str] = ..., unit: _Optional[str] = ..., metric: _Optional[str] = ..., value: _Optional[float] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class RecordOutcomesRequest(_message.Message):
    __slots__ = ("outcomes",)
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[Outcome]
    def __init__(self, outcomes: _Optional[_Iterable[_Union[Outcome, _Mapping]]] = ...) -> None: ...

class RecordResponse(_message.Message):
    __slots__ = ("accepted", "redelivered", "conflicts")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    REDELIVERED_FIELD_NUMBER: _ClassVar[int]
    CONFLICTS_FIELD_NUMBER: _ClassVar[int]
    accepted: int
    redelivered: int
    conflicts: int
    def __init__(self, accepted: _Optional[int] = ..., redelivered: _Optional[int] = ..., conflicts: _Optional[int] = ...) -> None: ...

class StreamOutcomesResponse(_message.Message):
    __slots__ = ("batch", "recorded", "refused")
    BATCH_FIELD_NUMBER: _ClassVar[int]
    RECORDED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    batch: int
    recorded: RecordResponse
    refused: BatchRefusal
    def __init__(self, batch: _Optional[int] = ..., recorded: _Optional[_Union[RecordResponse, _Mapping]] = ..., refused: _Optional[_Union[BatchRefusal, _Mapping]] = ...) -> None: ...

class BatchRefusal(_message.Message):
    __slots__ = ("reason", "message", "index")
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    reason: str
    message: str
    index: int
    def __init__(self, reason: _Optional[str] = ..., message: _Optional[str] = ..., index: _Optional[int] = ...) -> None: ...

class GetOutcomeCountsRequest(_message.Message):
    __slots__ = ("experiment",)
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    def __init__(self, experiment: _Optional[str] = ...) -> None: ...

class OutcomeCounts(_message.Message):
    __slots__ = ("tallies", "unused", "redelivered", "conflicts")
    TALLIES_FIELD_NUMBER: _ClassVar[int]
    UNUSED_FIELD_NUMBER: _ClassVar[int]
    REDELIVERED_FIELD_NUMBER: _ClassVar[int]
    CONFLICTS_FIELD_NUMBER: _ClassVar[int]
    tallies: _containers.RepeatedCompositeFieldContainer[OutcomeTally]
    unused: _containers.RepeatedCompositeFieldContainer[UnusedOutcomes]
    redelivered: int
    conflicts: int
    def __init__(self, tallies: _Optional[_Iterable[_Union[OutcomeTally, _Mapping]]] = ..., unused: _Optional[_Iterable[_Union[UnusedOutcomes, _Mapping]]] = ..., redelivered: _Optional[int] = ..., conflicts: _Optional[int] = ...) -> None: ...

class OutcomeTally(_message.Message):
    __slots__ = ("metric", "outcome", "counted", "early", "after", "late", "strangers")
    METRIC_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    COUNTED_FIELD_NUMBER: _ClassVar[int]
    EARLY_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LATE_FIELD_NUMBER: _ClassVar[int]
    STRANGERS_FIELD_NUMBER: _ClassVar[int]
    metric: str
    outcome: str
    counted: int
    early: int
    after: int
    late: int
    strangers: int
    def __init__(self, metric: _Optional[str] = ..., outcome: _Optional[str] = ..., counted: _Optional[int] = ..., early: _Optional[int] = ..., after: _Optional[int] = ..., late: _Optional[int] = ..., strangers: _Optional[int] = ...) -> None: ...

class UnusedOutcomes(_message.Message):
    __slots__ = ("outcome", "number")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    outcome: str
    number: int
    def __init__(self, outcome: _Optional[str] = ..., number: _Optional[int] = ...) -> None: ...

class Feedback(_message.Message):
    __slots__ = ("request_id", "metric", "value", "labelled")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    LABELLED_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    metric: str
    value: float
    labelled: LabelledPrediction
    def __init__(self, request_id: _Optional[str] = ..., metric: _Optional[str] = ..., value: _Optional[float] = ..., labelled: _Optional[_Union[LabelledPrediction, _Mapping]] = ...) -> None: ...

class LabelledPrediction(_message.Message):
    __slots__ = ("prediction", "label")
    PREDICTION_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    prediction: str
    label: str
    def __init__(self, prediction: _Optional[str] = ..., label: _Optional[str] = ...) -> None: ...

class RecordFeedbackRequest(_message.Message):
    __slots__ = ("feedback",)
    FEEDBACK_FIELD_NUMBER: _ClassVar[int]
    feedback: _containers.RepeatedCompositeFieldContainer[Feedback]
    def __init__(self, feedback: _Optional[_Iterable[_Union[Feedback, _Mapping]]] = ...) -> None: ...

class RecordFeedbackResponse(_message.Message):
    __slots__ = ("recorded", "unknown", "unassigned")
    RECORDED_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    UNASSIGNED_FIELD_NUMBER: _ClassVar[int]
    recorded: RecordResponse
    unknown: _containers.RepeatedScalarFieldContainer[str]
    unassigned: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, recorded: _Optional[_Union[RecordResponse, _Mapping]] = ..., unknown: _Optional[_Iterable[str]] = ..., unassigned: _Optional[_Iterable[str]] = ...) -> None: ...
