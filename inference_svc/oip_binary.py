"""The binary tensor extension of REST: bytes of tensors after the JSON, in its order."""

from __future__ import annotations

import re
from typing import Final

from algolink.errors import InvalidArgument
from algolink.names import shown

LENGTH_HEADER: Final = "Inference-Header-Content-Length"
"""How long the JSON before the tensors is, in bytes; on requests and on answers."""

_LENGTH: Final = re.compile("[0-9]{1,18}")


class Tail:
    """What follows the JSON, taken tensor by tensor."""

    def __init__(self, octets: bytes, start: int) -> None:
        """The part of `octets` from `start` on."""
        self._octets = octets
        self._position = start

    def take(self, what: str, size: int) -> bytes:
        """The next `size` bytes. Copied, because engines want numbers aligned.

        Args:
            what: whose they are, for the message.

        Raises:
            InvalidArgument: PAYLOAD_SHORT, if there are fewer.
        """
        left = len(self._octets) - self._position
        if size > left:
            raise InvalidArgument(
                "PAYLOAD_SHORT",
                f"{what} has binary_data_size {size}, and {left} bytes are left of the body",
                expected=size,
                actual=left,
            )
        begin, self._position = self._position, self._position + size
        return self._octets[begin : self._position]

    def check_empty(self) -> None:
        """Refuses bytes that no tensor has taken.

        Raises:
            InvalidArgument: PAYLOAD_LONG.
        """
        left = len(self._octets) - self._position
        if left:
            raise InvalidArgument(
                "PAYLOAD_LONG", f"{left} bytes at the end of the body are no input's", actual=left
            )


def split(body: bytes, length: str | None) -> tuple[bytes, Tail]:
    """The JSON of a body, and what follows it.

    Args:
        length: what `LENGTH_HEADER` says; None without one, when all is JSON.

    Raises:
        InvalidArgument: HEADER_LENGTH_INVALID.
    """
    if length is None:
        return body, Tail(b"", 0)
    if _LENGTH.fullmatch(length) is None or int(length) > len(body):
        raise InvalidArgument(
            "HEADER_LENGTH_INVALID",
            f"{LENGTH_HEADER} is {shown(length)}: it must be the number of bytes of JSON "
            f"in a body of {len(body)}",
            value=shown(length),
            body_bytes=len(body),
        )
    end = int(length)
    return body[:end], Tail(body, end)
