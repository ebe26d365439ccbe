"""Exposures on their way from a file to the experiment service, each counted once.

Envoy's agent and clients without a proxy ship alike: a writer appends lines, the
shipper sends them and moves its checkpoint only after they were acknowledged.
"""
