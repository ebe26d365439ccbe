import datetime

from algolink.experiment.v1 import losses_pb2 as _losses_pb2
from algolink.experiment.v1 import measures_pb2 as _measures_pb2
from google.protobuf import empty_pb2 as _empty_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STATE_UNSPECIFIED: _ClassVar[State]
    STATE_DRAFT: _ClassVar[State]
    STATE_RUNNING: _ClassVar[State]
    STATE_CONCLUDING: _ClassVar[State]
    STATE_CONCLUDED: _ClassVar[State]
    STATE_STOPPED: _ClassVar[State]

class UnitKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    UNIT_KIND_UNSPECIFIED: _ClassVar[UnitKind]
    UNIT_KIND_HEADER: _ClassVar[UnitKind]
    UNIT_KIND_REQUEST: _ClassVar[UnitKind]

class Aggregation(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AGGREGATION_UNSPECIFIED: _ClassVar[Aggregation]
    AGGREGATION_ANY: _ClassVar[Aggregation]
    AGGREGATION_SUM: _ClassVar[Aggregation]
    AGGREGATION_MEAN: _ClassVar[Aggregation]

class Direction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DIRECTION_UNSPECIFIED: _ClassVar[Direction]
    DIRECTION_INCREASE: _ClassVar[Direction]
    DIRECTION_DECREASE: _ClassVar[Direction]
STATE_UNSPECIFIED: State
STATE_DRAFT: State
STATE_RUNNING: State
STATE_CONCLUDING: State
STATE_CONCLUDED: State
STATE_STOPPED: State
UNIT_KIND_UNSPECIFIED: UnitKind
UNIT_KIND_HEADER: UnitKind
UNIT_KIND_REQUEST: UnitKind
AGGREGATION_UNSPECIFIED: Aggregation
AGGREGATION_ANY: Aggregation
AGGREGATION_SUM: Aggregation
AGGREGATION_MEAN: Aggregation
DIRECTION_UNSPECIFIED: Direction
DIRECTION_INCREASE: Direction
DIRECTION_DECREASE: Direction

class Experiment(_message.Message):
    __slots__ = ("name", "model", "arms", "unit", "primary_metric", "analysis", "rule", "description", "state", "salt", "segments", "phases", "verdict", "promoted_model_revision", "create_time", "start_time", "end_time", "etag", "revision", "metrics", "allow_incompatible", "promotion_refusal", "policy", "policy_step", "awaiting_approval")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    ARMS_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    PRIMARY_METRIC_FIELD_NUMBER: _ClassVar[int]
    ANALYSIS_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SALT_FIELD_NUMBER: _ClassVar[int]
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    PHASES_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    PROMOTED_MODEL_REVISION_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    ALLOW_INCOMPATIBLE_FIELD_NUMBER: _ClassVar[int]
    PROMOTION_REFUSAL_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    POLICY_STEP_FIELD_NUMBER: _ClassVar[int]
    AWAITING_APPROVAL_FIELD_NUMBER: _ClassVar[int]
    name: str
    model: str
    arms: _containers.RepeatedCompositeFieldContainer[Arm]
    unit: UnitKind
    primary_metric: Metric
    analysis: Analysis
    rule: Rule
    description: str
    state: State
    salt: str
    segments: _containers.RepeatedCompositeFieldContainer[Segment]
    phases: _containers.RepeatedCompositeFieldContainer[Phase]
    verdict: Verdict
    promoted_model_revision: int
    create_time: _timestamp_pb2.Timestamp
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    etag: str
    revision: int
    metrics: _containers.RepeatedCompositeFieldContainer[_measures_pb2.ExperimentMetric]
    allow_incompatible: bool
    promotion_refusal: PromotionRefusal
    policy: str
    policy_step: int
    awaiting_approval: str
    def __init__(self, name: _Optional[str] = ..., model: _Optional[str] = ..., arms: _Optional[_Iterable[_Union[Arm, _Mapping]]] = ..., unit: _Optional[_Union[UnitKind, str]] = ..., primary_metric: _Optional[_Union[Metric, _Mapping]] = ..., analysis: _Optional[_Union[Analysis, _Mapping]] = ..., rule: _Optional[_Union[Rule, _Mapping]] = ..., description: _Optional[str] = ..., state: _Optional[_Union[State, str]] = ..., salt: _Optional[str] = ..., segments: _Optional[_Iterable[_Union[Segment, _Mapping]]] = ..., phases: _Optional[_Iterable[_Union[Phase, _Mapping]]] = ..., verdict: _Optional[_Union[Verdict, _Mapping]] = ..., promoted_model_revision: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., etag: _Optional[str] = ..., revision: _Optional[int] = ..., metrics: _Optional[_Iterable[_Union[_measures_pb2.ExperimentMetric, _Mapping]]] = ..., allow_incompatible: _Optional[bool] = ..., promotion_refusal: _Optional[_Union[PromotionRefusal, _Mapping]] = ..., policy: _Optional[str] = ..., policy_step: _Optional[int] = ..., awaiting_approval: _Optional[str] = ...) -> None: ...

class PromotionRefusal(_message.Message):
    __slots__ = ("reason", "message", "time")
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    reason: str
    message: str
    time: _timestamp_pb2.Timestamp
    def __init__(self, reason: _Optional[str] = ..., message: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Arm(_message.Message):
    __slots__ = ("id", "version", "weight_bp")
    ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_BP_FIELD_NUMBER: _ClassVar[int]
    id: str
    version: int
    weight_bp: int
    def __init__(self, id: _Optional[str] = ..., version: _Optional[int] = ..., weight_bp: _Optional[int] = ...) -> None: ...

class Segment(_message.Message):
    __slots__ = ("start", "end", "arm")
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    ARM_FIELD_NUMBER: _ClassVar[int]
    start: int
    end: int
    arm: str
    def __init__(self, start: _Optional[int] = ..., end: _Optional[int] = ..., arm: _Optional[str] = ...) -> None: ...

class Phase(_message.Message):
    __slots__ = ("number", "start_time", "end_time", "weights_bp")
    class WeightsBpEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_BP_FIELD_NUMBER: _ClassVar[int]
    number: int
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    weights_bp: _containers.ScalarMap[str, int]
    def __init__(self, number: _Optional[int] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., weights_bp: _Optional[_Mapping[str, int]] = ...) -> None: ...

class Metric(_message.Message):
    __slots__ = ("name", "aggregation", "direction", "window_ms")
    NAME_FIELD_NUMBER: _ClassVar[int]
    AGGREGATION_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    WINDOW_MS_FIELD_NUMBER: _ClassVar[int]
    name: str
    aggregation: Aggregation
    direction: Direction
    window_ms: int
    def __init__(self, name: _Optional[str] = ..., aggregation: _Optional[_Union[Aggregation, str]] = ..., direction: _Optional[_Union[Direction, str]] = ..., window_ms: _Optional[int] = ...) -> None: ...

class Analysis(_message.Message):
    __slots__ = ("alpha", "optimal_units", "srm_alpha")
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    OPTIMAL_UNITS_FIELD_NUMBER: _ClassVar[int]
    SRM_ALPHA_FIELD_NUMBER: _ClassVar[int]
    alpha: float
    optimal_units: int
    srm_alpha: float
    def __init__(self, alpha: _Optional[float] = ..., optimal_units: _Optional[int] = ..., srm_alpha: _Optional[float] = ...) -> None: ...

class Rule(_message.Message):
    __slots__ = ("auto_conclude", "min_units_per_arm", "min_phases")
    AUTO_CONCLUDE_FIELD_NUMBER: _ClassVar[int]
    MIN_UNITS_PER_ARM_FIELD_NUMBER: _ClassVar[int]
    MIN_PHASES_FIELD_NUMBER: _ClassVar[int]
    auto_conclude: bool
    min_units_per_arm: int
    min_phases: int
    def __init__(self, auto_conclude: _Optional[bool] = ..., min_units_per_arm: _Optional[int] = ..., min_phases: _Optional[int] = ...) -> None: ...

class Verdict(_message.Message):
    __slots__ = ("winner", "version", "summary", "forced", "evidence", "digest", "time")
    WINNER_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    FORCED_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    winner: str
    version: int
    summary: str
    forced: bool
    evidence: Results
    digest: str
    time: _timestamp_pb2.Timestamp
    def __init__(self, winner: _Optional[str] = ..., version: _Optional[int] = ..., summary: _Optional[str] = ..., forced: _Optional[bool] = ..., evidence: _Optional[_Union[Results, _Mapping]] = ..., digest: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Results(_message.Message):
    __slots__ = ("experiment", "time", "arms", "comparisons", "sample_ratio", "recommended_winner", "recommendation", "facts", "metrics", "losses")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    ARMS_FIELD_NUMBER: _ClassVar[int]
    COMPARISONS_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_RATIO_FIELD_NUMBER: _ClassVar[int]
    RECOMMENDED_WINNER_FIELD_NUMBER: _ClassVar[int]
    RECOMMENDATION_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    LOSSES_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    time: _timestamp_pb2.Timestamp
    arms: _containers.RepeatedCompositeFieldContainer[ArmResults]
    comparisons: _containers.RepeatedCompositeFieldContainer[_measures_pb2.Comparison]
    sample_ratio: SampleRatio
    recommended_winner: str
    recommendation: str
    facts: FactCounts
    metrics: _containers.RepeatedCompositeFieldContainer[_measures_pb2.MetricResults]
    losses: _containers.RepeatedCompositeFieldContainer[_losses_pb2.Loss]
    def __init__(self, experiment: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., arms: _Optional[_Iterable[_Union[ArmResults, _Mapping]]] = ..., comparisons: _Optional[_Iterable[_Union[_measures_pb2.Comparison, _Mapping]]] = ..., sample_ratio: _Optional[_Union[SampleRatio, _Mapping]] = ..., recommended_winner: _Optional[str] = ..., recommendation: _Optional[str] = ..., facts: _Optional[_Union[FactCounts, _Mapping]] = ..., metrics: _Optional[_Iterable[_Union[_measures_pb2.MetricResults, _Mapping]]] = ..., losses: _Optional[_Iterable[_Union[_losses_pb2.Loss, _Mapping]]] = ...) -> None: ...

class ArmResults(_message.Message):
    __slots__ = ("arm", "version", "requests", "failed_requests", "units", "crossed_units", "units_with_value", "outcomes", "mean", "latency_p50_ms", "latency_p99_ms", "phases")
    ARM_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    FAILED_REQUESTS_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    CROSSED_UNITS_FIELD_NUMBER: _ClassVar[int]
    UNITS_WITH_VALUE_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    LATENCY_P50_MS_FIELD_NUMBER: _ClassVar[int]
    LATENCY_P99_MS_FIELD_NUMBER: _ClassVar[int]
    PHASES_FIELD_NUMBER: _ClassVar[int]
    arm: str
    version: int
    requests: int
    failed_requests: int
    units: int
    crossed_units: int
    units_with_value: int
    outcomes: int
    mean: float
    latency_p50_ms: float
    latency_p99_ms: float
    phases: _containers.RepeatedCompositeFieldContainer[PhaseMoments]
    def __init__(self, arm: _Optional[str] = ..., version: _Optional[int] = ..., requests: _Optional[int] = ..., failed_requests: _Optional[int] = ..., units: _Optional[int] = ..., crossed_units: _Optional[int] = ..., units_with_value: _Optional[int] = ..., outcomes: _Optional[int] = ..., mean: _Optional[float] = ..., latency_p50_ms: _Optional[float] = ..., latency_p99_ms: _Optional[float] = ..., phases: _Optional[_Iterable[_Union[PhaseMoments, _Mapping]]] = ...) -> None: ...

class PhaseMoments(_message.Message):
    __slots__ = ("phase", "units", "count", "mean", "m2")
    PHASE_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    M2_FIELD_NUMBER: _ClassVar[int]
    phase: int
    units: int
    count: int
    mean: float
    m2: float
    def __init__(self, phase: _Optional[int] = ..., units: _Optional[int] = ..., count: _Optional[int] = ..., mean: _Optional[float] = ..., m2: _Optional[float] = ...) -> None: ...

class SampleRatio(_message.Message):
    __slots__ = ("p_value", "mismatch")
    P_VALUE_FIELD_NUMBER: _ClassVar[int]
    MISMATCH_FIELD_NUMBER: _ClassVar[int]
    p_value: float
    mismatch: bool
    def __init__(self, p_value: _Optional[float] = ..., mismatch: _Optional[bool] = ...) -> None: ...

class FactCounts(_message.Message):
    __slots__ = ("exposures", "redelivered", "conflicts", "outcomes_outside_window")
    EXPOSURES_FIELD_NUMBER: _ClassVar[int]
    REDELIVERED_FIELD_NUMBER: _ClassVar[int]
    CONFLICTS_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_OUTSIDE_WINDOW_FIELD_NUMBER: _ClassVar[int]
    exposures: int
    redelivered: int
    conflicts: int
    outcomes_outside_window: int
    def __init__(self, exposures: _Optional[int] = ..., redelivered: _Optional[int] = ..., conflicts: _Optional[int] = ..., outcomes_outside_window: _Optional[int] = ...) -> None: ...

class CreateExperimentRequest(_message.Message):
    __slots__ = ("experiment_id", "experiment")
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    experiment: Experiment
    def __init__(self, experiment_id: _Optional[str] = ..., experiment: _Optional[_Union[Experiment, _Mapping]] = ...) -> None: ...

class GetExperimentRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListExperimentsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "model")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    model: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., model: _Optional[str] = ...) -> None: ...

class ListExperimentsResponse(_message.Message):
    __slots__ = ("experiments", "next_page_token")
    EXPERIMENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    experiments: _containers.RepeatedCompositeFieldContainer[Experiment]
    next_page_token: str
    def __init__(self, experiments: _Optional[_Iterable[_Union[Experiment, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class StartExperimentRequest(_message.Message):
    __slots__ = ("name", "etag")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    name: str
    etag: str
    def __init__(self, name: _Optional[str] = ..., etag: _Optional[str] = ...) -> None: ...

class RampExperimentRequest(_message.Message):
    __slots__ = ("name", "weights_bp", "etag")
    class WeightsBpEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_BP_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    name: str
    weights_bp: _containers.ScalarMap[str, int]
    etag: str
    def __init__(self, name: _Optional[str] = ..., weights_bp: _Optional[_Mapping[str, int]] = ..., etag: _Optional[str] = ...) -> None: ...

class StopExperimentRequest(_message.Message):
    __slots__ = ("name", "etag")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    name: str
    etag: str
    def __init__(self, name: _Optional[str] = ..., etag: _Optional[str] = ...) -> None: ...

class ConcludeExperimentRequest(_message.Message):
    __slots__ = ("name", "winner", "force", "etag")
    NAME_FIELD_NUMBER: _ClassVar[int]
    WINNER_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    name: str
    winner: str
    force: bool
    etag: str
    def __init__(self, name: _Optional[str] = ..., winner: _Optional[str] = ..., force: _Optional[bool] = ..., etag: _Optional[str] = ...) -> None: ...

class GetResultsRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class WatchExperimentsRequest(_message.Message):
    __slots__ = ("resume_token",)
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    resume_token: str
    def __init__(self, resume_token: _Optional[str] = ...) -> None: ...

class WatchExperimentsResponse(_message.Message):
    __slots__ = ("experiment", "deleted", "synced", "resume_token", "restarted")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    SYNCED_FIELD_NUMBER: _ClassVar[int]
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    RESTARTED_FIELD_NUMBER: _ClassVar[int]
    experiment: Experiment
    deleted: str
    synced: _empty_pb2.Empty
    resume_token: str
    restarted: bool
    def __init__(self, experiment: _Optional[_Union[Experiment, _Mapping]] = ..., deleted: _Optional[str] = ..., synced: _Optional[_Union[_empty_pb2.Empty, _Mapping]] = ..., resume_token: _Optional[str] = ..., restarted: _Optional[bool] = ...) -> None: ...
