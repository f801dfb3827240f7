"""Landlock: files, TCP ports and signals that this process may never reach again.

Source: Documentation/userspace-api/landlock.rst of Linux 6.12.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from verifier_service.hardening import kernel

_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446

_VERSION: Final = 1  # flag of landlock_create_ruleset: answer with the ABI
_PATH_BENEATH: Final = 1
_READ_FILE: Final = 1 << 2
_READ_DIR: Final = 1 << 3
_BIND_AND_CONNECT_TCP: Final = 0b11
_ABSTRACT_SOCKETS_AND_SIGNALS: Final = 0b11

# How many kinds of file access each ABI knows; they are numbered from bit 0 without a gap.
_FILE_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15}
_FILE_RIGHTS_SINCE_ABI_5: Final = 16
_TCP_SINCE_ABI: Final = 4
_SIGNALS_SINCE_ABI: Final = 6


def restrict(readable: Iterable[Path]) -> int:
    """Deny every file access but reading beneath `readable`, all of TCP, and signals to others.

    Needs `no_new_privs`. Not covered: descriptors that are open already, and what the kernel's ABI
    does not know (TCP before 4, signals before 6).

    Returns:
        The kernel's Landlock ABI.

    Raises:
        OSError: The kernel has no Landlock, or the container forbids it.
    """
    abi = kernel.syscall(_CREATE_RULESET, None, 0, _VERSION)
    attributes = _ruleset_attributes(abi)
    ruleset = kernel.syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    try:
        for path in readable:
            _allow_reading(ruleset, path)
        kernel.syscall(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return abi


def _ruleset_attributes(abi: int) -> bytes:
    """`struct landlock_ruleset_attr`, as long as this ABI knows it."""
    files = (1 << _FILE_RIGHTS.get(abi, _FILE_RIGHTS_SINCE_ABI_5)) - 1
    attributes = struct.pack("=Q", files)
    if abi >= _TCP_SINCE_ABI:
        attributes += struct.pack("=Q", _BIND_AND_CONNECT_TCP)
    if abi >= _SIGNALS_SINCE_ABI:
        attributes += struct.pack("=Q", _ABSTRACT_SOCKETS_AND_SIGNALS)
    return attributes


def _allow_reading(ruleset: int, path: Path) -> None:
    rights = _READ_FILE | _READ_DIR if path.is_dir() else _READ_FILE
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # What this process cannot reach needs no permission.
    try:
        rule = struct.pack("=Qi", rights, descriptor)
        kernel.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
    finally:
        os.close(descriptor)
