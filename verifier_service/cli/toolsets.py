"""`verifier toolsets`: what completions can call."""

from __future__ import annotations

from collections.abc import Mapping
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
    shown,
    stdout,
)

if TYPE_CHECKING:
    from sandbox_tools.types import Json, ToolSpec

app = typer.Typer(help="The loaded toolsets and their tools.", no_args_is_help=True)


@app.command("list")
def list_toolsets(toolsets: options.ToolsetPaths = None, as_json: options.AsJson = False) -> None:
    """List the toolsets by name, with their digests."""
    from verifier_service.cli.scorers import load_local  # noqa: PLC0415  slow

    loaded = load_local(toolsets).engine.toolsets
    if as_json:
        print_json(
            [
                {
                    "name": toolset.name,
                    "digest": toolset.digest,
                    "description": toolset.description,
                    "tools": list(toolset.specs),
                }
                for toolset in loaded.values()
            ]
        )
        return
    table = Table(*map(column, ("name", "tools", "description", "digest")))
    for toolset in loaded.values():
        tools = literal(", ".join(toolset.specs))
        description = literal(toolset.description)
        table.add_row(literal(toolset.name), tools, description, digest_shown(toolset.digest))
    stdout().print(table)


@app.command("show")
def show_toolset(
    name: Annotated[str, typer.Argument(help="Name, or name@digest.", metavar="NAME")],
    openai: Annotated[
        bool, typer.Option("--openai", help="Print the schemas for a prompt, as OpenAI's `tools`.")
    ] = False,
    toolsets: options.ToolsetPaths = None,
) -> None:
    """Show the tools of one toolset."""
    from verifier_service.cli.scorers import load_local  # noqa: PLC0415  slow
    from verifier_service.engine import UnknownName  # noqa: PLC0415  slow

    try:
        toolset = load_local(toolsets).engine.toolset(name)
    except UnknownName as error:
        raise CommandError(str(error)) from error
    if openai:
        print_json(toolset.openai_tools())
        return
    stdout().print(literal(f"{toolset.name}: {toolset.description}\n{toolset.digest}"))
    columns = map(column, ("tool", "side effects", "parameters", "description"))
    table = Table(*columns, show_lines=True)
    for spec in toolset.specs.values():
        effects = "none" if spec.read_only else "writes"
        parameters = literal("\n".join(_parameters(spec)))
        table.add_row(literal(spec.name), effects, parameters, literal(spec.description))
    stdout().print(table)


def _parameters(spec: ToolSpec) -> list[str]:
    """One line a parameter: name, type, and a question mark where it may be left out."""
    properties: Mapping[str, Json] = spec.parameters.get("properties", {})
    required = spec.parameters.get("required", ())
    return [
        f"{name}{'' if name in required else '?'}: {_type(schema)}"
        for name, schema in properties.items()
    ]


def _type(schema: Json) -> str:
    if not isinstance(schema, Mapping):
        return shown(schema)
    if "enum" in schema:
        return " | ".join(shown(value) for value in schema["enum"])
    if branches := schema.get("anyOf") or schema.get("oneOf"):
        return " | ".join(map(_type, branches))
    found = schema.get("type", "any")
    name = " | ".join(found) if isinstance(found, list | tuple) else str(found)
    return f"{name} of {_type(schema['items'])}" if "items" in schema else name
