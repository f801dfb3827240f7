"""Why a reward is not full, for trainers that log a line of text."""

from __future__ import annotations

from collections.abc import Iterable


def in_one_line(failures: Iterable[tuple[str, str, str]]) -> str:
    """Failures, each as its code, its path, which may be empty, and its message."""
    return "; ".join(f"{code} {path}".rstrip() + f": {message}" for code, path, message in failures)
