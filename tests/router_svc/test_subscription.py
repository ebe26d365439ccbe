"""One type of one Envoy's stream: looking only where something is open loses nothing."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from google.protobuf import any_pb2
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh.resources import Resource
from router_svc.ads.subscription import Subscription

NAMES = ("a", "b", "c", "d")

names = st.sets(st.sampled_from(NAMES))
versions = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(("1", "2")))
events = st.lists(
    st.one_of(
        st.tuples(st.just("target"), versions),
        st.tuples(st.just("subscribe"), names, versions),
        st.tuples(st.just("subscribe"), st.just({"*"}), st.just({})),
        st.tuples(st.just("unsubscribe"), names),
        st.tuples(st.just("again"), names),
        st.tuples(st.just("acknowledge"), st.integers(0, 2)),
        st.tuples(st.just("refuse"), st.integers(0, 2)),
        st.tuples(st.just("abandon")),
        st.tuples(st.just("send"), st.booleans()),
    ),
    max_size=40,
)


class Exhaustive(Subscription):
    """Looks at every name each time."""

    def _aim(self, target: Mapping[str, Resource]) -> None:
        self._open |= {*NAMES, *target}


@given(events, st.booleans())
@settings(max_examples=500)
def test_a_subscription_sends_what_one_sends_that_looks_everywhere(
    happened: list[tuple[object, ...]], takes_wildcard: bool
) -> None:
    both = Subscription(takes_wildcard=takes_wildcard), Exhaustive(takes_wildcard=takes_wildcard)
    target: dict[str, Resource] = {}
    nonces: list[str] = []
    numbers = itertools.count()
    for event in happened:
        match event:
            case ("target", dict(wanted)):
                target = {name: _resource(name, version) for name, version in wanted.items()}
            case ("subscribe", set(asked), dict(held)):
                for each in both:
                    each.subscribe(asked, held)
            case ("unsubscribe", set(left)):
                for each in both:
                    each.unsubscribe(left)
            case ("again", set(needed)):
                for each in both:
                    each.send_again(needed)
            case ("acknowledge" | "refuse", int(number)) if number < len(nonces):
                nonce = nonces.pop(number)
                for each in both:
                    if event[0] == "refuse":
                        each.refuse(nonce, "no")
                    else:
                        each.acknowledge(nonce)
            case ("abandon",):
                for each in both:
                    each.abandon()
            case ("send", bool(remove)):
                batches = [each.next_batch(target, remove=remove) for each in both]
                if batches[0]:
                    nonces.append(str(next(numbers)))
                    for each, batch in zip(both, batches, strict=True):
                        each.send(nonces[-1], batch)
                assert batches[0] == batches[1]
        assert both[0].lacks_any(target) == both[1].lacks_any(target)
        assert both[0].refused == both[1].refused


def test_what_is_too_much_for_one_message_is_sent_in_several() -> None:
    subscription = Subscription(takes_wildcard=True)
    big = any_pb2.Any(value=bytes(3 * 1024 * 1024))
    target = {name: Resource(name, "1", big) for name in NAMES}
    subscription.subscribe((), {})

    sent = []
    while batch := subscription.next_batch(target, remove=True):
        sent.append(batch.names)
        subscription.send(str(len(sent)), batch)
        subscription.acknowledge(str(len(sent)))

    assert sent == [{name} for name in NAMES]


def _resource(name: str, version: str) -> Resource:
    return Resource(name, version, any_pb2.Any())
