"""What a trainer hands over, as JSON values: its rows hold arrays, tensors, models and tuples."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from verifier_service.carrier import Json


def plain(value: Any) -> Json:
    """The value in dicts, lists, strings, numbers, booleans and None; the original is not changed.

    numpy's and torch's values become numbers and lists, pydantic's models their fields, bytes text.

    Raises:
        TypeError: It holds something else; names the type.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [plain(element) for element in value]
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "replace")
    for method in ("tolist", "model_dump"):
        convert = getattr(value, method, None)
        if callable(convert):
            return plain(convert())
    raise TypeError(f"a {type(value).__name__} is no JSON value and cannot be sent to be scored")


_UNREADABLE: Final = "{"
"""Arguments that nest deeper than can be written down: no call, and the policy's own doing."""


def written(completion: Any) -> Json:
    """A completion in JSON values, with the arguments of its calls as text.

    Trainers read arguments into objects, and the policy may have written what no JSON object
    holds: `NaN`, or a thousand brackets. As text it is the service's to judge.

    Raises:
        TypeError: As `plain`.
    """
    if isinstance(completion, list | tuple):
        return [written(message) for message in completion]
    if not isinstance(completion, Mapping):
        value = plain(completion)
        return written(value) if isinstance(value, dict) else value
    message = dict(completion)
    calls, call = message.pop("tool_calls", None), message.pop("function_call", None)
    sent = {str(name): _sound(member) for name, member in message.items()}
    if calls is not None:
        many = isinstance(calls, list | tuple)
        sent["tool_calls"] = [_written_call(one) for one in calls] if many else _sound(calls)
    return sent if call is None else {**sent, "function_call": _written_call(call)}


def _written_call(call: Any) -> Json:
    if isinstance(call, Mapping):
        return {str(name): _written_member(str(name), value) for name, value in call.items()}
    value = _sound(call)
    return _written_call(value) if isinstance(value, dict) else value


def _written_member(name: str, value: Any) -> Json:
    if name == "function":
        return _written_call(value)
    return _text(value) if name == "arguments" else _sound(value)


def _sound(value: Any) -> Json:
    """The value where JSON can hold it, otherwise its text."""
    if isinstance(value, str):
        return value
    try:
        json.dumps(plain(value), allow_nan=False)
    except (ValueError, RecursionError):
        return _text(value)
    return plain(value)


def _text(arguments: Any) -> Json:
    if arguments is None or isinstance(arguments, str):
        return arguments
    try:
        return json.dumps(plain(arguments), ensure_ascii=False)
    except (ValueError, RecursionError):
        return _UNREADABLE
