"""`host:port`, taken apart; one of them or several."""

from __future__ import annotations

import ipaddress

from algolink.errors import InvalidArgument


def split_address(address: str) -> tuple[str, int]:
    """Host and port of `address`; an IPv6 host comes without its brackets.

    Raises:
        InvalidArgument: ADDRESS_INVALID.

    >>> split_address("127.0.0.1:9000"), split_address("[::1]:0")
    (('127.0.0.1', 9000), ('::1', 0))
    """
    host, colon, port = address.rpartition(":")
    if not colon or not port.isascii() or not port.isdecimal() or int(port) > 65_535:
        raise InvalidArgument(
            "ADDRESS_INVALID", f"{address!r} is not an address: use host:port", address=address
        )
    return host.removeprefix("[").removesuffix("]"), int(port)


def split_addresses(addresses: str) -> list[tuple[str, int]]:
    """Host and port of each of several replicas of a service, separated by commas.

    Raises:
        InvalidArgument: ADDRESS_INVALID.

    >>> split_addresses("127.0.0.1:9000,127.0.0.1:9001")
    [('127.0.0.1', 9000), ('127.0.0.1', 9001)]
    """
    return [split_address(address.strip()) for address in addresses.split(",")]


def target(addresses: str) -> str:
    """What gRPC calls one or several replicas of a service.

    It calls the first that answers. Several must be IP addresses; of names, give one
    that resolves to all of them.

    Raises:
        InvalidArgument: ADDRESS_INVALID.

    >>> target("router:9000"), target("10.0.0.1:9000,10.0.0.2:9000")
    ('router:9000', 'ipv4:10.0.0.1:9000,10.0.0.2:9000')
    """
    if "," not in addresses:
        return addresses
    endpoints = split_addresses(addresses)
    try:
        for host, _ in endpoints:
            ipaddress.IPv4Address(host)
    except ValueError as error:
        raise InvalidArgument(
            "ADDRESS_INVALID",
            f"{addresses!r}: several addresses must be IPv4 addresses; "
            "or use one name that resolves to all of them",
            address=addresses,
        ) from error
    return "ipv4:" + ",".join(f"{host}:{port}" for host, port in endpoints)
