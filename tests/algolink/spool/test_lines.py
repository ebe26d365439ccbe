"""Lines of the exposure log, as values; test_exposure_log_e2e has Envoy's own."""

from __future__ import annotations

import json

import pytest

from algolink.experiment.v1 import facts_pb2
from algolink.spool import lines
from tests.mesh_agent.builders import a_line


def test_a_line_becomes_the_exposure_that_it_tells_of() -> None:
    exposure = lines.exposure(a_line(request_id="0" * 36))

    assert exposure.request_id == "0" * 36
    assert exposure.kind == facts_pb2.EXPOSURE_KIND_REQUEST
    assert exposure.attempt == 0
    assert exposure.time.ToMicroseconds() == 1_795_230_000_123_456
    assert exposure.model == "digits"
    assert exposure.experiment == "experiments/digits-1"
    assert exposure.phase == 2
    assert exposure.table_revision == "0123456789abcdef"
    assert (exposure.arm, exposure.unit) == ("challenger", "user-1")
    assert (exposure.assigned_version, exposure.answered_version) == (2, 2)
    assert (exposure.http_status, exposure.grpc_status) == (200, 0)
    assert exposure.response_flags == ""
    assert exposure.duration_us == 1_234


def test_what_a_replica_says_itself_comes_before_what_was_assumed() -> None:
    exposure = lines.exposure(a_line(answered_version="2", served_version="3"))

    assert exposure.answered_version == 3


def test_a_rest_request_has_no_grpc_status() -> None:
    assert not lines.exposure(a_line(grpc_status=None)).HasField("grpc_status")


def test_a_request_outside_an_experiment_names_none() -> None:
    exposure = lines.exposure(a_line(experiment=None, phase=None, arm=None, unit=None))

    assert (exposure.experiment, exposure.phase, exposure.arm, exposure.unit) == ("", 0, "", "")


def test_a_request_without_an_answer_lasted_until_the_client_left() -> None:
    exposure = lines.exposure(
        a_line(answered_us=None, duration_ms=312, http_status=0, grpc_status=None, flags="DC")
    )

    assert exposure.duration_us == 312_000
    assert (exposure.http_status, exposure.response_flags) == (0, "DC")


def test_an_attempt_is_a_fact_of_its_own() -> None:
    exposure = lines.exposure(
        a_line(kind="attempt", attempt="2", assigned_version="2", served_version=None)
    )

    assert (exposure.kind, exposure.attempt) == (facts_pb2.EXPOSURE_KIND_ATTEMPT, 2)
    assert (exposure.experiment, exposure.unit) == ("experiments/digits-1", "user-1")


def test_a_shadow_is_a_fact_of_its_own() -> None:
    exposure = lines.exposure(a_line(kind="shadow", attempt="1", assigned_version="3"))

    assert (exposure.kind, exposure.attempt) == (facts_pb2.EXPOSURE_KIND_SHADOW, 0)
    assert exposure.assigned_version == 3


def test_an_attempt_outside_an_experiment_names_no_unit() -> None:
    exposure = lines.exposure(
        a_line(kind="attempt", attempt="1", experiment=None, phase=None, arm=None)
    )

    assert (exposure.experiment, exposure.unit) == ("", "")


def test_a_line_of_before_there_were_kinds_is_of_a_request() -> None:
    line = json.loads(a_line())
    del line["kind"]

    exposure = lines.exposure(json.dumps(line).encode())

    assert exposure.kind == facts_pb2.EXPOSURE_KIND_REQUEST


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b"\xff\xfe",
        a_line()[:-20],
        a_line()[:40] + a_line(),
        a_line(request_id=None),
        a_line(request_id="short"),
        a_line(time_us="yesterday"),
        a_line(model=None),
        a_line(model=7),
        a_line(phase="two"),
        a_line(kind="rumour"),
        a_line(kind="attempt", attempt=None),
        a_line(kind="attempt"),
        a_line(phase="99999999999999999999"),
    ],
)
def test_anything_else_is_malformed(line: bytes) -> None:
    with pytest.raises(lines.MalformedLine):
        lines.exposure(line)
