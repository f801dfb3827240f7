"""Run the trainers' own reward code against a real service: `python -m tests.trainers [NAME …]`.

Each trainer of `environments.toml` gets an environment of its own, in `.venv-trainers`, and its
script runs there. The table says what held; the exit code is 1 if something did not.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from tests.running_service import running_service

ROOT: Final = Path(__file__).parents[2]
ENVIRONMENTS: Final = ROOT / ".venv-trainers"
TABLE: Final = Path(__file__).with_name("environments.toml")
PYTHON: Final = "3.11"
"""For those that name no other."""
SCRIPT_S: Final = 600
OURS: Final = ("httpx>=0.28",)
"""All that the client and the callables need of an environment."""


class NotInstalled(Exception):
    """The trainer cannot be had here; says why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row of the table."""

    name: str
    version: str
    said: str
    """What ran, or why nothing did."""
    held: bool | None
    """None where it is not installed here."""


def main(names: Sequence[str]) -> int:
    """Run the named trainers, or all; returns the exit code."""
    table = tomllib.loads(TABLE.read_text("utf-8"))
    if unknown := set(names) - set(table):
        sys.stderr.write(f"no such trainer: {', '.join(sorted(unknown))}\n")
        return 2
    console, outcomes = Console(), []
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder)) as service:
        for name in names or table:
            console.print(f"{name} …")
            outcomes.append(outcome(name, table[name], service.url))
    console.print(drawn(outcomes))
    return 1 if any(one.held is False for one in outcomes) else 0


def outcome(name: str, row: dict[str, Any], url: str) -> Outcome:
    """What a trainer's script says, in the trainer's environment."""
    distribution = row["distribution"]
    try:
        python = environment(name, row)
    except NotInstalled as reason:
        return Outcome(distribution, "", str(reason), None)
    try:
        said = json.loads(last_line(ran(name, python, url)))
    except subprocess.CalledProcessError as failure:
        sys.stderr.write(failure.stderr)
        return Outcome(distribution, pinned(row), last_line(failure.stderr), False)
    except subprocess.TimeoutExpired:
        return Outcome(distribution, pinned(row), f"no end after {SCRIPT_S} s", False)
    return Outcome(distribution, said["version"], said["ran"], True)


def ran(name: str, python: Path, url: str) -> str:
    """What a script prints.

    Raises:
        CalledProcessError, TimeoutExpired: Something did not hold, or it did not end.
    """
    return subprocess.run(
        [python, "-m", f"tests.trainers.run_{name}"],
        cwd=ROOT,
        env={**os.environ, **QUIET, "VERIFIER_URL": url},
        capture_output=True,
        text=True,
        timeout=SCRIPT_S,
        check=True,
    ).stdout


QUIET: Final = {
    "RAY_AUTH_MODE": "disabled",
    "HF_HUB_OFFLINE": "1",
    "WANDB_MODE": "disabled",
    "OMP_NUM_THREADS": "1",
    "VERIFIER_RETRY_BUDGET_S": "20",
}
"""No trainer needs a network here, besides the service's address."""


def environment(name: str, row: dict[str, Any]) -> Path:
    """The Python of a trainer's environment, made where it is not there or the table has changed.

    Raises:
        NotInstalled: The table says so, there is no such Python, or pip ended with an error.
    """
    if reason := row.get("absent"):
        raise NotInstalled(reason)
    if made := row.get("environment"):
        return ROOT / made / "bin/python"
    folder = ENVIRONMENTS / name
    stamp, digest = folder / ".installed", digest_of(row)
    python = folder / "bin/python"
    if not (stamp.exists() and stamp.read_text() == digest):
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([interpreter(row), "-m", "venv", folder], check=True)
        install(python, *row["beside"], *OURS)
        if row.get("alone"):
            install(python, "--no-deps", *row["alone"])
        install(python, "--no-deps", "--editable", str(ROOT))
        stamp.write_text(digest)
    return python


def digest_of(row: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()


def interpreter(row: dict[str, Any]) -> Path:
    """A Python of the version that the trainer needs; among pyenv's, it has to be chosen."""
    version = row.get("python", PYTHON)
    chosen = {**os.environ, "PYENV_VERSION": version}
    command = [f"python{version}", "-c", "import sys; print(sys.executable)"]
    try:
        found = subprocess.run(command, env=chosen, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        raise NotInstalled(f"needs Python {version}, which is not here") from None
    return Path(found.stdout.strip())


def install(python: Path, *arguments: str) -> None:
    pip = [python, "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
    ended = subprocess.run([*pip, *arguments], capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise NotInstalled(last_line(ended.stderr))


def pinned(row: dict[str, Any]) -> str:
    """The version that the table names, for a script that did not come to say it."""
    pins = [*row.get("alone", ()), *row.get("beside", ())]
    own = [pin for pin in pins if pin.startswith(f"{row['distribution']}==")]
    return own[0].partition("==")[2] if own else ""


def last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no output"


def drawn(outcomes: Sequence[Outcome]) -> Table:
    words = {True: "[green]held[/]", False: "[red]failed[/]", None: "not installed here"}
    table = Table("trainer", "version", "outcome", "what ran, or why not")
    for one in outcomes:
        table.add_row(one.name, one.version, words[one.held], one.said)
    return table


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
