"""What is held, and which version answers: plain values, no I/O."""

from __future__ import annotations

from dataclasses import replace

import pytest

from algolink.errors import AlgoLinkError, Unavailable
from algolink.names import VersionName
from inference_svc.domain.holding import Holding, State, WantedVersion
from inference_svc.domain.holdings import Holdings


def a_version(number: int, *, model: str = "iris", digest: str = "a" * 64) -> WantedVersion:
    return WantedVersion(VersionName(model, number), digest, size_bytes=10)


def a_holding(state: State, *, in_flight: int = 0) -> Holding:
    return Holding(a_version(1), state=state, in_flight=in_flight)


def ready(holdings: Holdings, *numbers: int) -> None:
    for number in numbers:
        holding = holdings.find(VersionName("iris", number))
        assert holding is not None
        holding.begin_loading()
        holding.become_ready()


def refusal(holdings: Holdings, model: str, number: int | None = None) -> str:
    with pytest.raises(AlgoLinkError) as caught:
        holdings.choose(model, number)
    return f"{caught.value.code} {caught.value.reason}"


def test_a_version_loads_serves_and_goes() -> None:
    holding = a_holding(State.WANTED)
    holding.begin_loading()
    holding.become_ready()
    holding.enter()

    holding.unwant()

    assert holding.state is State.UNLOADING
    assert not holding.may_unload
    holding.leave()
    assert holding.may_unload


def test_a_version_that_failed_loads_again_and_forgets_why() -> None:
    holding = a_holding(State.LOADING)
    holding.fail("no space left")
    assert (holding.state, holding.failures, holding.message) == (State.FAILED, 1, "no space left")

    holding.begin_loading()
    holding.become_ready()

    assert (holding.state, holding.failures, holding.message) == (State.READY, 0, "")


def test_a_version_that_is_withdrawn_while_it_loads_is_never_ready() -> None:
    holding = a_holding(State.LOADING)
    holding.unwant()

    holding.become_ready()

    assert holding.state is State.UNLOADING


def test_a_version_that_is_wanted_again_takes_requests_at_once() -> None:
    holding = a_holding(State.READY, in_flight=1)
    holding.unwant()

    holding.want_again()

    assert holding.state is State.READY
    assert not holding.may_unload


@pytest.mark.parametrize("state", [State.WANTED, State.LOADING, State.FAILED, State.UNLOADING])
def test_only_a_ready_version_takes_requests(state: State) -> None:
    with pytest.raises(ValueError, match="takes no request"):
        a_holding(state).enter()


def test_more_requests_cannot_end_than_began() -> None:
    with pytest.raises(ValueError, match="no request to end"):
        a_holding(State.READY).leave()


@pytest.mark.parametrize("state", [State.READY, State.LOADING, State.UNLOADING])
def test_a_state_cannot_be_skipped(state: State) -> None:
    with pytest.raises(ValueError, match="cannot become"):
        a_holding(state).begin_loading()


def test_what_is_wanted_anew_is_told_once() -> None:
    holdings = Holdings()

    first = holdings.want([a_version(1), a_version(2)], whole=True)
    again = holdings.want([a_version(2), a_version(1)], whole=True)

    assert [holding.version.name.number for holding in first] == [1, 2]
    assert again == []


def test_a_whole_set_withdraws_the_rest_and_a_partial_one_nothing() -> None:
    holdings = Holdings()
    holdings.want([a_version(1)], whole=True)

    holdings.want([a_version(2)], whole=False)
    assert [holding.is_wanted for holding in holdings] == [True, True]

    holdings.want([a_version(2)], whole=True)
    assert [holding.is_wanted for holding in holdings] == [False, True]


def test_another_artifact_takes_the_place_of_the_first_when_that_has_gone() -> None:
    holdings = Holdings()
    (old,) = holdings.want([a_version(1)], whole=True)
    ready(holdings, 1)

    assert holdings.want([a_version(1, digest="b" * 64)], whole=True) == []
    assert old.may_unload
    new = holdings.drop(old)

    assert new is not None
    assert new.version.digest == "b" * 64
    assert list(holdings) == [new]


def test_without_a_number_the_champion_answers_as_soon_as_one_is_known() -> None:
    holdings = Holdings()
    champion = replace(a_version(1), is_champion=True)
    holdings.want([champion, a_version(2)], whole=True)
    ready(holdings, 1, 2)

    assert holdings.choose("iris", None).version.name.number == 1
    assert holdings.want([a_version(1), replace(a_version(2), is_champion=True)], whole=True) == []
    assert holdings.choose("iris", None).version.name.number == 2


def test_a_champion_that_is_loading_is_waited_for_and_not_stood_in_for() -> None:
    holdings = Holdings()
    holdings.want([replace(a_version(1), is_champion=True), a_version(2)], whole=True)
    ready(holdings, 2)

    with pytest.raises(Unavailable, match="is being loaded"):
        holdings.choose("iris", None)


def test_without_a_number_the_newest_ready_version_answers() -> None:
    holdings = Holdings()
    holdings.want([a_version(1), a_version(2), a_version(3)], whole=True)
    ready(holdings, 1, 2)

    assert holdings.choose("iris", None).version.name.number == 2
    assert holdings.choose("iris", 1).version.name.number == 1
    assert holdings.versions("iris") == [1, 2]


def test_what_does_not_answer_says_why() -> None:
    holdings = Holdings()
    assert refusal(holdings, "iris") == "UNAVAILABLE NOT_PLACED"

    loading, failing, going = holdings.want([a_version(n) for n in (1, 2, 3)], whole=True)
    ready(holdings, 3)
    loading.begin_loading()
    failing.begin_loading()
    failing.fail("no space left")
    going.enter()
    holdings.want([a_version(1), a_version(2)], whole=True)

    assert refusal(holdings, "rose") == "NOT_FOUND MODEL_NOT_FOUND"
    assert refusal(holdings, "iris", 9) == "NOT_FOUND VERSION_NOT_FOUND"
    assert refusal(holdings, "iris", 1) == "UNAVAILABLE LOADING"
    assert refusal(holdings, "iris", 2) == "UNAVAILABLE LOAD_FAILED"
    assert refusal(holdings, "iris", 3) == "UNAVAILABLE UNLOADING"


def test_a_retry_that_loads_is_still_told_as_failed() -> None:
    holdings = Holdings()
    (holding,) = holdings.want([a_version(1)], whole=True)
    holding.begin_loading()
    holding.fail("no space left")
    holding.begin_loading()

    assert refusal(holdings, "iris") == "UNAVAILABLE LOAD_FAILED"
