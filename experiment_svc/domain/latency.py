"""Latencies as counts in buckets whose bounds grow by a constant factor.

Any quantile is within 1 % of the true one, whatever the distribution, and
histograms add up over batches and processes (Masson, Rim and Lee, "DDSketch",
VLDB 2019, section 2).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

RELATIVE_ERROR = 0.01

_GAMMA = (1.0 + RELATIVE_ERROR) / (1.0 - RELATIVE_ERROR)
_LOG_GAMMA = math.log(_GAMMA)


def bucket(duration_us: int) -> int:
    """Bucket of a latency: i holds (gamma^(i-1), gamma^i] microseconds.

    Args:
        duration_us: at least 0; 0 falls into bucket 0 with 1.
    """
    return math.ceil(math.log(duration_us) / _LOG_GAMMA) if duration_us > 1 else 0


def value_us(index: int) -> float:
    """Latency that stands for a bucket: within 1 % of all that it holds."""
    return 2.0 * _GAMMA**index / (_GAMMA + 1.0)


def quantile_ms(counts: Mapping[int, int], share: float) -> float | None:
    """Smallest latency that at least `share` of the requests do not exceed.

    Args:
        counts: requests by bucket.
        share: over 0 and at most 1; 0.5 is the median.

    Returns:
        Milliseconds, within 1 %; None without requests.

    >>> round(quantile_ms({bucket(2_000): 98, bucket(70_000): 2}, 0.99) or 0)
    70
    """
    total = sum(counts.values())
    if not total:
        return None
    rank = math.ceil(share * total)
    below = 0
    for index, count in sorted(counts.items()):
        below += count
        if below >= rank:
            return value_us(index) / 1_000.0
    raise ValueError("counts must not be negative")
