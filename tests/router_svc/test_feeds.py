"""The watches, over real channels."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest

from chassis import channel
from router_svc import feeds
from router_svc.domain.world import ExperimentState
from router_svc.heard import Heard
from tests.router_svc.builders import a_model, an_experiment
from tests.router_svc.neighbours import Neighbours, running, until


@pytest.fixture
def neighbours() -> Neighbours:
    return Neighbours()


@contextlib.asynccontextmanager
async def following(neighbours: Neighbours) -> AsyncIterator[Heard]:
    heard = Heard()
    async with (
        neighbours.serve() as port,
        channel.open_channel(f"127.0.0.1:{port}", None) as line,
        running(feeds.follow_models(line, heard)),
        running(feeds.follow_experiments(line, heard)),
    ):
        yield heard


async def test_what_the_neighbours_show_is_heard_as_it_was_meant(neighbours: Neighbours) -> None:
    model = a_model(aliases={"canary": 2}, revision=7)
    experiment = an_experiment(
        state=ExperimentState.CONCLUDED,
        winner="challenger",
        phase=3,
        promoted_model_revision=6,
    )
    neighbours.show_model(model)
    neighbours.show_experiment(experiment)

    async with following(neighbours) as heard:
        await until(lambda: heard.world([]).complete)

        assert heard.models.items == {"digits": model}
        assert heard.experiments.items == {"digits-1": experiment}


async def test_changes_and_tombstones_are_heard(neighbours: Neighbours) -> None:
    neighbours.show_model(a_model())
    async with following(neighbours) as heard:
        await until(lambda: heard.models.synced)

        neighbours.show_model(a_model(champion=2, revision=2))
        await until(lambda: heard.models.items["digits"].champion == 2)
        neighbours.delete_model("digits")
        await until(lambda: heard.models.deleted == {"digits"})

        assert heard.models.items == {}


async def test_an_experiment_that_makes_no_sense_stays_unknown(neighbours: Neighbours) -> None:
    neighbours.show_malformed_experiment("digits-0")
    neighbours.show_experiment(an_experiment())

    async with following(neighbours) as heard:
        await until(lambda: heard.experiments.synced)

        assert heard.experiments.items.keys() == {"digits-1"}
        assert heard.experiments.deleted == set()
