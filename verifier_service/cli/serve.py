"""`verifier serve`: the HTTP service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from verifier_service.cli import options
from verifier_service.cli.console import CommandError
from verifier_service.starting import stop_at_once

_SERVER_PACKAGES: Final = frozenset(
    {"fastapi", "prometheus_client", "pydantic_settings", "starlette", "uvicorn", "uvloop"}
)


def serve(  # noqa: PLR0913 - the options of a command
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="TCP port; 0 takes a free one.")] = None,
    workers: Annotated[int | None, typer.Option(help="Number of scoring processes.")] = None,
    toolsets: options.ToolsetPaths = None,
    profiles: options.ProfilePaths = None,
    keys: Annotated[
        Path | None, typer.Option(help="File of API keys, one a line.", metavar="FILE")
    ] = None,
    insecure: Annotated[
        bool | None,
        typer.Option("--insecure", help="Serve other addresses than loopback without a key."),
    ] = None,
    port_file: Annotated[
        Path | None, typer.Option(help="Write the port here once requests are taken.")
    ] = None,
    metrics_port: Annotated[
        int | None, typer.Option(help="Port of /metrics; the main port where not given.")
    ] = None,
    log_level: Annotated[
        str | None, typer.Option(help="debug, info, warning or error.", metavar="LEVEL")
    ] = None,
) -> None:
    """Run the service until SIGTERM, then drain.

    What is not given here is read from the environment (VERIFIER_PORT and so on), else has its
    default; see docs/configuration.md.
    """
    given = {
        "host": host,
        "port": port,
        "workers": workers,
        "toolsets": tuple(toolsets) if toolsets else None,
        "profiles": tuple(profiles) if profiles else None,
        "api_keys_file": keys,
        "insecure": insecure,
        "port_file": port_file,
        "metrics_port": metrics_port,
        "log_level": log_level,
    }
    raise typer.Exit(run({name: value for name, value in given.items() if value is not None}))


def run(given: dict[str, Any]) -> int:
    """Serve with these settings and, for the rest, those of the environment.

    Raises:
        CommandError: A setting is wrong, or the server's packages are not installed.
    """
    stop_at_once()
    try:
        from pydantic import ValidationError  # noqa: PLC0415  slow

        from verifier_service.serve import serve as serve_until_signal  # noqa: PLC0415  extra `server`
        from verifier_service.settings import Settings, settings_faults  # noqa: PLC0415  extra `server`
    except ModuleNotFoundError as error:
        if error.name not in _SERVER_PACKAGES:
            raise
        raise CommandError(
            f"serving needs {error.name}; in a clone of the repository: pip install '.[server]'"
        ) from None
    try:
        settings = Settings(**given)
    except ValidationError as error:
        raise CommandError(settings_faults(error)) from None
    return serve_until_signal(settings)
