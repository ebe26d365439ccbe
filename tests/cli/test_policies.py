"""Files of policies, and how policies and decisions are shown."""

from __future__ import annotations

from datetime import timedelta

import pytest
import yaml

from algolink.client.policies import Freeze, Policy, Step
from algolink.errors import InvalidArgument
from algolink.experiment.v1 import policies_pb2 as pb
from cli import output, policy_file
from cli.views import policies as views


def test_the_example_means_what_it_says() -> None:
    name, policy = policy_file.parse(policy_file.EXAMPLE, "p.yaml")

    assert name == "careful"
    assert policy == Policy(
        steps=(
            Step(share_bp=1_000, hold=timedelta(hours=1), min_units_per_arm=500),
            Step(share_bp=5_000, hold=timedelta(days=1), min_units_per_arm=2_000),
        ),
        promote="superior",
        guardrails="clear",
        min_units_per_arm=1_000,
        futility=True,
        max_duration=timedelta(days=21),
        approvals=("promote",),
        freezes=(Freeze(days=(4, 5, 6), start=timedelta(hours=16), length=timedelta(hours=24)),),
        max_age=timedelta(minutes=10),
        description="As the payments team does it",
    )


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"promote": "always"}, "promote"),
        ({"approvals": ["stop"]}, "approvals"),
        ({"freezes": [{"days": ["friday"], "from": "16:00", "for": "1h"}]}, "freezes[0].days"),
        ({"freezes": [{"days": ["fri"], "from": "25:00", "for": "1h"}]}, "freezes[0].from"),
        ({"steps": [{"share": "10%", "holds": "1h"}]}, "steps[0].holds"),
    ],
)
def test_a_file_that_says_something_else_names_the_key(values: dict[str, object], key: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        policy_file.parse(yaml.safe_dump({"name": "p"} | values), "p.yaml")

    assert caught.value.reason == "POLICY_FILE_INVALID"
    assert caught.value.metadata["key"] == key


def test_decisions_say_what_was_done_and_what_waits(capsys: pytest.CaptureFixture[str]) -> None:
    ramp = pb.Decision(number=1, action=pb.DECISION_ACTION_RAMP, reason="step 1", digest="ab" * 32)
    wait = pb.Decision(number=2, action=pb.DECISION_ACTION_PROMOTE, waits=True, winner="b")

    output.stdout_console().print(views.decisions([ramp, wait]))

    shown = capsys.readouterr().out
    assert "promote b" in shown
    assert "waits for you" in shown
    assert "step 1" in shown


def test_a_replay_that_differs_says_where(capsys: pytest.CaptureFixture[str]) -> None:
    found = pb.Replay(decision=pb.Decision(number=1), digest="cd" * 32, differences=["cells"])

    output.stdout_console().print(views.replay(found))

    assert "differs in" in capsys.readouterr().out
