"""Pure numerics on sufficient statistics: no I/O, no clock, no random numbers.

What cannot be computed is a value, `Undefined`, that says why; it is never 0.
"""
