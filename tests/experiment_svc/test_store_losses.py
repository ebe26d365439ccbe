"""Losses in every store: the latest report of each run holds."""

from __future__ import annotations

from algolink.names import ExperimentName
from experiment_svc.domain.losses import Acknowledgement, Loss, Report
from experiment_svc.store import Store
from tests.experiment_svc.builders import NOON

DIGITS = ExperimentName("digits")
SEEN = Acknowledgement(by="ann", time=NOON, note="seen")


def a_report(revision: int, *, run: str = "run-1", at_least: bool = False, **lost: int) -> Report:
    return Report(
        node="envoy-1",
        run=run,
        revision=revision,
        losses=[
            Loss(
                experiment=name,
                node="envoy-1",
                run=run,
                revision=revision,
                exposures=count,
                at_least=at_least,
                cause="disk full",
                time=NOON,
            )
            for name, count in lost.items()
        ],
    )


async def report(store: Store, *reports: Report) -> None:
    for each in reports:
        async with store.transaction() as tx:
            await tx.report_losses(each)


async def acknowledge(store: Store) -> int:
    async with store.transaction() as tx:
        return len(await tx.acknowledge_losses(DIGITS, SEEN))


async def digits(store: Store) -> list[tuple[int, bool, bool]]:
    """Exposures, at least, and acknowledged, of each loss of `digits`."""
    async with store.reading() as reading:
        found = await reading.losses_of(DIGITS)
    return [(loss.exposures, loss.at_least, loss.acknowledgement is not None) for loss in found]


async def unseen(store: Store) -> list[str]:
    async with store.reading() as reading:
        return [loss.experiment for loss in await reading.open_losses(limit=10)]


async def test_a_later_report_replaces_and_an_earlier_or_equal_one_does_not(store: Store) -> None:
    await report(store, a_report(1, digits=5, at_least=True), a_report(3, digits=7))
    await report(store, a_report(2, digits=9), a_report(3, digits=9))

    assert await digits(store) == [(7, False, False)]


async def test_runs_are_told_apart(store: Store) -> None:
    await report(store, a_report(1, digits=5), a_report(1, run="run-2", digits=6))

    assert sorted(await digits(store)) == [(5, False, False), (6, False, False)]


async def test_what_a_report_no_longer_names_is_not_lost(store: Store) -> None:
    await report(store, a_report(1, digits=0, other=1, at_least=True), a_report(2, other=1))

    assert await digits(store) == []
    assert await unseen(store) == ["other"]


async def test_an_acknowledgement_holds_until_the_loss_grows(store: Store) -> None:
    await report(store, a_report(1, digits=5))
    assert await acknowledge(store) == 1

    await report(store, a_report(2, digits=5))
    assert await digits(store) == [(5, False, True)]
    await report(store, a_report(3, digits=6))

    assert await digits(store) == [(6, False, False)]
    assert await acknowledge(store) == 1
    assert await acknowledge(store) == 0
    async with store.reading() as reading:
        [loss] = await reading.losses_of(DIGITS)
    assert loss.acknowledgement == SEEN
