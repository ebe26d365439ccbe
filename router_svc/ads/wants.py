"""What one gRPC client wants and has, in the terms of state-of-the-world xDS. Pure.

A request names all resources of a type that the client wants from now on. A
response holds all listeners or clusters that it wants, whether they changed or
not, for what is missing counts as deleted; of routes and endpoints it holds those
that changed.

Nothing is staged: a gRPC client follows new routes only once it has the clusters
and endpoints that they lead to. A cluster that the table no longer has stays for as
long as the client asks for it, because that is how long it sends requests there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mesh.proxyless import TYPES, Proxyless
from mesh.resources import CDS, EDS, LDS, RDS, Resource
from router_svc.ads.staging import Progress, refuses
from router_svc.ads.subscription import Batch, Subscription

_WHOLE = frozenset({LDS, CDS})


@dataclass(frozen=True, slots=True)
class Reply:
    """A response.

    Attributes:
        batch: what is new to the client in it.
        resources: all that it holds.
    """

    type_url: str
    batch: Batch
    resources: tuple[Resource, ...]


class Wants:
    """What a client wants of one type, and what it has of it."""

    def __init__(self, type_url: str) -> None:
        self._type_url = type_url
        self._names: frozenset[str] = frozenset()
        self._had: dict[str, Resource] = {}
        self._sent: dict[str, Batch] = {}
        self.subscription = Subscription(takes_wildcard=False)

    @property
    def names(self) -> frozenset[str]:
        """What it asks for."""
        return self._names

    def ask(self, names: Iterable[str]) -> None:
        """Takes all names that the client wants from now on."""
        wanted = frozenset(names) - {"*"}
        self.subscription.unsubscribe(self._names - wanted)
        if wanted - self._names:
            self.subscription.subscribe(wanted - self._names, {})
        self._had = {name: had for name, had in self._had.items() if name in wanted}
        self._names = wanted

    def acknowledge(self, nonce: str) -> None:
        """The client took a response."""
        self.subscription.acknowledge(nonce)
        batch = self._sent.pop(nonce, Batch())
        self._had |= {r.name: r for r in batch.resources if r.name in self._names}
        for name in batch.removed:
            self._had.pop(name, None)

    def refuse(self, nonce: str, rejection: str) -> None:
        """The client refused a response; what it had stays."""
        self.subscription.refuse(nonce, rejection)
        self._sent.pop(nonce, None)

    def reply(self, target: Mapping[str, Resource]) -> Reply | None:
        """What to send now; None while an answer is awaited, or nothing changed."""
        if self.subscription.is_waiting:
            return None
        wanted = {name: target[name] for name in self._names if name in target}
        batch = self.subscription.next_batch(wanted, remove=self._type_url == LDS)
        if self._type_url not in _WHOLE:
            batch = Batch(batch.resources)
        if not batch:
            return None
        if self._type_url not in _WHOLE:
            return Reply(self._type_url, batch, batch.resources)
        present = {name: r for name, r in self._had.items() if name not in batch.removed}
        present |= {resource.name: resource for resource in batch.resources}
        return Reply(self._type_url, batch, tuple(r for _, r in sorted(present.items())))

    def send(self, nonce: str, reply: Reply) -> None:
        """Notes that `reply` is on its way."""
        self.subscription.send(nonce, reply.batch)
        self._sent[nonce] = reply.batch


def everything() -> dict[str, Wants]:
    """State of a new stream, by type URL."""
    return {type_url: Wants(type_url) for type_url in TYPES}


def progress(wants: Mapping[str, Wants], target: Proxyless) -> Progress:
    """Where a client stands when there is nothing to send.

    It has taken the table once it has all that the listeners lead to which it asks
    for: until then it routes by what it had.
    """
    if any(each.subscription.is_waiting for each in wants.values()):
        return Progress.WAITING
    for type_url, each in wants.items():
        if refuses(each.subscription, target.by_type[type_url]):
            return Progress.REFUSED
    for model in wants[LDS].names & target.models:
        if not _has(wants, target, LDS, [model]) or not _has(wants, target, RDS, [model]):
            return Progress.WAITING
        led_to = target.clusters(model)
        if not _has(wants, target, CDS, led_to) or not _has(wants, target, EDS, led_to):
            return Progress.WAITING
    return Progress.COMPLETE


def _has(
    wants: Mapping[str, Wants], target: Proxyless, type_url: str, names: Iterable[str]
) -> bool:
    resources = target.by_type[type_url]
    return all(wants[type_url].subscription.has(resources[name]) for name in names)


def rejections(wants: Mapping[str, Wants], target: Proxyless) -> str:
    """The client's words for what it refuses of `target`; empty if nothing."""
    return "; ".join(
        each.subscription.rejection
        for type_url, each in wants.items()
        if refuses(each.subscription, target.by_type[type_url])
    )
