"""`host:port`, taken apart."""

from __future__ import annotations

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
