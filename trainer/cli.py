"""The `trainer` command."""

from __future__ import annotations

from typing import Annotated

import typer

from verifier_service._version import __version__

app = typer.Typer(name="trainer", add_completion=False, no_args_is_help=True)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"trainer {__version__}")
        raise typer.Exit


@app.callback()
def trainer(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Train with rewards from a running verifier service. No command is in this version yet."""
