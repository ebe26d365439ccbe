from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algolink import split
from algolink.errors import Aborted, AlgoLinkError, FailedPrecondition, InvalidArgument
from experiment_svc.domain import experiments
from experiment_svc.domain.experiments import Experiment, State
from tests.experiment_svc.builders import NOON, a_draft, a_running, a_verdict

LATER = NOON + timedelta(hours=1)


def in_state(state: State) -> Experiment:
    running = a_running()
    concluding = experiments.conclude(running, a_verdict(), at=NOON)
    return {
        State.DRAFT: a_draft(),
        State.RUNNING: running,
        State.CONCLUDING: concluding,
        State.CONCLUDED: experiments.promoted(concluding, model_revision=7, at=NOON),
        State.STOPPED: experiments.stop(running, at=NOON),
    }[state]


def start(experiment: Experiment) -> Experiment:
    return experiments.start(experiment, at=LATER)


def ramp(experiment: Experiment) -> Experiment:
    return experiments.ramp(experiment, {"champion": 5_000, "challenger": 5_000}, at=LATER)


def stop(experiment: Experiment) -> Experiment:
    return experiments.stop(experiment, at=LATER)


def conclude(experiment: Experiment) -> Experiment:
    return experiments.conclude(experiment, a_verdict(), at=LATER)


def promoted(experiment: Experiment) -> Experiment:
    return experiments.promoted(experiment, model_revision=9, at=LATER)


@pytest.mark.parametrize(
    ("state", "move", "reached"),
    [
        (State.DRAFT, start, State.RUNNING),
        (State.DRAFT, stop, State.STOPPED),
        (State.RUNNING, ramp, State.RUNNING),
        (State.RUNNING, stop, State.STOPPED),
        (State.RUNNING, conclude, State.CONCLUDING),
        (State.CONCLUDING, promoted, State.CONCLUDED),
    ],
)
def test_a_move_that_is_allowed_reaches_its_state(
    state: State, move: Callable[[Experiment], Experiment], reached: State
) -> None:
    assert move(in_state(state)).state is reached


@pytest.mark.parametrize(
    ("state", "move"),
    [
        (State.RUNNING, start),
        (State.STOPPED, stop),
        (State.CONCLUDED, promoted),
    ],
)
def test_asking_for_the_present_state_changes_nothing(
    state: State, move: Callable[[Experiment], Experiment]
) -> None:
    experiment = in_state(state)

    assert move(experiment) is experiment


@pytest.mark.parametrize(
    ("state", "move", "reason"),
    [
        (State.DRAFT, ramp, "EXPERIMENT_NOT_RUNNING"),
        (State.DRAFT, conclude, "EXPERIMENT_NOT_RUNNING"),
        (State.DRAFT, promoted, "STATE_NOT_REACHABLE"),
        (State.RUNNING, promoted, "STATE_NOT_REACHABLE"),
        (State.CONCLUDING, start, "STATE_NOT_REACHABLE"),
        (State.CONCLUDING, ramp, "EXPERIMENT_NOT_RUNNING"),
        (State.CONCLUDED, start, "STATE_NOT_REACHABLE"),
        (State.CONCLUDED, ramp, "EXPERIMENT_NOT_RUNNING"),
        (State.CONCLUDED, stop, "STATE_NOT_REACHABLE"),
        (State.CONCLUDED, conclude, "EXPERIMENT_NOT_RUNNING"),
        (State.STOPPED, start, "STATE_NOT_REACHABLE"),
        (State.STOPPED, ramp, "EXPERIMENT_NOT_RUNNING"),
        (State.STOPPED, conclude, "EXPERIMENT_NOT_RUNNING"),
        (State.STOPPED, promoted, "STATE_NOT_REACHABLE"),
    ],
)
def test_a_move_that_is_not_allowed_is_refused(
    state: State, move: Callable[[Experiment], Experiment], reason: str
) -> None:
    with pytest.raises(FailedPrecondition) as caught:
        move(in_state(state))

    assert caught.value.reason == reason


def test_starting_begins_phase_one_with_a_segment_per_arm() -> None:
    running = experiments.start(a_draft(), at=LATER)

    assert running.table == split.allocate({"champion": 9_000, "challenger": 1_000})
    assert [(phase.number, phase.start, phase.end) for phase in running.phases] == [
        (1, LATER, None)
    ]
    assert running.phases[0].weights_bp == {"champion": 9_000, "challenger": 1_000}
    assert running.start_time == LATER


