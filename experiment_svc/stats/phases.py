"""The difference between two arms whose shares of the traffic changed on the way.

While an experiment ramps, the mix of early and late units differs between the
arms, so the difference of the pooled means is biased by whatever drifted
meanwhile (Simpson's paradox). Within one allocation phase the arms are
comparable. So each phase gives its own difference, and the phases are averaged
by the units that they hold:

    d = sum (N_p / N) d_p        N se^2 = sum N_p^2 se_p^2 / N

where in phase p `d_p` is the difference of the means, `se_p` its standard error
(`difference.cautious`), `N_p` the units of both arms, and `N` the sum of those.

What the error of a sequential decision on `d` rests on: within a phase units
are assigned by a hash, with shares that were fixed before they came, and a unit
is counted in the arm and phase of its first exposure. So `N_p d_p` is, but for
terms that vanish, a sum of martingale differences whatever the earlier data made
of the shares, and `N d` is one over all phases, with variance `N^2 se^2`. It does
not rest on the phases having equal means, variances or effects: `d` estimates
the effect averaged over the units as they came. Two things are true only in
large samples: that the estimated variances are the true ones (hence the caution
about small arms), and that the sequence may be tuned by the present variance,
which moves with the shares and so with earlier data. What both cost is measured,
not proven: `benchmarks/stats/ramp_error.py` counts false decisions under ramps
that depend on the data, some of them made to do harm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from experiment_svc.stats import difference
from experiment_svc.stats.difference import MIN_UNITS, Difference
from experiment_svc.stats.moments import Moments
from experiment_svc.stats.undefined import Undefined

Phase = tuple[Moments, Moments]
"""(control, treatment) in one allocation phase."""


def counted(phases: Sequence[Phase]) -> list[Phase]:
    """The phases in which both arms have at least two units with a value.

    The others say nothing about the difference, or not how sure it is: a phase
    that gave one of the arms no traffic, or has only begun. Which they are
    depends on counts alone and never on the values.
    """
    return [pair for pair in phases if min(pair[0].count, pair[1].count) >= MIN_UNITS]


def combine(phases: Sequence[Phase]) -> Difference | Undefined:
    """Difference over all phases, each weighted by its units.

    Phases that do not count (see `counted`) are left out, as if their units had
    not come. With one phase it is `difference.cautious` of its arms.

    Args:
        phases: in any order.

    Returns:
        `Undefined` if no phase counts, or if values are too large to compute with.

    >>> early = (Moments.of([1.0, 3.0]), Moments.of([2.0, 4.0]))
    >>> late = (Moments.of([11.0, 13.0]), Moments.of([14.0, 16.0]))
    >>> combine([early, late])
    Difference(effect=2.0, standard_error=1.0, count=8)
    """
    within = [difference.cautious(*pair) for pair in counted(phases)]
    known = [one for one in within if isinstance(one, Difference)]
    if not within:
        return Undefined(f"no phase has {MIN_UNITS} units with a value in both arms")
    if len(known) < len(within):
        return difference.TOO_LARGE
    total = sum(one.count for one in known)
    effect = math.fsum(one.count / total * one.effect for one in known)
    error = math.hypot(*(one.count / total * one.standard_error for one in known))
    return Difference(effect, error, total)
