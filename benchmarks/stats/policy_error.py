"""False decisions of the whole rule: metrics, guardrails, ramps and the policy's judgement.

Experiments that are decided by a policy, look after look, through the same functions that the
service calls, with units drawn here in place of facts:

    python -m benchmarks.stats.policy_error [--runs 400] [--seed 1]

prints, for each setting, how many were promoted, rolled back and stopped, with
Clopper-Pearson bounds of what must not happen, and ends with status 1 if the lower 99.9 %
bound of any is above alpha.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from algolink.names import ExperimentName, ModelName
from algolink.split import BUCKETS
from benchmarks.stats.ramp_error import CONFIDENCE, bounds
from experiment_svc.domain import experiments, judging, progress, results
from experiment_svc.domain.aggregates import Aggregates, Cell
from experiment_svc.domain.design import Analysis, Arm, UnitKind
from experiment_svc.domain.experiments import Experiment
from experiment_svc.domain.metrics import Aggregation, Direction, Kind, Measure, Metric, Role
from experiment_svc.domain.policies import Action, Guard, Policy, Promote, Step
from experiment_svc.stats.joint import JointMoments

ALPHA = 0.05
BATCH = 200
LOOKS = 100
START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Setting:
    """What is true of the units, and what must not happen then.

    Attributes:
        arms: beside the control.
        errors: share of units with an error, of the control and of every other arm.
        right: likewise of the primary metric; the later units are, the higher it drifts.
        forbidden: actions that are wrong here.
    """

    name: str
    arms: int
    errors: tuple[float, float]
    right: tuple[float, float]
    forbidden: tuple[Action, ...]


SETTINGS = [
    Setting("A/A", 1, (0.01, 0.01), (0.3, 0.3), (Action.PROMOTE, Action.ROLL_BACK)),
    Setting("A/A, rare errors", 1, (0.002, 0.002), (0.05, 0.05), (Action.ROLL_BACK,)),
    Setting("A/A/A/A", 3, (0.01, 0.01), (0.3, 0.3), (Action.PROMOTE, Action.ROLL_BACK)),
    Setting("bad canary", 1, (0.002, 0.02), (0.3, 0.3), (Action.PROMOTE,)),
    Setting("better", 1, (0.01, 0.01), (0.3, 0.35), (Action.ROLL_BACK,)),
]


@dataclass(frozen=True, slots=True)
class Run:
    """How one experiment ended, and after how many units."""

    action: Action
    units: int


def an_experiment(setting: Setting) -> Experiment:
    """With a canary of 10 %, a step to half, and a promotion."""
    share = BUCKETS // 10 // setting.arms
    arms = [Arm(id="control", version=1, weight_bp=BUCKETS - share * setting.arms)]
    arms += [Arm(id=f"arm-{i}", version=i + 2, weight_bp=share) for i in range(setting.arms)]
    right = Metric(
        name="right",
        kind=Kind.BINARY,
        aggregation=Aggregation.ANY,
        direction=Direction.INCREASE,
        outcome="right",
    )
    errors = Metric(
        name="errors",
        kind=Kind.ERROR_RATE,
        aggregation=Aggregation.ANY,
        direction=Direction.DECREASE,
    )
    policy = Policy(
        name="canary",
        steps=(Step(share_bp=2_500, hold=10 * MINUTE), Step(share_bp=5_000, hold=10 * MINUTE)),
        promote=Promote.SUPERIOR,
        guardrails=Guard.UNBROKEN,
    )
    draft = experiments.draft(
        name=ExperimentName("simulated"),
        model=ModelName("model"),
        arms=arms,
        unit=UnitKind.HEADER,
        measures=[
            Measure(metric=right, role=Role.PRIMARY),
            Measure(metric=errors, role=Role.GUARDRAIL, margin=0.1),
        ],
        analysis=Analysis(alpha=ALPHA),
        rule=None,
        policy=policy,
        description="",
        suffix="0" * 8,
        at=START,
    )
    return experiments.start(draft, at=START)


def run(generator: np.random.Generator, setting: Setting) -> Run:
    """One experiment, looked at after every batch."""
    experiment = an_experiment(setting)
    sums: dict[tuple[str, str, int], JointMoments] = {}
    lowest: dict[str, float] = {}
    for look in range(1, LOOKS + 1):
        at = START + look * MINUTE
        _draw(generator, setting, experiment, sums, progress_share=look / LOOKS)
        facts = Aggregates(cells=_cells(sums, at), lowest_p=lowest)
        found = results.compute(experiment, facts, at=at)
        lowest |= found.p_values()
        assert experiment.policy is not None  # noqa: S101  it was made with one
        judgement = judging.judge(experiment, experiment.policy, found, at=at)
        if judgement.action is Action.RAMP:
            experiment = progress.stepped(experiment, judgement.weights, at=at)
        elif judgement.action is not Action.HOLD:
            return Run(judgement.action, look * BATCH)
    return Run(Action.HOLD, LOOKS * BATCH)


def _draw(
    generator: np.random.Generator,
    setting: Setting,
    experiment: Experiment,
    sums: dict[tuple[str, str, int], JointMoments],
    *,
    progress_share: float,
) -> None:
    weights = experiment.weights()
    counts = generator.multinomial(BATCH, [weight / BUCKETS for weight in weights.values()])
    phase = experiment.phases[-1].number
    for number, (arm, count) in enumerate(zip(weights, counts, strict=True)):
        candidate = min(number, 1)
        drift = 0.2 * progress_share
        for metric, share in (
            ("right", setting.right[candidate] + drift),
            ("errors", setting.errors[candidate]),
        ):
            values = (generator.random((count, 1)) < share).astype(np.float64)
            key = (metric, arm, phase)
            sums[key] = sums.get(key, JointMoments.empty(1)) + JointMoments.of(values)


def _cells(sums: dict[tuple[str, str, int], JointMoments], at: datetime) -> dict[str, list[Cell]]:
    cells: dict[str, list[Cell]] = {"right": [], "errors": []}
    for (metric, arm, phase), values in sums.items():
        cells[metric].append(
            Cell(
                arm=arm,
                phase=phase,
                units=values.count,
                crossed=0,
                values=values,
                outcomes=values.count,
                outside=0,
                newest=at,
            )
        )
    return cells


def runs_of(job: tuple[Setting, int, int]) -> list[Run]:
    """All runs of one setting."""
    setting, runs, seed = job
    generator = np.random.default_rng([seed, *setting.name.encode()])
    return [run(generator, setting) for _ in range(runs)]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=400, help="experiments per setting")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    began = time.monotonic()
    failed = False
    print(f"alpha {ALPHA:.1%}, {LOOKS} looks, {LOOKS * BATCH:,} units, {arguments.runs} runs")
    jobs = [(setting, arguments.runs, arguments.seed) for setting in SETTINGS]
    with multiprocessing.Pool(arguments.processes) as pool:
        for setting, ended in zip(SETTINGS, pool.imap(runs_of, jobs), strict=True):
            counts = Counter(one.action for one in ended)
            shown = ", ".join(f"{action} {counts[action] / len(ended):.1%}" for action in Action)
            print(f"{setting.name:18} {shown}")
            over = [one.units for one in ended if one.action is not Action.HOLD]
            if over:
                print(f"{'':18} ended after {statistics.median(over):,.0f} units (median)")
            for action in setting.forbidden:
                lower, upper = bounds(counts[action], len(ended))
                failed |= lower > ALPHA
                print(f"{'':18} false {action}: {CONFIDENCE:.1%} bounds {lower:.2%} to {upper:.2%}")
    print(f"{'INVALID' if failed else 'valid'} ({time.monotonic() - began:.0f} s)")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
