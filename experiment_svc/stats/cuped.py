"""Less variance by what was known of the units before they were exposed.

CUPED: Deng, Xu, Kohavi and Walker, "Improving the sensitivity of online controlled
experiments by utilizing pre-experiment data", WSDM 2013. With an outcome y and a
covariate x from before the exposure,

    m' = m_y - theta (m_x - m_x of all arms)        theta = cov(x, y) / var(x)
    v' = v_y + theta^2 v_x - 2 theta c_xy

with theta over all arms together, as if they were one sample: any fixed theta leaves
the difference of the arms unbiased, as randomisation gives x the same mean in all.
For ratios, x and y are ratios and their (co)variances those of the delta method
(`ratio`), at the arm's own means and for theta at those of all arms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from experiment_svc.stats import ratio
from experiment_svc.stats.joint import JointMoments
from experiment_svc.stats.moments import Moments
from experiment_svc.stats.undefined import Undefined


@dataclass(frozen=True, slots=True)
class Adjusted:
    """The arms after adjustment.

    Attributes:
        arms: as given; means are shifted by the same amount as if every arm had the
            covariate's overall mean, so they are still in the metric's scale.
        theta: the outcome's unit over the covariate's; 0 if the covariate does
            not vary, when it tells nothing.
    """

    arms: tuple[Moments, ...]
    theta: float


def means(arms: Sequence[JointMoments]) -> Adjusted | Undefined:
    """Adjusts means.

    Args:
        arms: all arms of the experiment, each (outcome, covariate) of its units.

    Returns:
        `Undefined` without units in an arm.

    Raises:
        ValueError: if there is no arm, or an arm does not hold two values per unit.

    >>> control = JointMoments.of([[1.0, 1.0], [3.0, 3.0]])
    >>> treatment = JointMoments.of([[4.0, 3.0], [6.0, 5.0]])
    >>> [round(arm.mean, 12) for arm in means([control, treatment]).arms]
    [3.25, 3.75]
    """
    _check(arms, size=2)
    return _adjust(arms, sum(arms[1:], arms[0]))


def ratios(arms: Sequence[JointMoments]) -> Adjusted | Undefined:
    """Adjusts ratios of sums.

    Args:
        arms: all arms, each (numerator, denominator, covariate's numerator,
            covariate's denominator) of its units.

    Returns:
        `Undefined` without units in an arm, or with a denominator that averages 0.

    Raises:
        ValueError: if there is no arm, or an arm does not hold four values per unit.
    """
    _check(arms, size=4)
    within: list[JointMoments] = []
    for arm in arms:
        one = ratio.linearised_pairs(arm)
        if isinstance(one, Undefined):
            return one
        within.append(one)
    overall = ratio.linearised_pairs(sum(arms[1:], arms[0]))
    return overall if isinstance(overall, Undefined) else _adjust(within, overall)


def _adjust(arms: Sequence[JointMoments], overall: JointMoments) -> Adjusted | Undefined:
    if not all(arm.count for arm in arms):
        return Undefined("no units in an arm")
    spread = overall.products[1][1]
    theta = overall.products[0][1] / spread if spread > 0.0 else 0.0
    adjusted = []
    for arm in arms:
        mean = arm.means[0] - theta * (arm.means[1] - overall.means[1])
        adjusted.append(arm.mapped([[1.0, -theta]], [mean]).moments(0))
    return Adjusted(tuple(adjusted), theta)


def _check(arms: Sequence[JointMoments], *, size: int) -> None:
    if not arms or any(len(arm.means) != size for arm in arms):
        raise ValueError(f"there must be arms, each with {size} values per unit")
