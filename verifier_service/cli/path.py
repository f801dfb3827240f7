"""`verifier path`: where the plugin lies that a trainer loads as a file."""

from __future__ import annotations

from importlib.resources import files
from typing import Annotated, Final

import typer

from verifier_service.cli.console import CommandError

PLUGINS: Final = {
    "openrlhf": "openrlhf_reward.py",
    "easyr1": "easyr1.py",
    "ms-swift": "msswift/verifier_swift_plugin.py",
    "sagemaker": "aws_lambda.py",
    "bedrock": "aws_lambda.py",
    "lambda": "aws_lambda.py",
}
"""In `verifier_service/integrations/`, by the name of what loads it."""


def path(
    trainer: Annotated[
        str, typer.Argument(help=f"One of {', '.join(PLUGINS)}.", metavar="TRAINER")
    ],
) -> None:
    """Print the path of the plugin file that a trainer loads.

    For trainers that take a file and no dotted name: `--external_plugins "$(verifier path
    ms-swift)"`. All others name a function, or a URL: docs/trainers/.
    """
    if trainer not in PLUGINS:
        known = ", ".join(PLUGINS)
        raise CommandError(f"{trainer} loads no file of ours; those that do are {known}")
    typer.echo(files("verifier_service.integrations").joinpath(*PLUGINS[trainer].split("/")))
