"""Something to measure in a process of its own, a round at a time.

The processes of all that is compared wait for their turn on a line of their standard input, and
answer with a line of numbers: each in the environment that it needs, none while another works.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

from benchmarks.measure import Tree, still_memory

ROOT: Final = Path(__file__).parent.parent


class Failed(Exception):
    """The contender's process ended instead of answering; says with what last words."""


class Contender:
    """The parent's end: `python -m MODULE ARGUMENTS`, run by the Python of its environment."""

    def __init__(self, python: str | Path, module: str, *arguments: str) -> None:
        self.module = module
        self._process = subprocess.Popen(
            [python, "-W", "ignore", "-m", module, *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def round(self, number: int) -> Tree:
        """What the contender measured in a round.

        Raises:
            Failed: It could not.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(f"{number}\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            words = self._process.communicate()[1].strip().splitlines() or ["no word"]
            raise Failed(f"{self.module}: {words[-1]}")
        answer: Tree = json.loads(line)
        return answer


def take_turns(measured: Callable[[int], Tree]) -> None:
    """The child's end: measure one round for each line, until there is none."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints is no answer
    still_memory()
    for line in sys.stdin:
        answers.write(json.dumps(measured(int(line))) + "\n")
        answers.flush()
