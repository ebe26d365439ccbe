"""The black-box checks of the statistics guide, on our own core.

    python -m benchmarks.stats.simulate_core [--scale 1.0] [--only POWER ...]

runs the check functions of `../shared/stats/simulate.py` at their own seeds, prints our
figures beside those of the guide's reference implementation, and ends with status 1 if a
rule that may decide has more false decisions than alpha, or less power than the reference
by over 2 points; with status 2 where the guide is not beside the repository. `--scale`
shortens every check; figures are comparable with the reference's at 1.0 only. Those of
counts differ from it by Monte-Carlo error where numpy draws other binomials from the
same seed than the version that the guide was made with.
"""

from __future__ import annotations

import argparse
import importlib.util
import pathlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from benchmarks.stats import core_callables as core
from experiment_svc.stats import difference

GUIDE = pathlib.Path(__file__).parents[3] / "shared" / "stats" / "simulate.py"
ALLOWED_LOSS = 0.02
"""Power that ours may lack to the reference's."""

Result = dict[str, Any]
RareEvents = Callable[..., float]
Sure = Callable[[Result, "float | None"], bool]


@dataclass(frozen=True, slots=True)
class Check:
    """One figure of ours and the reference's.

    Attributes:
        group: what the guide calls the check.
        name: rule and setting.
        key: the figure in the check's result.
        anchor: the reference's; None where the guide has none.
        run: the check, given how far to shorten it.
        holds: whether the result is acceptable; None for a rule that may not decide.
    """

    group: str
    name: str
    key: str
    anchor: float | None
    run: Callable[[float], Result]
    holds: Sure | None = None


def valid(result: Result, anchor: float | None) -> bool:
    """Not more false decisions than alpha, as the guide judges it."""
    del anchor
    return bool(result["valid"])


def strong(result: Result, anchor: float | None) -> bool:
    """Not less power than the reference, but for `ALLOWED_LOSS`."""
    return anchor is None or bool(result["power"] >= anchor - ALLOWED_LOSS)


def detects(result: Result, anchor: float | None) -> bool:
    """As `strong`, for the alarms of counts."""
    return anchor is None or bool(result["alarm_rate"] >= anchor - ALLOWED_LOSS)


def floored(result: Result, anchor: float | None) -> bool:
    """No arm under its floor, and much less regret than equal shares have."""
    del anchor
    return bool(result["floor_ok"] and result["regret_ratio"] < 0.5)


def checks(guide: ModuleType) -> Iterator[Check]:
    """All of them, in the guide's order."""
    plain = core.confidence_sequence(5_000)
    cautious = core.confidence_sequence(5_000, difference.cautious)
    yield from _peeking(guide, plain, cautious)
    yield from _power(guide, plain, cautious)
    yield from _adjustments(guide)
    yield from _counts(guide)
    yield from _families(guide, plain, cautious)

    def bandit(scale: float) -> Result:
        return dict(guide.bandit(core.thompson, runs=_runs(100, scale), floor=core.FLOOR))

    yield Check("bandit", "Thompson, floor 0.01", "mean_regret", 74.0, bandit, floored)


def _peeking(guide: ModuleType, plain: core.Analyze, cautious: core.Analyze) -> Iterator[Check]:
    anchors = {
        "normal": (0.403, 0.029),
        "bernoulli5": (0.416, 0.019),
        "lognormal": (0.405, 0.013),
        "zero_inflated": (0.383, 0.012),
        "bernoulli0.2": (0.298, 0.008),
    }
    for data, (welch, sequence) in anchors.items():
        for name, rule, anchor, holds in (
            ("Welch, peeked", core.welch_test, welch, None),
            ("sequence", plain, sequence, valid),
            ("cautious sequence", cautious, sequence, valid),
        ):

            def peek(scale: float, rule: core.Analyze = rule, data: str = data) -> Result:
                return dict(guide.aa_peeking(rule, data, runs=_runs(1_000, scale)))

            yield Check("aa_peeking", f"{name}: {data}", "fpr_any_look", anchor, peek, holds)
    for name, rule, anchor, holds in (
        ("Welch, peeked", core.welch_test, 0.433, None),
        ("sequence", plain, 0.021, valid),
        ("cautious sequence", cautious, 0.021, valid),
    ):

        def cover(scale: float, rule: core.Analyze = rule) -> Result:
            return dict(guide.coverage(rule, runs=_runs(1_000, scale)))

        yield Check("coverage", name, "uniform_miscoverage", anchor, cover, holds)


def _power(guide: ModuleType, plain: core.Analyze, cautious: core.Analyze) -> Iterator[Check]:
    for effect, welch, sequence in ((0.06, 0.27, 0.11), (0.12, 0.80, 0.47), (0.20, 0.998, 0.956)):
        for name, rule, anchor, peeks in (
            ("Welch at the end", core.welch_test, welch, False),
            ("sequence", plain, sequence, True),
            ("cautious sequence", cautious, sequence, True),
        ):

            def find(
                scale: float,
                rule: core.Analyze = rule,
                effect: float = effect,
                peeks: bool = peeks,
            ) -> Result:
                runs = _runs(500, scale)
                return dict(guide.power(rule, effect=effect, runs=runs, sequential=peeks))

            yield Check("power", f"{name}: effect {effect}", "power", anchor, find, strong)


