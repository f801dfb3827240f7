"""Room 4: calls in a fresh sandbox, and whether two episodes came to the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sandbox_tools import Episode, Toolset
from sandbox_tools.types import ABSENT, Json, ToolResult, Write
from verifier_service.scoring.types import ToolCall
from verifier_service.scoring.values import content_key, json_equal

NOT_RUN = ToolResult(error="The call was not run: no such tool, or its arguments are invalid.")


def run(toolset: Toolset, calls: Sequence[ToolCall | None]) -> Episode:
    """One episode: the calls in order in a fresh sandbox; None stands for one that is not run.

    Raises:
        SandboxError: A tool broke; nothing can be said about the calls.
    """
    sandbox = toolset.sandbox()
    results = tuple(
        NOT_RUN if call is None else sandbox.run(call.name, call.arguments) for call in calls
    )
    return sandbox.episode(results)


def same_result(left: ToolResult, right: ToolResult) -> bool:
    """Whether two results are equal typed values. An error equals nothing, not even itself."""
    return left.error is None and right.error is None and json_equal(left.value, right.value)


def same_results(left: Episode, right: Episode, *, ordered: bool) -> bool:
    """Whether two episodes returned the same: in order, or as multisets."""
    if len(left.results) != len(right.results):
        return False
    if ordered:
        return all(map(same_result, left.results, right.results))
    remaining = list(right.results)
    for result in left.results:
        match = next((i for i, other in enumerate(remaining) if same_result(result, other)), None)
        if match is None:
            return False
        del remaining[match]
    return True


def same_state(left: Episode, right: Episode) -> bool:
    return json_equal(left.state, right.state)


def same_writes(left: Episode, right: Episode, *, ordered: bool) -> bool:
    """Whether two episodes changed the same on the way; the final state alone would let
    do-then-undo pass."""
    if len(left.writes) != len(right.writes):
        return False
    if not ordered:
        return sorted(map(_write_key, left.writes)) == sorted(map(_write_key, right.writes))
    return all(map(_same_write, left.writes, right.writes))


def same_last_writes(left: Episode, right: Episode) -> bool:
    """Whether every place that one of them wrote more than once ends with the same value."""
    last_left = {write.path: write.after for write in left.writes}
    last_right = {write.path: write.after for write in right.writes}
    return all(
        path in last_left and path in last_right and _same_member(last_left[path], last_right[path])
        for path in _written_twice(left) | _written_twice(right)
    )


def _written_twice(episode: Episode) -> set[str]:
    counts = Counter(write.path for write in episode.writes)
    return {path for path, count in counts.items() if count > 1}


def _same_write(left: Write, right: Write) -> bool:
    return (
        left.path == right.path
        and _same_member(left.before, right.before)
        and _same_member(left.after, right.after)
    )


def _same_member(left: Json, right: Json) -> bool:
    if left is ABSENT or right is ABSENT:
        return left is right
    return json_equal(left, right)


def _write_key(write: Write) -> bytes:
    members = [{} if m is ABSENT else {"is": m} for m in (write.before, write.after)]
    return content_key([write.path, *members])
