"""The room's one door: whatever the policy wrote comes out as a `Parsed`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from sandbox_tools.types import Json
from verifier_service.scoring.codes import Code
from verifier_service.scoring.errors import BadTask
from verifier_service.scoring.parse.formats import AUTO, BY_NAME, Format
from verifier_service.scoring.parse.messages import (
    PATH,
    TurnReading,
    assistant_messages,
    read_completion_text,
    read_messages,
)
from verifier_service.scoring.parse.plain import read_plain
from verifier_service.scoring.parse.records import (
    Attempt,
    Context,
    Item,
    Result,
    Sentinel,
    encodable,
    malformed,
)
from verifier_service.scoring.types import (
    Failure,
    Limits,
    Options,
    Parsed,
    ToolCall,
    ToolMessage,
    Tools,
    Turn,
)

TEXT = "text"
"""The format of a completion that calls nothing."""


def parse(
    completion: str | Sequence[Json] | Mapping[str, Json],
    *,
    tools: Tools,
    format: str = AUTO,  # noqa: A002  the wire's name for it
    options: Options | None = None,
    limits: Limits | None = None,
) -> Parsed:
    """What a completion calls, says and thinks. Whatever the policy wrote, nothing is raised.

    Args:
        completion: A text; or chat messages, of which those before the assistant's first one are
            ignored; or one such message.
        tools: The declared tools by name. Calls of others are calls too.
        format: One of `format_names()`. Calls in another format than a declared one are malformed,
            but for calls that arrive structured: a server has read them from the text.

    Raises:
        BadTask: The completion is neither text nor chat messages, or the format is unknown.
    """
    context = Context(tools, options or Options(), limits or Limits())
    declared = _declared(format)
    if not isinstance(completion, str | Sequence | Mapping) or isinstance(completion, bytes):
        raise BadTask(Code.TASK_COMPLETION, PATH, "A completion is text or chat messages.")
    if too_much := _beyond_limit(completion, context.limits):
        return Parsed(format=TEXT, malformed=(too_much,))
    if isinstance(completion, str):
        return read_plain(completion, context, declared) or _read_any(completion, context, declared)
    return _assemble(read_messages(completion, context, declared), context, declared)


def parse_plain(
    text: str,
    *,
    tools: Tools,
    format: str = AUTO,  # noqa: A002  the wire's name for it
    options: Options,
    limits: Limits,
) -> Parsed | None:
    """As `parse`, for a text that is one plain call; None, at once, for any other."""
    if len(text) * 4 > limits.completion_bytes:  # no character takes more bytes
        return None
    return read_plain(text, Context(tools, options, limits), _declared(format))


def _read_any(text: str, context: Context, declared: Format | None) -> Parsed:
    """The reading of a text of which nothing is known."""
    return _assemble(read_completion_text(text, context, declared), context, declared)


def _declared(name: str) -> Format | None:
    if name == AUTO:
        return None
    if name not in BY_NAME:
        known = ", ".join((AUTO, *BY_NAME))
        raise BadTask(Code.TASK_OPTIONS, "/format", f"The format is one of {known}.")
    return BY_NAME[name]


def _beyond_limit(
    completion: str | Sequence[Json] | Mapping[str, Json], limits: Limits
) -> Failure | None:
    """The failure of a completion of too many bytes: of the text, or of the assistant's JSON."""
    most = limits.completion_bytes
    try:
        n_bytes = sum(_n_bytes(each, most) for each in _written(completion))
    except RecursionError:
        return Failure(Code.LIMIT_NESTING, "", f"It nests deeper than {limits.nesting} levels.")
    except (TypeError, ValueError):
        raise BadTask(Code.TASK_COMPLETION, PATH, "The messages are not JSON.") from None
    if n_bytes <= most:
        return None
    return Failure(Code.LIMIT_BYTES, "", f"The completion is longer than {most} bytes.")


def _written(completion: str | Sequence[Json] | Mapping[str, Json]) -> Iterator[str]:
    """The texts that the policy is answerable for."""
    if isinstance(completion, str):
        yield completion
    else:
        for message in assistant_messages(completion):
            yield json.dumps(message, ensure_ascii=False, default=_plain)


def _plain(value: Json) -> Json:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(type(value).__name__)


def _n_bytes(text: str, most: int) -> int:
    """The UTF-8 bytes of a text; its characters alone where they are too many already."""
    if text.isascii() or len(text) > most:
        return len(text)
    return len(text.encode("utf-8", "surrogatepass"))


