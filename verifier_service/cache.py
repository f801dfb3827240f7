"""A bounded memory by content."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Cache(Generic[Value]):
    """The most recently used values: at most `size` of them, and of `size_bytes` of their keys,
    which are their content."""

    def __init__(self, size: int, size_bytes: int) -> None:
        self._size, self._left = size, size_bytes
        self._values = OrderedDict[bytes, Value]()

    def get(self, key: bytes, make: Callable[[], Value]) -> Value:
        """The value of a key; one that is not there is made, and kept in place of those that nobody
        asked for longest."""
        found = self._values.get(key)
        if found is not None:
            self._values.move_to_end(key)
            return found
        made = self._values[key] = make()
        self._left -= len(key)
        while len(self._values) > self._size or (self._left < 0 and len(self._values) > 1):
            dropped, _ = self._values.popitem(last=False)
            self._left += len(dropped)
        return made
