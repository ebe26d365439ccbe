from __future__ import annotations

import random
from collections import Counter
from itertools import islice

from examples.digits.visits import visits


def test_new_units_keep_arriving_and_known_ones_return() -> None:
    stream = [visit.unit for visit in islice(visits("u", 10, random.Random(1)), 6_000)]

    first, second = stream[:3_000], stream[3_000:]
    assert len(set(second) - set(first)) > 300
    assert len(set(second) & set(first)) > 300


def test_a_unit_comes_at_most_three_times() -> None:
    stream = islice(visits("u", 10, random.Random(1)), 6_000)

    assert set(Counter(visit.unit for visit in stream).values()) == {1, 2, 3}