# One record of all turns


def _assemble(readings: Sequence[TurnReading], context: Context, declared: Format | None) -> Parsed:
    most = context.limits.calls
    expected = _expected_format(readings, declared)
    attempts = [attempt for reading in readings for attempt in reading.attempts]
    surplus: tuple[Failure, ...] = ()
    if len(attempts) > most:
        message = f"The completion makes more than {most} calls."
        surplus = (Failure(Code.LIMIT_CALLS, "", message),)
    budget = iter(range(most))
    items_by_turn = [
        [_admitted(a, expected, declared) for a, _ in zip(reading.attempts, budget, strict=False)]
        for reading in readings
    ]
    items = [item for turn in items_by_turn for item in turn]
    last = readings[-1]
    is_trajectory = len(readings) > 1 or bool(last.results)
    return Parsed(
        format=_format_name(attempts, expected),
        calls=_calls(items),
        malformed=(*(item for item in items if isinstance(item, Failure)), *surplus),
        content=encodable(last.content),
        reasoning=encodable("\n".join(filter(None, (r.reasoning for r in readings)))),
        problems=tuple(
            problem
            for reading, turn in zip(readings, items_by_turn, strict=True)
            for problem in (*reading.problems, *_contradictions(turn))
        ),
        spans=last.spans,
        sentinel=next((item.call for item in items if isinstance(item, Sentinel)), None),
        stripped=any(reading.stripped for reading in readings),
        repaired=any(reading.repaired for reading in readings),
        turns=tuple(map(_turn, readings, items_by_turn)) if is_trajectory else (),
    )


def _expected_format(readings: Sequence[TurnReading], declared: Format | None) -> str | None:
    """The format that calls have to be in: the declared one, or that of the first real call."""
    calls = (
        (reading.structured, attempt.format)
        for reading in readings
        for attempt in reading.attempts
        if isinstance(attempt.item, ToolCall)
    )
    structured, first = next(calls, (False, None))
    return first if structured or declared is None else declared.name


def _format_name(attempts: Sequence[Attempt], expected: str | None) -> str:
    """The format of what was called, or tried to be; the expected one if that is among them."""
    formats = [attempt.format for attempt in attempts]
    if expected in formats:
        return str(expected)
    return formats[0] if formats else TEXT


def _admitted(attempt: Attempt, expected: str | None, declared: Format | None) -> Item:
    """The attempt, or the failure of a call in another format than the expected one."""
    if not isinstance(attempt.item, ToolCall) or attempt.format == expected:
        return attempt.item
    if declared is not None and declared.name == expected:
        message = f"The call is in format {attempt.format}; {expected} was declared."
        return malformed(Code.FORMAT_MISMATCH, message)
    message = f"The call is in format {attempt.format}; the first one was in {expected}."
    return malformed(Code.MIXED_FORMATS, message)


def _contradictions(items: Sequence[Item]) -> Iterator[Failure]:
    if any(isinstance(item, Sentinel) for item in items) and _calls(items):
        message = "A call stands beside the statement that none is needed."
        yield Failure(Code.SENTINEL_WITH_CALL, "/calls", message)


def _calls(items: Sequence[Item]) -> tuple[ToolCall, ...]:
    return tuple(item for item in items if isinstance(item, ToolCall))


def _turn(reading: TurnReading, items: Sequence[Item]) -> Turn:
    return Turn(
        calls=_calls(items),
        content=encodable(reading.content),
        results=tuple(_answers(reading.results, reading.attempts, items)),
    )


def _answers(
    results: Sequence[Result], attempts: Sequence[Attempt], items: Sequence[Item]
) -> Iterator[ToolMessage]:
    """The tool messages with the calls that they answer: by id, or else in their order."""
    n_before = 0
    indices: list[int | None] = []
    for item in items:
        indices.append(n_before if isinstance(item, ToolCall) else None)
        n_before += isinstance(item, ToolCall)
    by_id = {attempt.id: i for i, attempt in enumerate(islice(attempts, len(items))) if attempt.id}
    open_attempts = dict.fromkeys(range(len(items)))
    for result in results:
        if result.id is not None and by_id:
            answered = by_id.get(result.id)
        else:
            answered = next(iter(open_attempts), None)
        index = None
        if answered is not None:
            open_attempts.pop(answered, None)
            index = indices[answered]
        yield ToolMessage(index, encodable(result.content))