def _adjustments(guide: ModuleType) -> Iterator[Check]:
    for rho, reduction in ((0.3, 0.092), (0.5, 0.252), (0.7, 0.491), (0.9, 0.810)):

        def shrink(scale: float, rho: float = rho) -> Result:
            runs = _runs(300, scale)
            return dict(guide.cuped_reduction(core.cuped_test, core.welch_test, rho=rho, runs=runs))

        yield Check("cuped", f"rho {rho}", "variance_reduction", reduction, shrink, valid)

    def ratio_aa(scale: float) -> Result:
        return dict(guide.ratio_aa(core.ratio_test, runs=_runs(1_000, scale)))

    yield Check("ratio_aa", "delta method", "fpr", 0.040, ratio_aa, valid)


def _counts(guide: ModuleType) -> Iterator[Check]:
    for name, rule, truth, rate, holds in (
        ("k=100", core.sample_ratio(100.0), 0.5, 0.0, valid),
        ("k=100", core.sample_ratio(100.0), 0.505, 0.10, detects),
        ("k=10000", core.sample_ratio(10_000.0), 0.505, 0.18, detects),
        ("k=100", core.sample_ratio(100.0), 0.51, 0.97, detects),
        ("k=100", core.sample_ratio(100.0), 0.52, 1.0, detects),
        ("chi-square, peeked", core.peeked_chi_square, 0.5, 0.014, None),
    ):

        def mismatch(scale: float, rule: core.Counts = rule, truth: float = truth) -> Result:
            shares = (truth, 1.0 - truth)
            return dict(guide.srm_delay(rule, truth=shares, runs=_runs(500, scale)))

        yield Check("srm_delay", f"{name}: truth {truth}", "alarm_rate", rate, mismatch, holds)
    by_plain = core.rare_events_by_sequence(difference.plain)
    by_cautious = core.rare_events_by_sequence(difference.cautious)
    canaries: tuple[tuple[str, RareEvents, tuple[float, float], float | None, Sure | None], ...] = (
        ("exact k=20", core.rare_events, (0.002, 0.002), 0.037, valid),
        ("exact k=20", core.rare_events, (0.05, 0.05), 0.019, valid),
        ("exact k=20", core.rare_events, (0.002, 0.004), 0.98, detects),
        ("exact k=20", core.rare_events, (0.002, 0.02), 1.0, detects),
        ("sequence", by_plain, (0.002, 0.002), 0.268, None),
        ("cautious sequence", by_cautious, (0.002, 0.002), None, valid),
        ("cautious sequence", by_cautious, (0.002, 0.004), None, None),
    )
    for name, test, rates, share, sure in canaries:

        def canary(
            scale: float,
            test: RareEvents = test,
            rates: tuple[float, float] = rates,
        ) -> Result:
            return dict(guide.rare_events(test, rates=rates, runs=_runs(1_000, scale)))

        label = f"{name}: {rates[0]:.1%} and {rates[1]:.1%}"
        yield Check("rare_events", label, "alarm_rate", share, canary, sure)


def _families(guide: ModuleType, plain: core.Analyze, cautious: core.Analyze) -> Iterator[Check]:
    def matured(scale: float) -> Result:
        rule = core.confidence_sequence(2_000, difference.cautious)
        return dict(guide.open_ended(rule, "matured", runs=_runs(500, scale)))

    yield Check("open_ended", "matured units only", "fpr_any_look", 0.014, matured, valid)
    for name, rule, correction, anchor, holds in (
        ("sequence, Bonferroni", plain, "bonferroni", 0.014, valid),
        ("cautious sequence, Bonferroni", cautious, "bonferroni", 0.014, valid),
        ("sequence, uncorrected", plain, "none", 0.156, None),
        ("Welch, Bonferroni, peeked", core.welch_test, "bonferroni", 0.396, None),
    ):

        def family(scale: float, rule: core.Analyze = rule, correction: str = correction) -> Result:
            return dict(guide.fwer(rule, correction=correction, runs=_runs(500, scale)))

        yield Check("fwer", name, "fwer", anchor, family, holds)


def _runs(full: int, scale: float) -> int:
    return max(20, round(full * scale))


def _load(path: pathlib.Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("simulate", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {path}")
    guide = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(guide)
    return guide


def main() -> int:
    """Runs the checks that are asked for; see the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0, help="part of the runs (default 1)")
    parser.add_argument("--only", nargs="*", default=[], help="names of check groups")
    options = parser.parse_args()
    if not GUIDE.exists():
        print(f"the guide's checks are not there: {GUIDE}", file=sys.stderr)
        return 2
    guide = _load(GUIDE)
    wanted = {name.lower() for name in options.only}
    failed = 0
    print(f"{'check':12} {'rule and setting':44} {'ours':>9} {'guide':>9} {'delay':>8} {'s':>5}")
    for check in checks(guide):
        if wanted and check.group not in wanted:
            continue
        started = time.perf_counter()
        result = check.run(options.scale)
        seconds = time.perf_counter() - started
        held = check.holds is None or check.holds(result, check.anchor)
        failed += not held
        anchor = "-" if check.anchor is None else f"{check.anchor:9.3f}"
        delay = result.get("median_delay_units", result.get("mean_sample"))
        verdict = "for comparison" if check.holds is None else "ok" if held else "FAILED"
        print(
            f"{check.group:12} {check.name:44} {result[check.key]:9.3f} {anchor:>9} "
            f"{'-' if delay is None else format(delay, '8.0f'):>8} {seconds:5.0f}  {verdict}",
            flush=True,
        )
    print(f"{failed} failed" if failed else "all hold")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
