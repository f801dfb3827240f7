"""`verifier profiles`: how completions are rewarded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from verifier_service.cli import options
from verifier_service.cli.console import (
    CommandError,
    column,
    digest_shown,
    literal,
    print_json,
    stdout,
)

if TYPE_CHECKING:
    from sandbox_tools.types import Json
    from verifier_service.scoring.profiles import Profile

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
    table = Table(*map(column, ("name", "rewards", "description", "digest")))
    for profile in loaded:
        description = literal(profile.description)
        digest = digest_shown(profile.digest)
        table.add_row(literal(profile.name), _bounds(profile), description, digest)
    stdout().print(table)


@app.command("show")
def show_profile(
    name: Annotated[str, typer.Argument(help="Name of a profile.", metavar="NAME")],
    profiles: options.ProfilePaths = None,
    as_json: options.AsJson = False,
) -> None:
    """Show one profile: its kind, bounds, weights and caps."""
    from verifier_service.cli.scorers import load_local  # noqa: PLC0415  slow
    from verifier_service.engine import UnknownName  # noqa: PLC0415  slow

    try:
        profile = load_local(profiles=profiles).engine.profile(name)
    except UnknownName as error:
        raise CommandError(str(error)) from error
    if as_json:
        print_json(
            {
                "name": profile.name,
                "description": profile.description,
                "lowest": profile.lowest,
                "highest": profile.highest,
                **profile.settings,
                "digest": profile.digest,
            }
        )
        return
    table = Table(column("field"), column("value"), show_header=False)
    table.add_row("name", literal(profile.name))
    table.add_row("description", literal(profile.description))
    table.add_row("rewards", _bounds(profile))
    for setting, value in _flat(profile.settings):
        table.add_row(setting, literal(value))
    table.add_row("digest", profile.digest)
    stdout().print(table)


def _flat(settings: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from ((f"{name}: {key}", f"{share:g}") for key, share in value.items())
        else:
            yield name, value if isinstance(value, str) else f"{value:g}"


def _bounds(profile: Profile) -> str:
    return f"{profile.lowest:g} to {profile.highest:g}"
