"""Rules of experiments: values and functions, no I/O, no clock, no random numbers."""
