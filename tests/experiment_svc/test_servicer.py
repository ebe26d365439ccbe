from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest
from google.protobuf import json_format

from algolink.errors import AlgoLinkError, Unavailable
from algolink.experiment.v1 import experiment_pb2 as pb
from algolink.experiment.v1.experiment_pb2_grpc import ExperimentServiceStub
from algolink.names import ModelName
from algolink.registry.v1 import registry_pb2
from chassis import errors
from chassis.channel import open_channel
from experiment_svc.registry import GrpcRegistry
from experiment_svc.store_memory import MemoryStore
from tests.experiment_svc.builders import (
    NOON,
    FakeClock,
    an_experiment_message,
    an_exposure,
    an_outcome,
)
from tests.experiment_svc.fake_registry import FakeRegistry, a_signature

NAME = "experiments/digits"
INVALID, FAILED = "INVALID_ARGUMENT", "FAILED_PRECONDITION"
HALF = {"champion": 5_000, "challenger": 5_000}


async def refusal(call: Awaitable[Any]) -> AlgoLinkError:
    """What the service says to a call that it refuses."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return errors.from_rpc_error(caught.value)


async def create(
    stub: ExperimentServiceStub,
    experiment: pb.Experiment | None = None,
    *,
    experiment_id: str = "digits",
) -> pb.Experiment:
    made: pb.Experiment = await stub.CreateExperiment(
        pb.CreateExperimentRequest(
            experiment_id=experiment_id, experiment=experiment or an_experiment_message()
        )
    )
    return made


async def start(stub: ExperimentServiceStub, name: str = NAME) -> pb.Experiment:
    started: pb.Experiment = await stub.StartExperiment(pb.StartExperimentRequest(name=name))
    return started


async def feed(store: MemoryStore, *, units: int, better: str, clock: FakeClock) -> None:
    """Units in both arms; those of the better one are right, of the other one seldom."""
    exposures, outcomes = [], []
    for number in range(units):
        arm = ("champion", "challenger")[number % 2]
        unit = f"unit-{number}"
        right = arm == better or number % 10 < 2
        exposures.append(an_exposure(unit=unit, arm=arm, at=clock.now))
        outcomes.append(an_outcome(unit=unit, value=float(right), at=clock.now))
    async with store.transaction() as tx:
        await tx.add_exposures(exposures, node="node-1")
        await tx.add_outcomes([outcomes])


async def test_a_draft_has_what_was_asked_for_and_its_defaults(
    experiment_stub: ExperimentServiceStub,
) -> None:
    made = await create(experiment_stub, an_experiment_message(rule=pb.Rule(auto_conclude=True)))

    assert (made.name, made.model, made.state) == (NAME, "models/digits", pb.STATE_DRAFT)
    assert made.salt.startswith("digits-")
    assert len(made.salt) == len("digits-") + 8
    assert (made.analysis.alpha, made.analysis.optimal_units) == (0.05, 5_000)
    assert made.analysis.srm_alpha == 0.001
    assert (made.rule.min_units_per_arm, made.rule.min_phases) == (100, 1)
    assert made.unit == pb.UNIT_KIND_HEADER
    assert made.create_time.ToDatetime() == NOON.replace(tzinfo=None)
    assert not made.segments
    assert made.etag
    assert made.revision == 1
    read = await experiment_stub.GetExperiment(pb.GetExperimentRequest(name=NAME))
    assert read == made


def with_weights(*weights: tuple[str, int, int]) -> pb.Experiment:
    return an_experiment_message(weights)


def with_metric(**fields: Any) -> pb.Experiment:
    message = an_experiment_message()
    message.primary_metric.MergeFrom(pb.Metric(**fields))
    return message


def without_metric() -> pb.Experiment:
    message = an_experiment_message()
    message.ClearField("primary_metric")
    return message


def with_analysis(**fields: Any) -> pb.Experiment:
    message = an_experiment_message()
    message.analysis.CopyFrom(pb.Analysis(**fields))
    return message


@pytest.mark.parametrize(
    ("experiment", "code", "reason"),
    [
        (with_weights(("a", 1, 9_000), ("b", 2, 999)), INVALID, "WEIGHTS_INVALID"),
        (with_weights(("a", 1, 10_000), ("b", 2, 0)), INVALID, "WEIGHTS_INVALID"),
        (with_weights(("a", 1, 10_000)), INVALID, "ARMS_INVALID"),
        (with_weights(("a", 1, 5_000), ("a", 2, 5_000)), INVALID, "ARMS_INVALID"),
        (with_weights(("a", 1, 5_000), ("b", 1, 5_000)), INVALID, "ARMS_INVALID"),
        (with_weights(("a", 1, 5_000), ("b", 9, 5_000)), "NOT_FOUND", "VERSION_NOT_FOUND"),
        (with_weights(("a", 2, 5_000), ("b", 1, 5_000)), FAILED, "CONTROL_NOT_CHAMPION"),
        (with_weights(("a", 1, 5_000), ("b", 3, 5_000)), FAILED, "SIGNATURE_MISMATCH"),
        (an_experiment_message(model="models/none"), "NOT_FOUND", "MODEL_NOT_FOUND"),
        (an_experiment_message(model="Digits"), INVALID, "MODEL_ID_INVALID"),
        (without_metric(), INVALID, "METRIC_INVALID"),
        (with_metric(name="Not A Metric"), INVALID, "METRIC_INVALID"),
        (with_metric(window_ms=-1), INVALID, "METRIC_INVALID"),
        (with_metric(window_ms=2**62), INVALID, "METRIC_INVALID"),
        (with_analysis(alpha=0.9), INVALID, "ANALYSIS_INVALID"),
        (with_analysis(alpha=float("nan")), INVALID, "ANALYSIS_INVALID"),
        (with_analysis(optimal_units=-5), INVALID, "ANALYSIS_INVALID"),
        (an_experiment_message(rule=pb.Rule(min_units_per_arm=1)), INVALID, "RULE_INVALID"),
        (an_experiment_message(rule=pb.Rule(min_phases=-1)), INVALID, "RULE_INVALID"),
    ],
)
async def test_a_draft_that_cannot_be_is_refused(
    experiment_stub: ExperimentServiceStub,
    registry: FakeRegistry,
    experiment: pb.Experiment,
    code: str,
    reason: str,
) -> None:
    registry.add_version("digits", signature=a_signature(features=63))

    error = await refusal(create(experiment_stub, experiment))

    assert (error.code, error.reason) == (code, reason)
    assert not (await experiment_stub.ListExperiments(pb.ListExperimentsRequest())).experiments


@pytest.mark.parametrize("experiment_id", ["", "Digits", "a" * 64, "a-", "ä"])
async def test_a_bad_id_is_refused(
    experiment_stub: ExperimentServiceStub, experiment_id: str
) -> None:
    error = await refusal(create(experiment_stub, experiment_id=experiment_id))

    assert error.reason == "EXPERIMENT_ID_INVALID"


async def test_an_id_is_given_once(experiment_stub: ExperimentServiceStub) -> None:
    await create(experiment_stub)

    error = await refusal(create(experiment_stub))

    assert (error.code, error.reason) == ("ALREADY_EXISTS", "EXPERIMENT_EXISTS")


async def test_starting_splits_the_buckets(experiment_stub: ExperimentServiceStub) -> None:
    await create(experiment_stub)

    running = await start(experiment_stub)

    assert running.state == pb.STATE_RUNNING
    assert [(s.start, s.end, s.arm) for s in running.segments] == [
        (0, 9_000, "champion"),
        (9_000, 10_000, "challenger"),
    ]
    assert [phase.number for phase in running.phases] == [1]
    assert await start(experiment_stub) == running


async def test_a_control_that_lost_its_alias_cannot_start(
    experiment_stub: ExperimentServiceStub, registry: FakeRegistry
) -> None:
    await create(experiment_stub)
    registry.models["models/digits"].aliases["champion"].version = 2

    error = await refusal(start(experiment_stub))

    assert (error.code, error.reason) == ("FAILED_PRECONDITION", "CONTROL_NOT_CHAMPION")


async def test_arms_are_compared_again_at_the_start(
    experiment_stub: ExperimentServiceStub, registry: FakeRegistry
) -> None:
    await create(experiment_stub)
    candidate = registry.versions["models/digits/versions/2"]
    candidate.state = registry_pb2.VERSION_STATE_ARCHIVED

    error = await refusal(start(experiment_stub))

    assert (error.code, error.reason) == ("FAILED_PRECONDITION", "VERSION_RETIRED")


async def test_incompatible_arms_may_be_forced(
    experiment_stub: ExperimentServiceStub, registry: FakeRegistry
) -> None:
    registry.add_version("digits", signature=a_signature(features=63))
    wanted = an_experiment_message([("a", 1, 5_000), ("b", 3, 5_000)])

    error = await refusal(create(experiment_stub, wanted))
    wanted.allow_incompatible = True
    made = await create(experiment_stub, wanted)

    assert error.reason == "SIGNATURE_MISMATCH"
    assert "x has another shape" in error.message
    assert made.allow_incompatible
    assert (await start(experiment_stub)).state == pb.STATE_RUNNING


async def test_a_second_running_experiment_on_the_model_is_refused(
    experiment_stub: ExperimentServiceStub,
) -> None:
    await create(experiment_stub)
    await create(experiment_stub, experiment_id="other")
    await start(experiment_stub)

    error = await refusal(start(experiment_stub, "experiments/other"))

    assert error.reason == "MODEL_HAS_RUNNING_EXPERIMENT"
    assert error.metadata["running"] == NAME


async def test_a_ramp_moves_the_buckets_and_begins_a_phase(
    experiment_stub: ExperimentServiceStub, clock: FakeClock
) -> None:
    await create(experiment_stub)
    await start(experiment_stub)
    clock.advance(minutes=1)

    ramped = await experiment_stub.RampExperiment(
        pb.RampExperimentRequest(name=NAME, weights_bp=HALF)
    )

    assert [(s.start, s.end, s.arm) for s in ramped.segments] == [
        (0, 5_000, "champion"),
        (5_000, 10_000, "challenger"),
    ]
    assert [(arm.id, arm.weight_bp) for arm in ramped.arms] == list(HALF.items())
    assert [dict(phase.weights_bp) for phase in ramped.phases] == [
        {"champion": 9_000, "challenger": 1_000},
        HALF,
    ]
    assert ramped.phases[0].end_time == ramped.phases[1].start_time
    again = await experiment_stub.RampExperiment(
        pb.RampExperimentRequest(name=NAME, weights_bp=HALF)
    )
    assert again == ramped


async def starting(stub: ExperimentServiceStub, name: str, etag: str) -> pb.Experiment:
    changed: pb.Experiment = await stub.StartExperiment(
        pb.StartExperimentRequest(name=name, etag=etag)
    )
    return changed


async def ramping(stub: ExperimentServiceStub, name: str, etag: str) -> pb.Experiment:
    changed: pb.Experiment = await stub.RampExperiment(
        pb.RampExperimentRequest(name=name, weights_bp=HALF, etag=etag)
    )
    return changed


async def stopping(stub: ExperimentServiceStub, name: str, etag: str) -> pb.Experiment:
    changed: pb.Experiment = await stub.StopExperiment(
        pb.StopExperimentRequest(name=name, etag=etag)
    )
    return changed


async def concluding(stub: ExperimentServiceStub, name: str, etag: str) -> pb.Experiment:
    changed: pb.Experiment = await stub.ConcludeExperiment(
        pb.ConcludeExperimentRequest(name=name, winner="challenger", force=True, etag=etag)
    )
    return changed


Change = Callable[[ExperimentServiceStub, str, str], Awaitable[pb.Experiment]]


@pytest.mark.parametrize("change", [starting, ramping, stopping, concluding])
async def test_a_stale_etag_is_refused(
    experiment_stub: ExperimentServiceStub, change: Change
) -> None:
    draft = await create(experiment_stub)
    if change is not starting:
        await start(experiment_stub)

    error = await refusal(change(experiment_stub, NAME, draft.etag + "0"))

    assert (error.code, error.reason) == ("ABORTED", "ETAG_MISMATCH")


@pytest.mark.parametrize("change", [starting, ramping, stopping, concluding])
async def test_what_does_not_exist_is_not_found(
    experiment_stub: ExperimentServiceStub, change: Change
) -> None:
    error = await refusal(change(experiment_stub, "experiments/none", ""))

    assert (error.code, error.reason) == ("NOT_FOUND", "EXPERIMENT_NOT_FOUND")


@pytest.mark.parametrize("change", [starting, ramping, stopping, concluding])
async def test_a_name_that_is_none_is_refused(
    experiment_stub: ExperimentServiceStub, change: Change
) -> None:
    error = await refusal(change(experiment_stub, "models/digits", ""))

    assert (error.code, error.reason) == ("INVALID_ARGUMENT", "EXPERIMENT_ID_INVALID")


async def test_a_stopped_one_neither_ramps_nor_starts(
    experiment_stub: ExperimentServiceStub,
) -> None:
    await create(experiment_stub)
    await start(experiment_stub)
    stopped = await stopping(experiment_stub, NAME, "")

    assert (stopped.state, stopped.HasField("end_time")) == (pb.STATE_STOPPED, True)
    assert await stopping(experiment_stub, NAME, "") == stopped
    assert (await refusal(ramping(experiment_stub, NAME, ""))).reason == "EXPERIMENT_NOT_RUNNING"
    assert (await refusal(starting(experiment_stub, NAME, ""))).reason == "STATE_NOT_REACHABLE"


async def test_results_of_a_draft_are_refused(experiment_stub: ExperimentServiceStub) -> None:
    await create(experiment_stub)

    error = await refusal(experiment_stub.GetResults(pb.GetResultsRequest(name=NAME)))

    assert (error.code, error.reason) == ("FAILED_PRECONDITION", "EXPERIMENT_NOT_STARTED")


async def test_results_without_facts_say_what_is_missing(
    experiment_stub: ExperimentServiceStub,
) -> None:
    await create(experiment_stub)
    await start(experiment_stub)

    results = await experiment_stub.GetResults(pb.GetResultsRequest(name=NAME))

    assert [arm.arm for arm in results.arms] == ["champion", "challenger"]
    assert not results.arms[0].HasField("mean")
    assert not results.arms[0].HasField("latency_p50_ms")
    assert not results.comparisons[0].HasField("effect")
    assert results.comparisons[0].undefined_reason
    assert not results.sample_ratio.HasField("p_value")
    assert results.recommended_winner == ""
    assert "needs 100 units" in results.recommendation


async def test_results_tell_the_effect_and_who_wins(
    experiment_stub: ExperimentServiceStub, memory_store: MemoryStore, clock: FakeClock
) -> None:
    await create(experiment_stub, with_weights(("champion", 1, 5_000), ("challenger", 2, 5_000)))
    await start(experiment_stub)
    await feed(memory_store, units=600, better="challenger", clock=clock)

    results = await experiment_stub.GetResults(pb.GetResultsRequest(name=NAME))

    (comparison,) = results.comparisons
    assert comparison.effect == pytest.approx(0.8, abs=0.01)
    assert 0.0 < comparison.lower < comparison.effect < comparison.upper
    assert comparison.p_value < 0.05
    assert not results.sample_ratio.mismatch
    assert results.recommended_winner == "challenger"
    assert [arm.units_with_value for arm in results.arms] == [300, 300]
    assert results.facts.exposures == 600
    assert results.arms[0].latency_p99_ms == pytest.approx(2.0, rel=0.01)


async def test_a_p_value_never_rises(
    experiment_stub: ExperimentServiceStub, memory_store: MemoryStore, clock: FakeClock
) -> None:
    await create(experiment_stub, with_weights(("champion", 1, 5_000), ("challenger", 2, 5_000)))
    await start(experiment_stub)
    await feed(memory_store, units=200, better="challenger", clock=clock)
    first = await experiment_stub.GetResults(pb.GetResultsRequest(name=NAME))
    async with memory_store.transaction() as tx:
        # What was right is wrong after all, for every second unit.
        await tx.add_outcomes(
            [
                [
                    an_outcome(unit=f"unit-{number}", value=-2.0, at=clock.now)
                    for number in range(1, 200, 4)
                ]
            ]
        )

    second = await experiment_stub.GetResults(pb.GetResultsRequest(name=NAME))

    assert second.comparisons[0].effect < first.comparisons[0].effect
    assert second.comparisons[0].p_value == first.comparisons[0].p_value


async def test_the_rule_concludes_with_its_evidence(
    experiment_stub: ExperimentServiceStub, memory_store: MemoryStore, clock: FakeClock
) -> None:
    await create(experiment_stub, with_weights(("champion", 1, 5_000), ("challenger", 2, 5_000)))
    await start(experiment_stub)
    await feed(memory_store, units=600, better="challenger", clock=clock)
    request = pb.ConcludeExperimentRequest(name=NAME)

    concluded = await experiment_stub.ConcludeExperiment(request)

    verdict = concluded.verdict
    assert concluded.state == pb.STATE_CONCLUDING
    assert (verdict.winner, verdict.version, verdict.forced) == ("challenger", 2, False)
    assert [(s.start, s.end, s.arm) for s in concluded.segments] == [(0, 10_000, "challenger")]
    canonical = json.dumps(
        json_format.MessageToDict(verdict.evidence, preserving_proto_field_name=True),
        sort_keys=True,
        separators=(",", ":"),
    )
    assert hashlib.sha256(canonical.encode()).hexdigest() == verdict.digest
    assert verdict.evidence.recommended_winner == "challenger"
    assert "challenger (version 2) wins" in verdict.summary
    assert await experiment_stub.ConcludeExperiment(request) == concluded


async def test_a_control_that_is_better_wins(
    experiment_stub: ExperimentServiceStub, memory_store: MemoryStore, clock: FakeClock
) -> None:
    await create(experiment_stub, with_weights(("champion", 1, 5_000), ("challenger", 2, 5_000)))
    await start(experiment_stub)
    await feed(memory_store, units=600, better="champion", clock=clock)

    concluded = await experiment_stub.ConcludeExperiment(pb.ConcludeExperimentRequest(name=NAME))

    assert concluded.verdict.winner == "champion"


@pytest.mark.parametrize(
    ("winner", "code", "reason"),
    [
        ("", "FAILED_PRECONDITION", "NO_DECISION"),
        ("challenger", "FAILED_PRECONDITION", "VERDICT_DISAGREES"),
        ("nobody", "INVALID_ARGUMENT", "ARM_UNKNOWN"),
    ],
)
async def test_a_conclusion_needs_the_rule_to_agree(
    experiment_stub: ExperimentServiceStub, winner: str, code: str, reason: str
) -> None:
    await create(experiment_stub)
    await start(experiment_stub)

    error = await refusal(
        experiment_stub.ConcludeExperiment(pb.ConcludeExperimentRequest(name=NAME, winner=winner))
    )

    assert (error.code, error.reason) == (code, reason)


async def test_a_person_may_conclude_by_force(experiment_stub: ExperimentServiceStub) -> None:
    await create(experiment_stub)
    await start(experiment_stub)

    concluded = await concluding(experiment_stub, NAME, "")

    assert concluded.verdict.forced
    assert concluded.verdict.winner == "challenger"
    assert await concluding(experiment_stub, NAME, "") == concluded
    other = pb.ConcludeExperimentRequest(name=NAME, winner="champion", force=True)
    error = await refusal(experiment_stub.ConcludeExperiment(other))
    assert error.reason == "EXPERIMENT_NOT_RUNNING"
    error = await refusal(ramping(experiment_stub, NAME, ""))
    assert error.reason == "EXPERIMENT_NOT_RUNNING"


def page_token(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


async def test_a_list_comes_in_pages_newest_first(
    experiment_stub: ExperimentServiceStub, clock: FakeClock
) -> None:
    for name in ("a", "b", "c"):
        await create(experiment_stub, experiment_id=name)
        clock.advance(seconds=1)

    first = await experiment_stub.ListExperiments(pb.ListExperimentsRequest(page_size=2))
    rest = await experiment_stub.ListExperiments(
        pb.ListExperimentsRequest(page_size=2, page_token=first.next_page_token)
    )
    none = await experiment_stub.ListExperiments(pb.ListExperimentsRequest(model="models/none"))

    assert [item.name for item in first.experiments] == ["experiments/c", "experiments/b"]
    assert [item.name for item in rest.experiments] == ["experiments/a"]
    assert rest.next_page_token == ""
    assert not none.experiments


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (pb.ListExperimentsRequest(page_size=-1), "PAGE_SIZE_INVALID"),
        (pb.ListExperimentsRequest(page_size=1_001), "PAGE_SIZE_INVALID"),
        (pb.ListExperimentsRequest(page_token="nonsense"), "PAGE_TOKEN_INVALID"),
        (pb.ListExperimentsRequest(page_token="ü"), "PAGE_TOKEN_INVALID"),
        (pb.ListExperimentsRequest(page_token=page_token("9" * 20 + ":a")), "PAGE_TOKEN_INVALID"),
        (pb.ListExperimentsRequest(page_token=page_token("5:Not an id")), "PAGE_TOKEN_INVALID"),
    ],
)
async def test_a_bad_page_is_refused(
    experiment_stub: ExperimentServiceStub, request_: pb.ListExperimentsRequest, reason: str
) -> None:
    error = await refusal(experiment_stub.ListExperiments(request_))

    assert (error.code, error.reason) == ("INVALID_ARGUMENT", reason)


async def test_a_registry_that_cannot_be_asked_is_unavailable() -> None:
    async with open_channel("127.0.0.1:1", None) as nowhere:
        client = GrpcRegistry(nowhere)

        with pytest.raises(Unavailable) as caught:
            await client.champion(ModelName("digits"))

    assert caught.value.reason == "REGISTRY_UNAVAILABLE"
