"""One rpc as a value: what is sent where, and how its answer is read.

The clients differ only in how they wait, so everything that a call says is made
here, once, without a channel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from google.protobuf.message import Message

from algolink.errors import AlgoLinkError

Reply = TypeVar("Reply", bound=Message)
Item = TypeVar("Item", bound=Message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[Reply]):
    """A unary call of a control service.

    Attributes:
        path: `/package.Service/Method`.
        request: what is sent.
        reply: type of the answer.
        idempotent: whether sending it twice does what sending it once does.
    """

    path: str
    request: Message
    reply: type[Reply]
    idempotent: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages(Generic[Reply, Item]):
    """A list that comes in pages.

    Attributes:
        page: the call for the page that a token names; "" names the first.
        items: what a page holds.
        next_token: token of the page after it; "" on the last.
    """

    page: Callable[[str], Call[Reply]]
    items: Callable[[Reply], Sequence[Item]]
    next_token: Callable[[Reply], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait(Generic[Reply]):
    """A state to wait for, asked for again and again.

    Attributes:
        call: asks for the state; NOT_FOUND counts as not there yet.
        done: whether it is reached.
        late: the error once the time is over, made from the last answer.
    """

    call: Call[Reply]
    done: Callable[[Reply], bool]
    late: Callable[[Reply | None, float], AlgoLinkError]


def serialized(message: Message) -> bytes:
    """What goes over the wire; the base class's own method is only for show."""
    return message.SerializeToString()


POLL_S = 0.1
"""Between two looks at a state that is waited for."""
