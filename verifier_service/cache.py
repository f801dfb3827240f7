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
        """The value of a key, made and kept where there is none."""
        found = self.find(key)
        if found is None:
            found = make()
            self.keep(key, found)
        return found

    def find(self, key: bytes) -> Value | None:
        """The value of a key, if it is still there."""
        found = self._values.get(key)
        if found is not None:
            self._values.move_to_end(key)
        return found

    def keep(self, key: bytes, value: Value) -> None:
        """Keep a value that is not there yet, in place of those that nobody asked for longest."""
        self._values[key] = value
        self._left -= len(key)
        while len(self._values) > self._size or (self._left < 0 and len(self._values) > 1):
            dropped, _ = self._values.popitem(last=False)
            self._left += len(dropped)
