"""Addresses of replicas: those that are looked up by a name, and those that are not."""

from __future__ import annotations

import ipaddress


def is_ip(host: str) -> bool:
    """Whether `host` needs no DNS.

    >>> is_ip("10.0.0.1"), is_ip("::1"), is_ip("replica-1.example.org")
    (True, True, False)
    """
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
