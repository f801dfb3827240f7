"""The `verifier` command: serve, score, lint, explain, and what is loaded.

Commands import what they need when they run, so that `verifier --help` is quick and everything but
`serve` works without the server's dependencies.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from verifier_service._version import __version__
from verifier_service.cli import profiles, toolsets
from verifier_service.cli.bench import bench
from verifier_service.cli.console import EXIT_SERVICE, CommandError, complain
from verifier_service.cli.explain import explain
from verifier_service.cli.lint import lint
from verifier_service.cli.score import score
from verifier_service.cli.serve import serve


class _Commands(TyperGroup):
    """Turns what a user can do something about into one sentence and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except CommandError as error:
            complain(str(error))
            raise typer.Exit(error.exit_code) from None
        except Exception as error:
            told = _told(error)
            if told is None:
                raise
            complain(str(told))
            raise typer.Exit(told.exit_code) from None


def _told(error: Exception) -> CommandError | None:
    """An error of the client as one of the command; None for any other."""
    from verifier_service.client import VerifierError, VerifierRefused  # noqa: PLC0415  slow

    if isinstance(error, VerifierRefused) and error.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return CommandError("; ".join(error.faults) or str(error))
    return CommandError(str(error), EXIT_SERVICE) if isinstance(error, VerifierError) else None


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
app.command()(explain)
app.command()(bench)
app.add_typer(toolsets.app, name="toolsets")
app.add_typer(profiles.app, name="profiles")

__all__ = ["app"]
