"""What is known to be lost, from what Envoy said and what its log holds."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mesh_agent import losses
from mesh_agent.losses import Ledger, Lost
from mesh_agent.statistics import Statistics

counts = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(0, 50))


def said(*, active: int = 0, quiet_s: float = 0.0, **exposures: int) -> Statistics:
    return Statistics(
        time_s=1_000.0,
        exposures=exposures,
        moved_s=dict.fromkeys(exposures, 1_000.0 - quiet_s),
        active=active,
    )


def told(**values: int) -> str:
    return json.dumps({"stats": [{"name": n, "value": v} for n, v in values.items()]})


@given(written=counts, kept=counts)
def test_what_is_counted_and_in_no_line_is_missing(
    written: dict[str, int], kept: dict[str, int]
) -> None:
    lines = {name: min(kept.get(name, 0), count) for name, count in written.items()}

    found = losses.missing(said(**written), lines)

    assert {name: lost.exposures for name, lost in found.items()} == {
        name: count - lines[name] for name, count in written.items() if count > lines[name]
    }
    assert not any(lost.at_least for lost in found.values())


def test_a_killed_envoy_may_have_lost_more_of_whom_it_logged_lately() -> None:
    assert losses.killed(said(a=5), {"a": 3}, watched=True) == {"a": Lost(2, True)}
    assert losses.killed(said(a=5), {"a": 5}, watched=True) == {"a": Lost(0, True)}
    assert losses.killed(said(a=5), {"a": 9}, watched=True) == {"a": Lost(0, True)}


def test_of_an_experiment_without_requests_nothing_is_lost() -> None:
    assert losses.killed(said(quiet_s=60.0, a=5), {"a": 5}, watched=True) == {}


def test_lines_that_came_after_the_last_look_tell_of_requests() -> None:
    assert losses.killed(said(), {"a": 1}, watched=True) == {"a": Lost(0, True)}


def test_requests_under_way_or_an_absent_agent_put_all_experiments_in_doubt() -> None:
    assert set(losses.killed(said(active=1, quiet_s=60.0, a=5), {"b": 1}, watched=True)) == {
        "a",
        "b",
    }
    assert set(losses.killed(said(quiet_s=60.0, a=5), {"b": 1}, watched=False)) == {"a", "b"}
    assert losses.killed(None, {"b": 1}, watched=False) == {"b": Lost(0, True)}


def test_a_ledger_grows_only_by_what_is_new(tmp_path: Path) -> None:
    ledger = Ledger().found({"a": Lost(2, True)}, cause="killed", time_s=1.0)

    assert Ledger().found({}, cause="killed", time_s=1.0) == Ledger()
    assert ledger.found({"a": Lost(2, True)}, cause="other", time_s=2.0) == ledger
    assert not ledger.is_reported
    ledger.save(tmp_path / "ledger.json")
    assert Ledger.load(tmp_path / "ledger.json") == ledger
    assert ledger.found({}, cause="found", time_s=3.0).revision == 2


def test_what_cannot_be_read_counts_as_nothing(tmp_path: Path) -> None:
    (tmp_path / "broken").write_text("{")

    assert Ledger.load(tmp_path / "broken") == Ledger()
    assert Statistics.load(tmp_path / "broken") is None
    assert Statistics.load(tmp_path / "absent") is None


def test_statistics_are_read_from_envoys_json_and_know_what_moved(tmp_path: Path) -> None:
    first = Statistics.parse(
        told(**{"algolink.exposures.experiment.a": 3, "algolink.exposures.experiment.": 9}),
        before=None,
        time_s=10.0,
    )
    second = Statistics.parse(
        told(
            **{
                "algolink.exposures.experiment.a": 3,
                "algolink.exposures.experiment.b": 1,
                "filesystem.write_total_buffered": 7,
                "filesystem.write_failed": 2,
                "http.data.downstream_rq_active": 4,
            }
        ),
        before=first,
        time_s=20.0,
    )
    second.save(tmp_path / "statistics.json")

    assert first.exposures == {"a": 3}
    assert second.moved_s == {"a": 10.0, "b": 20.0}
    assert (second.buffered_bytes, second.failed_writes, second.active) == (7, 2, 4)
    assert Statistics.load(tmp_path / "statistics.json") == second
