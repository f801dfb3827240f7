"""A session of tool calls, kept by its caller in a cookie.

The service remembers nothing between requests, and any replica may answer the next one. So the
cookie says which tools are in use and which calls were made, and each call is run after all that
came before it, in a fresh sandbox. Of tools that only read, their number is enough.

What a caller puts into the cookie reaches no reward: `verify` never looks at it.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sandbox_tools.types import Json
from verifier_service import encode
from verifier_service.decode import NotJson, TooManyValues, decode_body

COOKIE: Final = "verifier_session"
COOKIE_CHARS: Final = 6_000
"""HTTP clients take lines of about 8,000 characters in the head of an answer."""
_CONTENT_BYTES: Final = 256 * 1024
"""What a cookie may grow to when it is unpacked."""


class BadSession(Exception):
    """There is no cookie, or not one of ours."""


class SessionFull(Exception):
    """One more call does not fit into the cookie."""


class _Content(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    toolset: str
    calls: list[Annotated[list[Json], Field(min_length=2, max_length=2)]]
    reads: dict[str, Annotated[int, Field(ge=1, le=10_000)]]


@dataclass(frozen=True, slots=True)
class Session:
    """The tools in use, and the calls so far."""

    toolset: str
    """`name@digest`; empty where the tools of the task cannot be executed."""
    calls: tuple[tuple[str, Mapping[str, Json]], ...] = ()
    """Name and arguments of every call that may have changed something, in order."""
    reads: Mapping[str, int] = field(default_factory=dict)
    """By name of a tool that only reads: how often it was called."""

    @classmethod
    def of(cls, header: str) -> Self:
        """The session of a Cookie header.

        Raises:
            BadSession: See there.
        """
        values = [value for name, value in _cookies(header) if name == COOKIE]
        if not values:
            raise BadSession("there is no session; POST to seed_session first, keep its cookie")
        try:
            content = _Content.model_validate(decode_body(_unpacked(values[-1])))
            calls = [(_name(name), _arguments(arguments)) for name, arguments in content.calls]
        except (ValueError, zlib.error, ValidationError, NotJson, TooManyValues):
            raise BadSession("the session's cookie was not made by this service") from None
        return cls(content.toolset, tuple(calls), content.reads)

    @property
    def length(self) -> int:
        """How many calls there were."""
        return len(self.calls) + sum(self.reads.values())

    def read(self, tool: str) -> Self:
        """The session after a call of a tool that changes nothing."""
        return replace(self, reads={**self.reads, tool: self.reads.get(tool, 0) + 1})

    def called(self, tool: str, arguments: Mapping[str, Json]) -> Self:
        """The session after a call of any other tool."""
        return replace(self, calls=(*self.calls, (tool, arguments)))

    @property
    def cookie(self) -> str:
        """The value of a Set-Cookie header.

        Raises:
            SessionFull: See there.
        """
        content = {"toolset": self.toolset, "calls": self.calls, "reads": self.reads}
        json = encode.dumps(content)
        packed = base64.urlsafe_b64encode(zlib.compress(json, 9)).rstrip(b"=").decode()
        if len(packed) > COOKIE_CHARS or len(json) > _CONTENT_BYTES:
            raise SessionFull
        return f"{COOKIE}={packed}; Path=/; HttpOnly; SameSite=Lax"


def _cookies(header: str) -> Iterator[tuple[str, str]]:
    for pair in header.split(";"):
        name, _, value = pair.strip().partition("=")
        yield name, value.strip('"')


def _unpacked(text: str) -> bytes:
    """The content of a cookie, never more than its limit."""
    if len(text) > COOKIE_CHARS:
        raise ValueError("too long")
    packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    unpacking = zlib.decompressobj()
    content = unpacking.decompress(packed, _CONTENT_BYTES)
    if not unpacking.eof:
        raise ValueError("cut off, or too large")
    return content


def _name(value: Json) -> str:
    if not isinstance(value, str):
        raise ValueError("no name")
    return value


def _arguments(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise ValueError("no arguments")
    return value
