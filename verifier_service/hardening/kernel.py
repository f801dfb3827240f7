"""The Linux system calls that Python does not wrap, as functions that raise `OSError`."""

from __future__ import annotations

import ctypes
import errno
import os
import sys

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long

Argument = int | bytes | ctypes.Array[ctypes.c_char] | None


def prctl(option: int, *arguments: int) -> int:
    """Change how the kernel treats this process. Source: prctl(2)."""
    _require_linux()
    words = [ctypes.c_ulong(word) for word in (*arguments, 0, 0, 0, 0)[:4]]
    return _checked(_libc.prctl(ctypes.c_int(option), *words))


def syscall(number: int, *arguments: Argument) -> int:
    """Make a system call that glibc has no function for; numbers of 424 and up hold on every CPU.

    Source: syscall(2).
    """
    _require_linux()
    words = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    return _checked(_libc.syscall(ctypes.c_long(number), *words))


def capset(header: bytes, capabilities: bytes) -> None:
    """Replace the capabilities of this thread. Source: capset(2)."""
    _require_linux()
    _checked(_libc.capset(header, capabilities))


def _require_linux() -> None:
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, f"{sys.platform} is not Linux")


def _checked(result: int) -> int:
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
