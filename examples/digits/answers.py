"""What came back, kept for the live table and for the checks at the end."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One request and what became of it, as the client saw it.

    Attributes:
        unit: who sent it.
        protocol: `grpc` or `rest`.
        sent: seconds since the epoch, just before it left.
        received: seconds since the epoch, just after the answer was there.
        version: `x-algolink-version`; 0 if it failed.
        body_version: version that the answer's body names; 0 if it failed.
        experiment: `x-algolink-experiment`; empty outside an experiment.
        arm: `x-algolink-arm`; empty outside an experiment.
        request_id: `x-algolink-request-id`; empty if it failed.
        correct: whether the digit was right.
        error: why it failed; empty if it did not.
    """

    unit: str
    protocol: str
    sent: float
    received: float
    version: int = 0
    body_version: int = 0
    experiment: str = ""
    arm: str = ""
    request_id: str = ""
    correct: bool = False
    error: str = ""

    @property
    def latency_ms(self) -> float:
        """From sending to having the answer."""
        return (self.received - self.sent) * 1_000


@dataclass(slots=True)
class Journal:
    """All answers so far, in the order in which they came."""

    answers: list[Answer] = field(default_factory=list)
    units: set[str] = field(default_factory=set)
    failed: int = 0

    def add(self, answer: Answer) -> None:
        """Writes down one answer."""
        self.answers.append(answer)
        self.units.add(answer.unit)
        self.failed += bool(answer.error)
