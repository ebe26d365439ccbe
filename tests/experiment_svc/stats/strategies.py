"""Values that property tests of the statistics draw from."""

from __future__ import annotations

from hypothesis import strategies as st

from experiment_svc.stats.joint import JointMoments
from experiment_svc.stats.moments import Moments
from experiment_svc.stats.proportions import Proportion

values = st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), max_size=30)
several_values = st.lists(st.floats(-1e3, 1e3, allow_subnormal=False), min_size=2, max_size=30)
arms = several_values.map(Moments.of)
phases = st.tuples(arms, arms)
shares = st.lists(st.integers(1, 1_000), min_size=2, max_size=6).map(
    lambda parts: [part / sum(parts) for part in parts]
)
alphas = st.floats(1e-6, 0.5)
proportions = st.integers(1, 5_000).flatmap(
    lambda count: st.integers(0, count).map(lambda successes: Proportion(count, successes))
)
pairs_of_values = st.lists(
    st.tuples(st.floats(-1e3, 1e3, allow_subnormal=False), st.floats(1.0, 1e3)),
    min_size=2,
    max_size=30,
)
joint_arms = pairs_of_values.map(JointMoments.of)
