"""The files of a score log: appended to, closed by size or age, the oldest removed.

A file is named after the moment it was begun, so names sort by time. It ends in `.open` while it is
written and loses that when it is closed; what a lost writer left open is closed by the next one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from verifier_service.score_log.plan import NAMES, OPEN

_TAIL_BYTES: Final = 65_536


class TooLarge(OSError):
    """A line alone is larger than the whole log may be."""


class Files:
    """One log's files in one folder."""

    def __init__(
        self,
        folder: Path,
        *,
        max_bytes: int,
        rotate_bytes: int,
        rotate_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take the folder over, with what earlier writers left in it.

        Raises:
            OSError: It cannot be made or written to.
        """
        self._folder, self._clock = folder, clock
        self._max_bytes, self._rotate_bytes, self._rotate_s = max_bytes, rotate_bytes, rotate_s
        self._path: Path | None = None
        self._descriptor = -1
        self._size = 0
        self._began = 0.0
        self._closed_bytes: int | None = None
        """Bytes of the closed files when they were looked at last; None for not since a close."""
        self.known: set[str] = set()
        """Digests of the tools that the open file has described."""
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied", str(folder))
        for left in sorted(folder.glob(NAMES + OPEN)):
            _close_left(left)

    @property
    def empty(self) -> bool:
        """Whether nothing stands in the open file yet."""
        return self._size == 0

    def ready(self, size: int) -> None:
        """Have a file open that takes `size` bytes more.

        Raises:
            OSError: There can be none.
        """
        if size > self._max_bytes:
            raise TooLarge(27, f"a line of {size:,} bytes is larger than the whole log")
        if self._path is not None and (self._is_due(size) or self._is_gone()):
            self.close()
        self._make_room(size)
        if self._path is None:
            self._open()

    def append(self, lines: bytes) -> None:
        """Write whole lines: all of them, or none.

        Raises:
            OSError: They could not be written; the file is as it was.
        """
        left = memoryview(lines)
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._size)
            raise
        self._size += len(lines)

    def close_if_old(self) -> None:
        """Close the open file if its time is over."""
        if self._path is not None and self._is_due(0):
            self.close()

    def close(self) -> None:
        """Close the open file under its final name; the next write begins another."""
        path, self._path = self._path, None
        self._closed_bytes = None
        self.known.clear()
        if path is None:
            return
        with contextlib.suppress(OSError):
            os.fsync(self._descriptor)
        with contextlib.suppress(OSError):  # somebody may have removed it
            _finish(path, self._size)
        os.close(self._descriptor)

    def _is_due(self, size: int) -> bool:
        full = self._size > 0 and self._size + size > self._rotate_bytes
        return full or not 0 <= self._clock() - self._began < self._rotate_s

    def _is_gone(self) -> bool:
        """Whether somebody has removed or emptied the file while it was being written."""
        status = os.fstat(self._descriptor)
        return status.st_nlink == 0 or status.st_size < self._size

    def _open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._began = self._clock()
        at = datetime.fromtimestamp(self._began, UTC)
        path = self._folder / f"score-{at:%Y%m%dT%H%M%S.%f}Z-{os.urandom(2).hex()}.jsonl{OPEN}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._descriptor, self._size = os.open(path, flags, 0o600), 0
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)  # how others know that it is being written
        if self._is_gone():  # a writer that started just now was quicker: took it for left behind
            os.close(self._descriptor)
            self._open()
        else:
            self._path = path

    def _make_room(self, size: int) -> None:
        """Remove the oldest closed files until the log may grow by `size`.

        The folder is looked at when a file is begun and when the bound is near, not at every write.
        """
        room = self._max_bytes - size - (0 if self._path is None else self._size)
        if self._closed_bytes is not None and self._closed_bytes <= room:
            return
        closed = list(_closed(self._folder))
        total = sum(n for _, n in closed)
        for path, n in closed:
            if total <= room:
                break
            path.unlink(missing_ok=True)
            total -= n
        self._closed_bytes = total
        if total > room:  # what is open is all there is
            self.close()
            self._make_room(size)


def _closed(folder: Path) -> Iterator[tuple[Path, int]]:
    """The closed files and their bytes, the oldest first; compressed ones are as good."""
    for path in sorted([*folder.glob(NAMES), *folder.glob(f"{NAMES}.gz")]):
        with contextlib.suppress(OSError):
            yield path, path.stat().st_size


def _close_left(path: Path) -> None:
    """Close what a lost writer left, without the line that it was writing; skip what is in use."""
    with contextlib.suppress(OSError), path.open("rb+") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        size = file.seek(0, os.SEEK_END)
        whole = _whole_lines(file.fileno(), size)
        if whole < size:
            file.truncate(whole)
        _finish(path, whole)


def _whole_lines(descriptor: int, size: int) -> int:
    """Up to where a file holds whole lines."""
    end = size
    while end > 0:
        start = max(0, end - _TAIL_BYTES)
        found = os.pread(descriptor, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _finish(path: Path, size: int) -> None:
    if size:
        path.rename(path.with_suffix(""))
    else:
        path.unlink()
