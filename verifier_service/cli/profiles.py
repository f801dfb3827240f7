"""`verifier profiles`: how completions are rewarded."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Column, Table

from verifier_service.cli import options
from verifier_service.cli.console import CommandError, literal, print_json, stdout

app = typer.Typer(help="The loaded reward profiles.", no_args_is_help=True)


@app.command("list")
def list_profiles(profiles: options.ProfilePaths = None, as_json: options.AsJson = False) -> None:
    """List the profiles by name, with their digests."""
    from verifier_service.cli.scorers import load_local  # noqa: PLC0415  slow

    loaded = load_local(profiles=profiles).engine.profiles.values()
    if as_json:
        rows = [{"name": p.name, "digest": p.digest, "description": p.description} for p in loaded]
        print_json(rows)
        return
    table = Table("name", "rewards", "description", Column("digest", no_wrap=True))
    for profile in loaded:
        bounds = f"{profile.lowest:g} to {profile.highest:g}"
        description = literal(profile.description)
        table.add_row(literal(profile.name), bounds, description, f"{profile.digest[:19]}…")
    stdout().print(table)


@app.command("show")
def show_profile(
    name: Annotated[str, typer.Argument(help="Name of a profile.", metavar="NAME")],
    profiles: options.ProfilePaths = None,
) -> None:
    """Show one profile: what it pays for, its bounds and its caps."""
    from verifier_service.cli.scorers import load_local  # noqa: PLC0415  slow
    from verifier_service.engine import UnknownName  # noqa: PLC0415  slow

    try:
        profile = load_local(profiles=profiles).engine.profile(name)
    except UnknownName as error:
        raise CommandError(str(error)) from error
    table = Table(show_header=False)
    table.add_row("name", literal(profile.name))
    table.add_row("description", literal(profile.description))
    table.add_row("rewards", f"{profile.lowest:g} to {profile.highest:g}")
    for code, cap in profile.caps.items():
        table.add_row(f"cap for {code}", f"{cap:g}")
    table.add_row("digest", profile.digest)
    stdout().print(table)
