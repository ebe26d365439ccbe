"""What operators say about a model's requests, beside shares of the traffic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from mesh import attempts
from mesh.table import Audience, Fallback, Handling, Holdout, ModelRoute, Shadow, Split


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Rules that are set, routed and ended together.

    Attributes:
        overrides: version of units that are sent there whatever else is said.
        audiences: asked in order; the first that matches decides.
        holdout: units that no split gets, if any.
        shadow: what gets copies, if anything.
        falls_back: whether another version answers for a candidate that fails.
        fallback: that version; `None` for the champion.
        handling: deadlines, retries and limits.
        revision: of the `Traffic` that they were set in; 0 before.
    """

    overrides: Mapping[str, int] = field(default_factory=dict)
    audiences: tuple[Audience, ...] = ()
    holdout: Holdout | None = None
    shadow: Shadow | None = None
    falls_back: bool = True
    fallback: int | None = None
    handling: Handling = attempts.PLAIN
    revision: int = 0

    def named(self) -> Iterator[tuple[str, int]]:
        """Every version that they name, and the field where."""
        for number, unit in enumerate(self.overrides):
            yield f"overrides[{number}].version", self.overrides[unit]
        for number, audience in enumerate(self.audiences):
            if audience.version is not None:
                yield f"audiences[{number}].version", audience.version
        if self.shadow is not None:
            yield "shadow.version", self.shadow.version
        if self.fallback is not None:
            yield "fallback.version", self.fallback

    @property
    def versions(self) -> set[int]:
        """Versions that they name."""
        return {version for _, version in self.named()}

    def applied(self, route: ModelRoute) -> ModelRoute:
        """`route` with these rules in place of those that it has."""
        return replace(
            route,
            overrides=self.overrides,
            audiences=self.audiences,
            holdout=self.holdout,
            shadow=self.shadow,
            handling=self.handling,
            rules_revision=self.revision,
            split=self.with_fallback(route.split),
        )

    def with_fallback(self, split: Split | None) -> Split | None:
        """`split`, whose failures are answered for as these rules say."""
        return None if split is None else replace(split, fallback=self._fallback())

    def _fallback(self) -> Fallback | None:
        if not self.falls_back:
            return None
        usual = min(attempts.FALLBACK.attempt_timeout_ms, self.handling.timeout_ms)
        timeout_ms = self.handling.attempt_timeout_ms or usual
        return Fallback(attempt_timeout_ms=timeout_ms, version=self.fallback)


NO_RULES = Rules()


def of_route(route: ModelRoute) -> Rules:
    """The rules that are routed; without a split there is nothing to fall back from."""
    fallback = route.split.fallback if route.split is not None else attempts.FALLBACK
    return Rules(
        overrides=route.overrides,
        audiences=route.audiences,
        holdout=route.holdout,
        shadow=route.shadow,
        falls_back=fallback is not None,
        fallback=fallback.version if fallback is not None else None,
        handling=route.handling,
        revision=route.rules_revision,
    )
