"""Many hypotheses at once.

Holm's adjustment bounds the chance of any false rejection under any dependence, also
on always-valid p-values: for the metrics that decide. Benjamini and Hochberg's bounds
the share of false ones among the rejected, if the p-values are independent or
positively dependent, and on e-values under any dependence: for exploring.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: reject those at most alpha.

    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal
    of Statistics 1979: the i-th smallest of m times `m - i + 1`, never falling.

    Args:
        p_values: any number, each 0 to 1.

    Raises:
        ValueError: if one is not 0 to 1.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    ordered, order = _sorted(p_values)
    steps = np.arange(len(ordered), 0, -1)
    return _unsorted(np.minimum(1.0, np.maximum.accumulate(ordered * steps)), order)


def bonferroni(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: each times their number. Simultaneous with intervals at alpha / m.

    Raises:
        ValueError: if one is not 0 to 1.

    >>> bonferroni([0.01, 0.75])
    [0.02, 1.0]
    """
    ordered, order = _sorted(p_values)
    return _unsorted(np.minimum(1.0, ordered * len(ordered)), order)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: reject those at most q, the false discovery rate.

    Benjamini and Hochberg, "Controlling the false discovery rate", JRSS B 1995: the i-th
    smallest of m times `m / i`, never falling.

    Raises:
        ValueError: if one is not 0 to 1.

    >>> benjamini_hochberg([0.01, 0.04, 0.03])
    [0.03, 0.04, 0.04]
    """
    ordered, order = _sorted(p_values)
    scaled = ordered * len(ordered) / np.arange(1, len(ordered) + 1)
    lowest = np.minimum.accumulate(scaled[::-1])[::-1]
    return _unsorted(np.minimum(1.0, lowest), order)


def discoveries(p_values: Sequence[float], *, q: float) -> int:
    """How many hypotheses Benjamini and Hochberg's procedure rejects.

    Args:
        q: false discovery rate, 0 to 1.

    Raises:
        ValueError: if `q` or a p-value is not 0 to 1.

    >>> discoveries([0.01, 0.02, 0.9], q=0.05)
    2
    """
    if not 0.0 <= q <= 1.0:
        raise ValueError(f"q must be 0 to 1, not {q}")
    return sum(p <= q for p in benjamini_hochberg(p_values))


def e_discoveries(e_values: Sequence[float], *, q: float) -> list[bool]:
    """Which hypotheses to reject by their e-values, under any dependence.

    Wang and Ramdas, "False discovery rate control with e-values", JRSS B 2022: the k
    largest, for the largest k of which the smallest is at least `m / (q k)`.

    Args:
        e_values: at least 0; may be infinite.
        q: false discovery rate, over 0 and at most 1.

    Raises:
        ValueError: if a value is out of range.

    >>> e_discoveries([100.0, 1.0, 35.0], q=0.05)
    [True, False, True]
    """
    if not 0.0 < q <= 1.0 or not all(value >= 0.0 for value in e_values):
        raise ValueError("q must be over 0 and at most 1, e-values must not be negative")
    ordered = sorted(e_values, reverse=True)
    enough = [value for k, value in enumerate(ordered, 1) if k * value >= len(ordered) / q]
    return [bool(enough) and value >= enough[-1] for value in e_values]


def _sorted(p_values: Sequence[float]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    values = np.asarray(p_values, dtype=np.float64).reshape(-1)
    if not ((values >= 0.0) & (values <= 1.0)).all():
        raise ValueError("p-values must be 0 to 1")
    order = np.argsort(values, kind="stable")
    return values[order], order


def _unsorted(ordered: npt.NDArray[np.float64], order: npt.NDArray[np.intp]) -> list[float]:
    adjusted = np.empty_like(ordered)
    adjusted[order] = ordered
    return [float(one) for one in adjusted]
