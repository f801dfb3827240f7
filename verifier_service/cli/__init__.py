"""The `verifier` command: serve, score, replay, lint, audit, explain, convert, what is loaded.

Commands import what they need when they run, so that `verifier --help` is quick and everything but
`serve` works without the server's dependencies.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from verifier_service._version import __version__
from verifier_service.cli import profiles, toolsets
from verifier_service.cli.audit import audit
from verifier_service.cli.bench import bench
from verifier_service.cli.console import (
    EXIT_CLOSED_PIPE,
    EXIT_INTERRUPTED,
    CommandError,
    abandon_stdout,
    complain,
    open_streams,
)
from verifier_service.cli.convert import convert
from verifier_service.cli.explain import explain
from verifier_service.cli.lint import lint
from verifier_service.cli.parse import parse
from verifier_service.cli.path import path
from verifier_service.cli.replay import replay
from verifier_service.cli.score import score
from verifier_service.cli.serve import serve


class _Commands(TyperGroup):
    """Turns what a user can do something about into one sentence and an exit code."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        open_streams()
        try:
            return super().main(*args, **kwargs)
        except OSError as error:  # where help is printed, before any command is invoked
            sys.exit(_ended(error))

    def invoke(self, ctx: Any) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except (Exception, KeyboardInterrupt) as error:
            ended = _ended(error)
            if ended is None:
                raise
            raise typer.Exit(ended) from None
        return result


def _ended(error: BaseException) -> int | None:
    """The exit code for an error that the user was told of; None for one that is a bug."""
    if isinstance(error, BrokenPipeError):
        abandon_stdout()
        return EXIT_CLOSED_PIPE
    told = _told(error)
    if told is None:
        return None
    complain(str(told))
    return told.exit_code


def _told(error: BaseException) -> CommandError | None:
    """What the user can do something about, as an error of the command; None for a bug."""
    if isinstance(error, CommandError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return CommandError("interrupted", EXIT_INTERRUPTED)
    if isinstance(error, OSError):
        abandon_stdout()
        where = f" ({error.filename})" if error.filename else ""
        return CommandError(f"reading or writing failed: {error.strerror or error}{where}")
    from verifier_service.cli.refusals import command_error  # noqa: PLC0415  slow
    from verifier_service.client import VerifierError  # noqa: PLC0415  slow

    return command_error(error) if isinstance(error, VerifierError) else None


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"verifier {__version__}")
        raise typer.Exit


app = typer.Typer(
    name="verifier",
    cls=_Commands,
    help="Rewards for tool-calling models: verified, explained, over HTTP.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None if os.environ.get("NO_COLOR") else "rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _main(
    version: Annotated[
        bool | None,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = None,
) -> None:
    del version


app.command()(serve)
app.command()(score)
app.command()(lint)
app.command()(audit)
app.command()(explain)
app.command()(replay)
app.command()(parse)
app.command()(convert)
app.command()(path)
app.command()(bench)
app.add_typer(toolsets.app, name="toolsets")
app.add_typer(profiles.app, name="profiles")

__all__ = ["app"]