def test_the_salt_is_the_id_and_eight_random_characters() -> None:
    assert a_draft(name="digits").salt == "digits-0a1b2c3d"


def test_a_ramp_ends_the_phase_and_begins_the_next() -> None:
    ramped = ramp(a_running())

    assert [(phase.number, phase.start, phase.end) for phase in ramped.phases] == [
        (1, NOON, LATER),
        (2, LATER, None),
    ]


def test_phases_do_not_overlap_when_the_clock_steps_back() -> None:
    early = NOON - timedelta(seconds=5)

    ramped = experiments.ramp(a_running(), {"champion": 5_000, "challenger": 5_000}, at=early)

    assert ramped.phases[0].end == ramped.phases[1].start == NOON


def test_ramping_to_the_present_weights_changes_nothing() -> None:
    running = a_running()

    same = experiments.ramp(running, {"challenger": 1_000, "champion": 9_000}, at=LATER)

    assert same is running


@pytest.mark.parametrize(
    "weights",
    [
        {"champion": 9_000},
        {"champion": 9_000, "challenger": 999},
        {"champion": 9_000, "challenger": 1_000, "other": 0},
        {"champion": 10_001, "challenger": -1},
        {},
    ],
)
def test_a_ramp_needs_a_weight_for_each_arm_and_a_sum_of_10000(weights: dict[str, int]) -> None:
    with pytest.raises(InvalidArgument) as caught:
        experiments.ramp(a_running(), weights, at=LATER)

    assert caught.value.reason == "WEIGHTS_INVALID"


@given(st.lists(st.integers(0, split.BUCKETS), min_size=1, max_size=8))
def test_ramps_move_only_what_they_must(shares: list[int]) -> None:
    experiment = a_running()
    for share in shares:
        before = experiment.weights()["challenger"]
        weights = {"champion": split.BUCKETS - share, "challenger": share}
        ramped = experiments.ramp(experiment, weights, at=LATER)
        assert experiment.table is not None
        assert ramped.table is not None
        assert split.moved(experiment.table, ramped.table) == abs(share - before)
        assert ramped.weights() == weights
        experiment = ramped


def test_a_conclusion_gives_the_winner_all_traffic_in_a_phase_of_its_own() -> None:
    concluding = conclude(a_running())

    assert concluding.weights() == {"champion": 0, "challenger": 10_000}
    assert [phase.end for phase in concluding.phases] == [LATER, None]
    assert concluding.end_time is None


def test_a_promotion_ends_the_last_phase_and_keeps_the_models_revision() -> None:
    concluded = promoted(in_state(State.CONCLUDING))

    assert concluded.promoted_model_revision == 9
    assert concluded.phases[-1].end == concluded.end_time == LATER


def test_an_unknown_winner_is_refused() -> None:
    with pytest.raises(InvalidArgument) as caught:
        experiments.conclude(a_running(), a_verdict("nobody"), at=LATER)

    assert caught.value.reason == "ARM_UNKNOWN"


def test_a_stale_etag_is_refused() -> None:
    with pytest.raises(Aborted) as caught:
        experiments.check_etag(a_running(), "r99")

    assert caught.value.reason == "ETAG_MISMATCH"


@pytest.mark.parametrize("etag", ["", "r0"])
def test_the_present_etag_and_none_are_fine(etag: str) -> None:
    experiments.check_etag(a_running(), etag)


@pytest.mark.parametrize(
    ("weights", "reason"),
    [
        ({"champion": 9_000, "challenger": 999}, "WEIGHTS_INVALID"),
        ({"champion": 10_000, "challenger": 0}, "WEIGHTS_INVALID"),
        ({"champion": 10_001, "challenger": -1}, "WEIGHTS_INVALID"),
        ({"champion": 10_000}, "ARMS_INVALID"),
        ({"Champion": 9_000, "challenger": 1_000}, "ARMS_INVALID"),
        ({f"arm-{number}": 1 for number in range(65)}, "ARMS_INVALID"),
    ],
)
def test_bad_arms_are_refused(weights: dict[str, int], reason: str) -> None:
    with pytest.raises(AlgoLinkError) as caught:
        a_draft(weights=weights)

    assert caught.value.reason == reason
