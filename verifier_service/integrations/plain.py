"""What a trainer hands over, as JSON values: its rows hold arrays, tensors, models and tuples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
