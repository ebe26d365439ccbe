"""Requests that wait for a version, and the runs that they share.

`scheduler` decides who runs when and with whom, `rows` puts arrays together and
takes them apart, `served_model` does both on an event loop over an engine.
"""
