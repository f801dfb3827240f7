"""What a scoring process gives up, once, before it reads the first hostile byte.

Every layer stands alone: where a kernel or a container lacks one, the others still hold, and the
report says which is missing and why. `docs/decisions/0001-own-worker-pool.md` has the threat model.
"""

from __future__ import annotations

import os
import resource
import struct
import sys
import sysconfig
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from verifier_service.hardening import kernel, landlock, seccomp

_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38
_CAPABILITY_VERSION_3: Final = 0x20080522

_OPEN_FILES: Final = 64
"""Descriptors: a lazy import needs one at a time."""
_OOM_SCORE: Final = 500
"""A worker is replaced within milliseconds, the front is not: the kernel shall take the worker."""

# Shared libraries that lazily imported extension modules need, and time zones.
_SYSTEM_READABLE: Final = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/usr/share/zoneinfo",
)

_PACKAGE_FOLDERS: Final = frozenset({"site-packages", "dist-packages"})


@dataclass(frozen=True, slots=True)
class Layer:
    """One thing that was given up, or why it could not be."""

    name: str
    active: bool
    detail: str = ""
    """What an active layer covers; why an unavailable one is missing."""


@dataclass(frozen=True, slots=True)
class Report:
    """What stands between hostile text and the machine."""

    layers: tuple[Layer, ...]

    @property
    def missing(self) -> tuple[Layer, ...]:
        """The layers that this kernel, container or user does not offer."""
        return tuple(layer for layer in self.layers if not layer.active)


def harden(memory_bytes: int, readable: Iterable[Path] = ()) -> Report:
    """Give up, for good, all that scoring does not need; call it in a process of one thread.

    Lazy imports still work: the Python installation, its packages and the packages that are loaded
    stay readable. Threads are still possible.

    Args:
        memory_bytes: Address space that may be allocated on top of what is in use now; beyond it
            `MemoryError` is raised.
        readable: Further files and folders that stay readable.

    Returns:
        Each layer, active or unavailable with its reason. No layer raises.
    """
    time.tzset()  # reads the zone while it still can
    sys.dont_write_bytecode = True
    open_to_reading = (*_readable(), *readable)
    steps: tuple[tuple[str, Callable[[], str]], ...] = (
        ("limits", lambda: _limit(memory_bytes)),
        ("oom_score", _die_first),
        ("no_new_privs", _no_new_privileges),
        ("landlock", lambda: f"ABI {landlock.restrict(open_to_reading)}"),
        ("capabilities", _drop_capabilities),
        ("undumpable", _undumpable),
        ("seccomp", lambda: f"{seccomp.install()} system calls denied"),
    )
    layers = [_attempt(name, step) for name, step in steps]
    if not layers[-1].active:
        layers.append(_attempt("no_processes", _no_processes))
    return Report(tuple(layers))


def bound(memory_bytes: int) -> Report:
    """Let this process, which reads what callers sent but needs its files, harm no other.

    Args:
        memory_bytes: As of `harden`.

    Returns:
        As `harden` does.
    """
    steps: tuple[tuple[str, Callable[[], str]], ...] = (
        ("limits", lambda: _limit_memory(memory_bytes)),
        ("oom_score", _die_first),
        ("no_new_privs", _no_new_privileges),
        ("undumpable", _undumpable),
    )
    return Report(tuple(_attempt(name, step) for name, step in steps))


def _attempt(name: str, step: Callable[[], str]) -> Layer:
    try:
        return Layer(name, active=True, detail=step())
    except (OSError, ValueError) as error:  # `resource` raises ValueError where a limit is refused
        return Layer(name, active=False, detail=str(error))


def _limit(memory_bytes: int) -> str:
    told = _limit_memory(memory_bytes)
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_NOFILE, _OPEN_FILES)
    return told


def _limit_memory(memory_bytes: int) -> str:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    address_space = pages * resource.getpagesize() + memory_bytes
    _lower(resource.RLIMIT_AS, address_space)
    _lower(resource.RLIMIT_CORE, 0)
    return f"{address_space} bytes of address space"


def _lower(limit: int, value: int) -> None:
    _, hard = resource.getrlimit(limit)
    bounded = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(limit, (bounded, bounded))


def _die_first() -> str:
    Path("/proc/self/oom_score_adj").write_text(str(_OOM_SCORE))
    return str(_OOM_SCORE)


def _no_new_privileges() -> str:
    kernel.prctl(_PR_SET_NO_NEW_PRIVS, 1)
    return ""


def _drop_capabilities() -> str:
    """Root becomes a user without privileges. Source: capget(2)."""
    kernel.capset(struct.pack("=Ii", _CAPABILITY_VERSION_3, 0), bytes(24))
    return ""


def _undumpable() -> str:
    """Other processes of the same user may not trace this one or read its memory."""
    kernel.prctl(_PR_SET_DUMPABLE, 0)
    return ""


def _no_processes() -> str:
    """Stands in for the filter: no fork and no threads. The kernel does not hold root to it."""
    if os.getuid() == 0:
        raise OSError("RLIMIT_NPROC does not bind root")
    _lower(resource.RLIMIT_NPROC, 0)
    return ""


def _readable() -> Iterator[Path]:
    """The installation, its packages, and each package or module that is loaded from elsewhere."""
    yield from (Path(path) for path in _SYSTEM_READABLE)
    installation = sysconfig.get_paths()
    yield from (Path(installation[key]) for key in ("stdlib", "platstdlib", "purelib", "platlib"))
    yield Path(sysconfig.get_config_var("LIBDIR") or sys.base_prefix)
    yield from (Path(path) for path in sys.path if Path(path).name in _PACKAGE_FOLDERS)
    for name, module in tuple(sys.modules.items()):
        if "." not in name and name != "__main__":
            known = getattr(module, "__dict__", {})
            file = known.get("__file__")
            yield from map(Path, known.get("__path__") or ([file] if file else []))
