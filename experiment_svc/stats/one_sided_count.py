"""Sequential test that one arm has more of the events than it may: exact, at every look.

Of the events (units with an error, say) of two arms, each is the arm's with probability
`theta`. The null hypothesis is `theta <= bound`; the evidence is the mixture of likelihood
ratios against `bound` over a Beta(k bound, k (1 - bound)) prior that is cut to
`theta > bound`. For every such alternative the ratio is, one event after the other, a
supermartingale under any `theta <= bound`, so the mixture is one too, and that it ever
reaches 1 / alpha has probability at most alpha (Ville). Products over allocation phases,
each with its own bound, are the same. It is the one-sided form of `multinomial`: Lindon
and Malek, "Anytime-valid inference for multinomial count data", NeurIPS 2022.
"""

from __future__ import annotations

import math

RARE_EVENT_CONCENTRATION = 20.0
"""`k`: quick to see a rate that has multiplied."""

LEAST = -700.0
"""Less evidence than this is as good as none."""


def log_e_value(
    events: int, others: int, *, bound: float, k: float = RARE_EVENT_CONCENTRATION
) -> float:
    """Natural logarithm of the evidence for `theta > bound`.

    Args:
        events: the arm's, at least 0.
        others: of the arm that it is compared with, at least 0.
        bound: the largest probability that is not too much, over 0 and under 1.
        k: concentration of the prior, positive.

    Returns:
        0 without events; at least `LEAST`.

    Raises:
        ValueError: if a value is out of range.

    >>> log_e_value(0, 0, bound=0.5)
    0.0
    >>> round(log_e_value(20, 5, bound=0.5), 6)
    2.877666
    """
    if events < 0 or others < 0 or not (0.0 < bound < 1.0 and 0.0 < k < math.inf):
        raise ValueError(f"out of range: {events=}, {others=}, {bound=}, {k=}")
    if not events and not others:
        return 0.0
    from scipy import special  # half a second of a service's start, needed at its first look

    a, b = k * bound, k * (1.0 - bound)
    prior = float(special.betaincc(a, b, bound))
    posterior = float(special.betaincc(a + events, b + others, bound))
    if posterior <= 0.0:
        return LEAST
    mass = float(special.betaln(a + events, b + others) - special.betaln(a, b))
    against = events * math.log(bound) + others * math.log1p(-bound)
    return max(LEAST, mass - against + math.log(posterior) - math.log(prior))
