"""Who may call: bearer keys, or HTTP Basic with the key as password and any user name."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from verifier_service.settings import Settings
from verifier_service.telemetry import Event, log

CHALLENGE: Final = 'Bearer realm="verifier", Basic realm="verifier", charset="UTF-8"'
_LOOK_EVERY_S: Final = 1.0


class StartRefused(Exception):
    """The service must not start like this; its text says why and what to do."""


class Keys:
    """The keys that are valid now; only their digests are held.

    A file is looked at once a second and read again when it changed, so keys rotate without a
    restart. While it cannot be read the last keys hold; a file without a key accepts nobody.
    """

    def __init__(
        self,
        fixed: Iterable[str] = (),
        file: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fixed = frozenset(map(_digest, fixed))
        self._file, self._clock = file, clock
        self._valid = self._fixed
        self._stamp: tuple[int, int, int] | None = None
        self._looked_at = clock()
        self.reload()

    def __len__(self) -> int:
        return len(self._valid)

    def reload(self) -> None:
        """Read the file again if it is another one than last time."""
        if self._file is None:
            return
        try:
            status = self._file.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if stamp != self._stamp:
                self._valid = self._fixed | _read(self._file)
                self._stamp = stamp
                log(logging.INFO, Event.KEYS_READ, keys=len(self._valid))
        except (OSError, UnicodeDecodeError) as error:
            log(logging.ERROR, Event.KEYS_UNREADABLE, reason=type(error).__name__)

    def accept(self, authorization: bytes | None) -> bool:
        """Whether an Authorization header holds a valid key; every key is compared, always."""
        if self._clock() - self._looked_at >= _LOOK_EVERY_S:
            self._looked_at = self._clock()
            self.reload()
        presented = hashlib.sha256(_secret(authorization or b"")).digest()
        accepted = False
        for valid in self._valid:
            accepted |= hmac.compare_digest(presented, valid)
        return accepted


def open_keys(settings: Settings) -> Keys | None:
    """The keys of the service, or None where it needs none.

    Raises:
        StartRefused: Keys are configured but there is none, or an address other than loopback
            would be served without one.
    """
    if settings.api_keys is None and settings.api_keys_file is None:
        if settings.on_loopback or settings.insecure:
            return None
        raise StartRefused(
            f"{settings.host} can be reached from other machines and no key is set: set "
            "VERIFIER_API_KEYS_FILE or VERIFIER_API_KEYS, listen on 127.0.0.1, or allow it with "
            "--insecure (VERIFIER_INSECURE=true)"
        )
    listed = settings.api_keys.get_secret_value() if settings.api_keys is not None else ""
    keys = Keys([key.strip() for key in listed.split(",") if key.strip()], settings.api_keys_file)
    if not keys:
        source = settings.api_keys_file or "VERIFIER_API_KEYS"
        raise StartRefused(
            f"keys are required but {os.fspath(source)} holds none that can be read: write one "
            "key a line, or unset it to serve loopback without keys"
        )
    for folder in _exposing(settings):
        log(logging.WARNING, Event.KEYS_EXPOSED, folder=os.fspath(folder))
    return keys


def _exposing(settings: Settings) -> list[Path]:
    """What scoring processes may read and the file of keys lies in."""
    if settings.api_keys_file is None:
        return []
    file = settings.api_keys_file.resolve()
    readable = settings.toolsets + settings.profiles
    return [path for path in readable if file.is_relative_to(path.resolve())]


def _read(file: Path) -> frozenset[bytes]:
    lines = (line.strip() for line in file.read_text("utf-8-sig").splitlines())
    return frozenset(_digest(line) for line in lines if line and not line.startswith("#"))


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _secret(authorization: bytes) -> bytes:
    """The key inside an Authorization header, empty if there is none."""
    scheme, _, credentials = authorization.partition(b" ")
    credentials = credentials.strip()
    if scheme.lower() == b"bearer":
        return credentials
    if scheme.lower() != b"basic":
        return b""
    try:
        return base64.b64decode(credentials, validate=True).partition(b":")[2]
    except binascii.Error:
        return b""
