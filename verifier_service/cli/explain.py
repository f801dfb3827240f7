"""`verifier explain`: one completion, what it says, and why it earns what it earns."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from verifier_service.cli import options
from verifier_service.cli.console import CommandError, print_json, stdout
from verifier_service.cli.drawing import explained
from verifier_service.cli.rows import json_value

if TYPE_CHECKING:
    from sandbox_tools.types import Json


def explain(  # noqa: PLR0913 - the options of a command
    *,
    ground_truth: Annotated[
        str,
        typer.Option(
            "--ground-truth", "-g", metavar="JSON|TEXT|@FILE",
            help="What would have been right, in any form that a dataset may have.",
        ),
    ],
    completion: Annotated[
        str | None,
        typer.Option(
            "--completion", "-c", metavar="TEXT|@FILE",
            help="What the policy wrote; read from stdin where not given.",
        ),
    ] = None,
    toolset: options.ToolsetName = None,
    tools: Annotated[
        str | None,
        typer.Option("--tools", metavar="JSON|@FILE", help="Inline tools instead of a toolset."),
    ] = None,
    profile: options.ProfileName = None,
    format_name: options.FormatName = None,
    read_options: Annotated[
        str | None,
        typer.Option("--options", metavar="JSON|@FILE", help='Such as {"narration": "forbidden"}.'),
    ] = None,
    as_json: options.AsJson = False,
    url: options.Url = None,
    api_key: options.ApiKey = None,
    wait: options.Wait = 0.0,
    toolsets: options.ToolsetPaths = None,
    profiles: options.ProfilePaths = None,
) -> None:  # fmt: skip
    """Draw the verdict of one completion: what was read, what differs, why this reward.

    A completion that is a JSON list or object of chat messages (with "role") is read as such. Exit
    codes: 0 there is a verdict, whatever it is; 2 wrong usage; 3 the service gave no answer.
    """
    if toolset is None and tools is None:
        raise CommandError("no tools to judge by; give --toolset NAME or --tools @FILE")
    if completion is None and sys.stdin.isatty():
        raise CommandError("nothing to explain; give --completion TEXT, or pipe it to stdin")
    from verifier_service.cli.scorers import Source, open_scorer  # noqa: PLC0415  slow

    written = _messages_or_text(_argument(completion))
    item = {"completion": written, "ground_truth": _argument(ground_truth)}
    fields = {
        "toolset": toolset,
        "tools": _decoded("--tools", tools),
        "profile": profile,
        "format": format_name,
        "options": _decoded("--options", read_options),
        "detail": "full",
    }
    with open_scorer(Source(url, api_key, wait, toolsets, profiles)) as scorer:
        (verdict,) = scorer.verdicts([item], **fields)
        name = profile or "tiered"
        description = scorer.profile_description(name)
    if as_json:
        print_json(dict(verdict))
    else:
        stdout().print(explained(written, verdict, name, description))


def _argument(value: str | None) -> str:
    """The value itself, the content of the file behind an @, or stdin where there is neither.

    Raises:
        CommandError: The file cannot be read.
    """
    try:
        if value is None or value == "-":
            return sys.stdin.buffer.read().decode("utf-8", errors="replace")
        if value.startswith("@"):
            return Path(value[1:]).read_text("utf-8", errors="replace")
    except OSError as error:
        raise CommandError(f"{value} cannot be read: {error.strerror}") from error
    return value


def _decoded(option: str, value: str | None) -> Json:
    if value is None:
        return None
    try:
        return json_value(_argument(value))
    except ValueError as error:
        reason = str(error).removeprefix("not JSON: ")
        raise CommandError(f"{option} is not JSON: {reason}") from error


def _messages_or_text(text: str) -> Json:
    try:
        value = json_value(text)
    except ValueError:
        return text
    messages = value if isinstance(value, list) else [value]
    are_messages = all(isinstance(each, dict) and "role" in each for each in messages)
    return value if messages and are_messages else text
