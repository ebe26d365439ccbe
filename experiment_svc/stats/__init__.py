"""Pure numerics on sufficient statistics: no I/O, no clock, no random numbers.

What cannot be computed is a value, `Undefined`, that says why; it is never 0.

An arm is a value that adds up: `Moments` of one value per unit, `JointMoments` of
several, `Proportion` of units with an event. Ratios (`ratio`), adjusted means (`cuped`)
and quantiles (`quantile`) become `Moments` too, and a comparison of arms becomes a
`Difference`, so that whatever judges a difference judges all of them:

- at every look, which is what may decide: `sequence` and `one_sided`, over allocation
  phases `phases`, for counts `multinomial`, for shadows `paired`, for margins
  `non_inferiority.standing`, for several hypotheses `multiplicity`;
- at one look, to read and to plan: `welch`, `proportions` with `proportion_intervals`
  and `miettinen_nurminen`, `chi_square`, `non_inferiority.z_test`, `power`, `sample_size`;
- for display: `relative`, `lift`, `bayes`;
- to allocate by: `best_arm`, `allocation`.
"""
