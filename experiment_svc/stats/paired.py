"""Two answers to the same input, as a shadow gives: only their difference varies.

What both share, such as how hard the input is, cancels within the pair, so few pairs
tell what many units in two arms would.
"""

from __future__ import annotations

import math

from experiment_svc.stats import multinomial
from experiment_svc.stats.difference import MIN_UNITS, TOO_LARGE, Difference
from experiment_svc.stats.moments import Moments
from experiment_svc.stats.undefined import Undefined


def difference(pairs: Moments) -> Difference | Undefined:
    """Mean of the differences, candidate minus champion, and its standard error.

    It goes where a difference of arms goes: `sequence.confidence_sequence` makes it
    valid at every look, `fixed.judge` at one.

    Args:
        pairs: the difference of each pair, one pair per independent unit.

    Returns:
        `Undefined` with fewer than two pairs, or values too large to compute with.

    >>> difference(Moments.of([1.0, 3.0]))
    Difference(effect=2.0, standard_error=1.0, count=2)
    """
    variance = pairs.variance
    if variance is None:
        return Undefined(f"fewer than {MIN_UNITS} pairs")
    if not (math.isfinite(pairs.mean) and math.isfinite(variance)):
        return TOO_LARGE
    return Difference(pairs.mean, math.sqrt(variance / pairs.count), pairs.count)


def sign_log_e_value(better: int, worse: int) -> float:
    """Evidence that the candidate is better more often than worse, or less often.

    McNemar's question, exact and valid at every look: without a difference each pair
    that differs falls either way with probability 1/2 (`multinomial.log_e_value`).

    Args:
        better: pairs in which the candidate alone was right; at least 0.
        worse: pairs in which the champion alone was. Ties tell nothing.

    Raises:
        ValueError: if a count is negative.

    >>> sign_log_e_value(0, 0)
    0.0
    """
    counts = (better, worse)
    return multinomial.log_e_value(counts, (0.5, 0.5), k=multinomial.RARE_EVENT_CONCENTRATION)
