"""What the report says of an experiment in each state."""

from __future__ import annotations

import re

import pytest

from algolink.experiment.v1 import experiment_pb2 as pb
from algolink.experiment.v1 import measures_pb2, policies_pb2
from cli.report import page, words
from cli.report.material import Material
from tests.cli.report import cases


def refused() -> Material:
    found = cases.concluded(cases.material(state=pb.STATE_STOPPED))
    found.experiment.promotion_refusal.message = "somebody moved the champion"
    return found


def mismatched() -> Material:
    found = cases.material()
    found.results.sample_ratio.mismatch = True
    found.results.sample_ratio.p_value = 1e-7
    return found


def broken() -> Material:
    found = cases.material(primary=False)
    found.results.metrics[0].comparisons[0].standing = measures_pb2.STANDING_INFERIOR
    return found


def winning() -> Material:
    found = cases.material()
    found.results.recommended_winner = "challenger"
    return found


def losing_facts() -> Material:
    found = cases.material()
    found.results.losses.append(cases.a_loss())
    return found


def waiting() -> Material:
    found = cases.material()
    found.experiment.awaiting_approval = "promote challenger"
    return found


@pytest.mark.parametrize(
    ("found", "says", "to_do"),
    [
        (cases.material(state=pb.STATE_DRAFT), "Not started", "experiment start ranking-7"),
        (cases.material(count=1), "no data yet", "Let it run"),
        (cases.material(), "not decided yet", "Let it run"),
        (winning(), "challenger can be concluded", "experiment conclude ranking-7"),
        (mismatched(), "cannot be trusted", "experiment stop ranking-7"),
        (broken(), "a guardrail is broken", "experiment stop ranking-7"),
        (losing_facts(), "not decided yet", "acknowledge-losses ranking-7"),
        (waiting(), "not decided yet", "experiment approve ranking-7"),
        (
            cases.concluded(cases.material(state=pb.STATE_CONCLUDED)),
            "challenger (version 4) won",
            "the winner serves all traffic",
        ),
        (cases.material(state=pb.STATE_STOPPED), "nobody was promoted", "champion has all"),
        (refused(), "nobody was promoted", "champion has all"),
    ],
)
def test_each_state_has_its_headline_and_what_to_do(found: Material, says: str, to_do: str) -> None:
    assert says in words.headline(found)
    assert to_do in "".join(words.to_do(found))


def test_traffic_to_the_winner_is_no_ramp() -> None:
    found = cases.concluded(cases.material(state=pb.STATE_CONCLUDED))
    found.experiment.phases.add(
        number=3, start_time=found.experiment.verdict.time, weights_bp={"challenger": 10_000}
    )

    assert "changed once." in "".join(words.happened(found))
    assert "Traffic to the winner" in page.page(found)


def test_less_is_better_where_the_metric_says_so() -> None:
    more = cases.material(effect=0.3)
    less = Material(
        experiment=more.experiment,
        time=more.time,
        results=more.results,
        decreasing=frozenset([cases.PRIMARY]),
    )

    assert "challenger: better" in "".join(words.found(more))
    assert "challenger: worse" in "".join(words.found(less))
    assert "lower is better" in "".join(words.asked(less))


def test_what_people_wrote_stays_text() -> None:
    found = cases.concluded(cases.material(state=pb.STATE_CONCLUDED, description=cases.HOSTILE))
    found.experiment.verdict.summary = cases.HOSTILE
    found.experiment.promotion_refusal.message = cases.HOSTILE
    found.results.recommendation = cases.HOSTILE
    found.results.losses.append(cases.a_loss(cases.HOSTILE))
    found.points[0].metrics[0].comparisons[0].undefined_reason = cases.HOSTILE
    hostile = cases.a_decision(policies_pb2.DECISION_ACTION_PROMOTE, cases.HOSTILE)
    material = Material(
        experiment=found.experiment,
        time=found.time,
        results=found.results,
        points=found.points,
        decisions=[hostile],
    )

    text = page.page(material)

    assert "<script" not in text
    assert "<img" not in text
    assert text.count("&lt;script&gt;") >= 6


def test_decisions_and_verdicts_are_told_with_their_digests() -> None:
    found = cases.concluded(cases.material(state=pb.STATE_CONCLUDED))
    decided = cases.a_decision(policies_pb2.DECISION_ACTION_RAMP, "step 1: 10 % to 50 %")

    text = page.page(Material(experiment=found.experiment, time=found.time, decisions=[decided]))

    told = re.findall("Started|Shares changed|Decision 1: ramp|5e5e|Verdict|abab", text)
    assert list(dict.fromkeys(told)) == [
        "Started",
        "Shares changed",
        "Decision 1: ramp",
        "5e5e",
        "Verdict",
        "abab",
    ]
