"""Runs the demo: `python -m examples.digits [--keep] [--data-dir FOLDER]`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from algolink.client import AsyncClient
from algolink.errors import AlgoLinkError
from examples.digits.live import Screen
from examples.digits.material import Training
from examples.digits.record import Record, promises
from examples.digits.stack import Stack, StackError, running_stack
from examples.digits.story import MODEL, Size, StoryError, tell

_REPLICAS = 2


def main() -> int:
    """Runs the demo; 0 if everything that was promised held."""
    options = _options()
    console, status = Console(), 1
    try:
        with _folder(options.data_dir, keep=options.keep) as folder:
            status = asyncio.run(_demo(folder, console, keep=options.keep))
    except* (AlgoLinkError, StackError, StoryError, OSError) as failures:
        for failure in _leaves(failures):
            console.print(f"the demo failed: {failure}", style="red", markup=False)
    return status


async def _demo(folder: Path, console: Console, *, keep: bool) -> int:
    start, screen = time.monotonic(), Screen(console)
    screen.say(f"starting registry, experiment, router, Envoy and {_REPLICAS} replicas in {folder}")
    training = asyncio.create_task(_trained())
    async with running_stack(folder, replicas=_REPLICAS, keep=keep) as stack:
        screen.say(f"the stack is ready: predictions at {stack.data_endpoint}")
        async with AsyncClient(
            stack.admin_endpoint, data_endpoint=stack.data_endpoint, token=stack.token
        ) as client:
            record = await tell(client, stack.data_endpoint, await training, screen, Size())
    results = promises(record)
    screen.summarise(results)
    kept = all(check.kept for check in results)
    verdict = record.experiment.verdict
    console.print(
        f"[bold]{verdict.summary}[/bold]\nevidence sha256:{verdict.digest}\n"
        f"{'all held' if kept else 'NOT all held'} in {time.monotonic() - start:.0f} s",
        highlight=False,
    )
    if keep:
        _how_to_go_on(console, stack, record)
    return 0 if kept else 1


async def _trained() -> Training:
    def work() -> Training:
        # Importing it takes seconds, in which the stack can start.
        from examples.digits.train import train

        return train()

    return await asyncio.to_thread(work)


def _how_to_go_on(console: Console, stack: Stack, record: Record) -> None:
    algolink = Path(sys.executable).with_name("algolink")
    with_folder = f"ALGOLINK_DATA_DIR={stack.data_dir} {algolink}"
    experiment = record.experiment.name.removeprefix("experiments/")
    console.print(
        f"\nThe stack keeps running: predictions at {stack.data_endpoint}, "
        f"administration at {stack.admin_endpoint}. Try\n"
        f"  {with_folder} status\n"
        f"  {with_folder} experiment results {experiment}\n"
        f"  {with_folder} route explain {MODEL} --unit you\n"
        f"End it with: kill {stack.pid}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


@contextlib.contextmanager
def _folder(chosen: Path | None, *, keep: bool) -> Iterator[Path]:
    """The data folder: the chosen one, or a temporary one that is gone afterwards."""
    if chosen is not None:
        chosen.mkdir(parents=True, exist_ok=True)
        yield chosen.resolve()
        return
    folder = Path(tempfile.mkdtemp(prefix="algolink-demo-"))
    try:
        yield folder
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.digits", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the stack running")
    parser.add_argument(
        "--data-dir", type=Path, help="keep everything in this folder (default: a temporary one)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
