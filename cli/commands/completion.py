"""`algolink completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from cli.session import examples


@click.command(
    epilog=examples(
        "source <(algolink completion bash)",
        "algolink completion fish > ~/.config/fish/completions/algolink.fish",
    )
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the shell's completion script."""
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(kind(context.find_root().command, {}, "algolink", "_ALGOLINK_COMPLETE").source())
