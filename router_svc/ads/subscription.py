"""What one Envoy, or gRPC client, asked for and holds, of one type of resource.

A pure state machine in the terms of the delta xDS protocol: requests go in, the
next response comes out, and no clock or stream is involved.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from mesh.resources import Resource

_BATCH_BYTES = 4 * 1024 * 1024
"""What is more is sent in several responses: gRPC's messages have a limit."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Content of one response; no name is in both parts."""

    resources: tuple[Resource, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.resources or self.removed)

    @property
    def names(self) -> set[str]:
        """Of everything in it."""
        return {*self.removed, *(resource.name for resource in self.resources)}


@dataclass(slots=True)
class _Sent:
    batch: Batch
    abandoned: bool = False


def _first(resources: Iterable[Resource]) -> tuple[Resource, ...]:
    """As many as a message may hold; at least one."""
    taken: list[Resource] = []
    left = _BATCH_BYTES
    for resource in resources:
        left -= len(resource.body.value)
        if taken and left < 0:
            break
        taken.append(resource)
    return tuple(taken)


class Subscription:
    """One type of one stream.

    Of thousands of resources a change touches one. So the names that may have
    something to send, or to wait for, are kept in a set of their own: every name
    on which the Envoy and the target differ is in it.

    Attributes:
        refused: version of each resource that was refused, by name. It is not
            sent again until it has another version.
        rejection: the Envoy's words for the last refusal; empty without one.
    """

    def __init__(self, *, takes_wildcard: bool) -> None:
        self.refused: dict[str, str] = {}
        self.rejection = ""
        self._takes_wildcard = takes_wildcard
        self._begun = False
        self._wildcard = False
        self._names: set[str] = set()
        self._held: dict[str, str] = {}
        self._asked_again: set[str] = set()
        self._told_absent: set[str] = set()
        self._suspects: set[str] = set()
        self._sent: dict[str, _Sent] = {}
        self._target: Mapping[str, Resource] = {}
        self._open: set[str] = set()

    @property
    def is_waiting(self) -> bool:
        """Whether a response waits for its answer."""
        return any(not sent.abandoned for sent in self._sent.values())

    def subscribe(self, names: Iterable[str], held: Mapping[str, str]) -> None:
        """Takes a request's new names.

        A name that was asked for before is sent again even if it has not
        changed: that is how an Envoy says that it needs it anew.

        Args:
            held: on a stream's first request of the type, versions that the
                Envoy has from an earlier stream.
        """
        names = set(names)
        if not self._begun:
            self._begun = True
            self._held.update(held)
            self._open |= held.keys() | self._target.keys()
            # An Envoy that names nothing at first wants everything of the type.
            self._wildcard = self._takes_wildcard and not names
        elif names:
            self._asked_again |= names & self._held.keys()
        if "*" in names:
            self._wildcard = True
        self._names |= names - {"*"}
        self._told_absent -= names
        self._open |= names - {"*"}

    def unsubscribe(self, names: Iterable[str]) -> None:
        """Forgets names that the Envoy no longer wants."""
        names = set(names)
        if "*" in names:
            self._wildcard = False
        self._names -= names
        self._open |= names - {"*"}
        for name in names:
            self._told_absent.discard(name)
            if not self._wildcard:
                self._held.pop(name, None)
                self._asked_again.discard(name)

    def acknowledge(self, nonce: str) -> None:
        """The Envoy took the response with this nonce; another stream's is ignored."""
        sent = self._sent.pop(nonce, None)
        if sent is None:
            return
        self._open |= sent.batch.names
        for resource in sent.batch.resources:
            if self._wildcard or resource.name in self._names:
                self._held[resource.name] = resource.version
            self.refused.pop(resource.name, None)
            self._suspects.discard(resource.name)
        for name in sent.batch.removed:
            self._held.pop(name, None)
        if not self.refused:
            self.rejection = ""

    def refuse(self, nonce: str, rejection: str) -> None:
        """The Envoy refused the response with this nonce and goes on with what it has.

        Which of several resources is to blame is found by sending each alone, so
        that one that is bad does not hold up the others.
        """
        sent = self._sent.pop(nonce, None)
        if sent is None:
            return
        self._open |= sent.batch.names
        self.rejection = rejection
        if len(sent.batch.resources) == 1:
            resource = sent.batch.resources[0]
            self.refused[resource.name] = resource.version
            self._suspects.discard(resource.name)
        else:
            self._suspects.update(resource.name for resource in sent.batch.resources)

    def next_batch(self, target: Mapping[str, Resource], *, remove: bool) -> Batch:
        """What to send now to bring the Envoy closer to `target`.

        Args:
            remove: whether resources that `target` lacks may be taken away.
        """
        self._aim(target)
        self._open = {name for name in self._open if not self._is_settled(name, target)}
        names = self._open if self._wildcard else self._open & self._names
        changed = [target[n] for n in sorted(names & target.keys()) if self._lacks(target[n])]
        suspect = next((r for r in changed if r.name in self._suspects), None)
        if suspect is not None:
            return Batch((suspect,))
        missing = self._open - target.keys()
        gone = missing & self._held.keys() if remove else set()
        absent = (missing & self._names) - self._held.keys() - self._told_absent
        return Batch(_first(changed), tuple(sorted(gone | absent)))

    def send(self, nonce: str, batch: Batch) -> None:
        """Notes that `batch` is on its way."""
        self._sent[nonce] = _Sent(batch)
        self._asked_again -= {resource.name for resource in batch.resources}
        self._told_absent.update(set(batch.removed) & self._names)

    def abandon(self) -> None:
        """Waits no longer for answers; one that comes all the same still counts."""
        for sent in self._sent.values():
            sent.abandoned = True

    def send_again(self, names: Iterable[str]) -> None:
        """Sends these resources again, though they have not changed."""
        again = set(names) & self._held.keys()
        self._asked_again |= again
        self._open |= again

    def lacks_any(self, target: Mapping[str, Resource], *, but: Collection[str] = ()) -> bool:
        """Whether something of `target` has neither been taken nor refused.

        Args:
            but: names that do not count.
        """
        self._aim(target)
        return any(
            name in target
            and name not in self._held
            and name not in self.refused
            and name not in but
            for name in self._open
        )

    def _aim(self, target: Mapping[str, Resource]) -> None:
        """Opens every name on which `target` differs from the one before."""
        before, self._target = self._target, target
        if before is target:
            return
        self._open.update(n for n, r in target.items() if before.get(n) is not r)
        self._open |= before.keys() - target.keys()

    def _is_settled(self, name: str, target: Mapping[str, Resource]) -> bool:
        """Whether nothing is to be sent or awaited for `name` until something changes."""
        if name in target:
            if self.refused.get(name) == target[name].version:
                return name in self._held
            return self._held.get(name) == target[name].version and name not in self._asked_again
        return name not in self._held and (name not in self._names or name in self._told_absent)

    def has(self, resource: Resource) -> bool:
        """Whether it was taken in this version."""
        return self._held.get(resource.name) == resource.version

    def _lacks(self, resource: Resource) -> bool:
        if self.refused.get(resource.name) == resource.version:
            return False
        again = resource.name in self._asked_again
        return again or self._held.get(resource.name) != resource.version
