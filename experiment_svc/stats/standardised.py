"""Ratios and adjusted values over allocation phases, as plain means per phase.

`phases.combine` judges the difference of two means over phases. A ratio of sums, or an
outcome adjusted by a covariate (CUPED), becomes such a mean per unit and phase, so that
the same rule judges it:

- **ratio**: with the shares `w_p = N_p / N` that `combine` gives the phases, an arm's
  standardised ratio is `R = sum w_p s_p / sum w_p e_p` of the phases' means s and e of
  numerator and denominator, and a unit counts as `R + (numerator - R denominator) / E`,
  `E = sum w_p e_p`. The combined effect is then exactly `R_t - R_c`, and its error that of
  the delta method (`ratio`), which this is with one phase. Why not a ratio per phase: a
  ratio of few units is biased, by more in the smaller arm, and a ramp through many short
  phases adds that up. Why the phases' shares and not each arm's own: a drift of the
  ratio would be an effect where an arm had most of its units late (Simpson's paradox).
- **covariate**: `outcome - theta (covariate - its overall mean)`, one theta for all phases:
  `sum cov / sum var` within arms and phases, where a drift or an effect cannot enter.
  Any fixed theta leaves the difference unbiased; what estimating it costs vanishes.

Both are measured under ramps that depend on the data: `benchmarks/stats/ramp_error.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from experiment_svc.stats.difference import MIN_UNITS
from experiment_svc.stats.joint import JointMoments
from experiment_svc.stats.phases import Phase
from experiment_svc.stats.ratio import NO_DENOMINATOR
from experiment_svc.stats.undefined import Undefined

Pair = tuple[JointMoments, JointMoments]
"""(control, treatment) in one allocation phase."""


def means(pairs: Sequence[Pair], *, ratio: bool, covariate: bool) -> list[Phase] | Undefined:
    """The phases as (control, treatment) of plain means, for `phases.combine`.

    Args:
        pairs: of each unit (value), (value, covariate), (numerator, denominator) or
            (numerator, denominator, covariate's numerator, covariate's denominator).
        ratio: whether values and covariates are ratios of two.
        covariate: whether there is a covariate.

    Returns:
        Phases in which both arms have two units; `Undefined` if a denominator averages 0.

    Raises:
        ValueError: if the number of values per unit is not that.

    >>> arm = JointMoments.of([[1.0, 2.0], [3.0, 2.0]])
    >>> means([(arm, arm)], ratio=True, covariate=False)[0][1]
    Moments(count=2, mean=1.0, m2=0.5)
    """
    size = (2 if ratio else 1) * (2 if covariate else 1)
    if any(len(arm.means) != size for pair in pairs for arm in pair):
        raise ValueError(f"there must be {size} values per unit")
    known = [pair for pair in pairs if min(pair[0].count, pair[1].count) >= MIN_UNITS]
    if ratio:
        controls = _ratios([pair[0] for pair in known], known)
        treatments = _ratios([pair[1] for pair in known], known)
        if isinstance(controls, Undefined):
            return controls
        if isinstance(treatments, Undefined):
            return treatments
        known = list(zip(controls, treatments, strict=True))
    if covariate:
        return _adjusted(known)
    return [(control.moments(0), treatment.moments(0)) for control, treatment in known]


def _ratios(
    cells: Sequence[JointMoments], weighing: Sequence[Pair]
) -> list[JointMoments] | Undefined:
    """One arm's cells, each pair of values as the ratio that it adds to."""
    totals = [control.count + treatment.count for control, treatment in weighing]
    weights = [total / sum(totals) for total in totals]
    size = len(cells[0].means) if cells else 0
    rows, ratios = [], []
    for at in range(0, size, 2):
        numerator, denominator = (
            math.fsum(w * cell.means[at + one] for w, cell in zip(weights, cells, strict=True))
            for one in (0, 1)
        )
        if denominator == 0.0:
            return NO_DENOMINATOR
        ratio = numerator / denominator
        gradient = (1.0 / denominator, -ratio / denominator)
        if not all(map(math.isfinite, gradient)):
            return Undefined("the denominator's mean is too close to 0")
        rows.append([0.0] * at + list(gradient) + [0.0] * (size - at - 2))
        ratios.append(ratio)
    return [
        cell.mapped(
            rows,
            [
                ratio + math.fsum(w * m for w, m in zip(row, cell.means, strict=True))
                for ratio, row in zip(ratios, rows, strict=True)
            ],
        )
        for cell in cells
    ]


def _adjusted(pairs: Sequence[Pair]) -> list[Phase]:
    """Outcomes less what their covariates say."""
    cells = [cell for pair in pairs for cell in pair]
    spread = math.fsum(cell.products[1][1] for cell in cells)
    shared = math.fsum(cell.products[0][1] for cell in cells)
    theta = shared / spread if spread > 0.0 else 0.0
    if not math.isfinite(theta):
        theta = 0.0
    units = sum(cell.count for cell in cells)
    overall = math.fsum(cell.count / units * cell.means[1] for cell in cells) if units else 0.0

    def without(cell: JointMoments) -> JointMoments:
        mean = cell.means[0] - theta * (cell.means[1] - overall)
        return cell.mapped([[1.0, -theta]], [mean])

    return [(without(c).moments(0), without(t).moments(0)) for c, t in pairs]
