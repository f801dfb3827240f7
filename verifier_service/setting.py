"""What is in force for one item of a request."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from verifier_service.scoring.offer import Offer
from verifier_service.scoring.profiles import Profile
from verifier_service.scoring.types import Options

KEPT_KEYS: Final = 256
"""A request says anew what is in force, and a training run always says the same."""


@dataclass(frozen=True)
class Setting:
    """What is in force for one item: the tools on offer, and how to read, judge and reward."""

    offer: Offer
    offer_key: bytes
    """Digest of the offer: equal keys stand for equal tools."""
    profile: Profile
    format: str
    options: Options

    @cached_property
    def key(self) -> bytes:
        """Digest of what a verdict depends on besides its ground truth and completion."""
        return _setting_key(self.offer_key, self.profile.name, self.format, self.options)


@lru_cache(KEPT_KEYS)
def _setting_key(offer: bytes, profile: str, format: str, options: Options) -> bytes:  # noqa: A002
    return digest(offer, profile.encode(), format.encode(), repr(options).encode())


def digest(*parts: bytes) -> bytes:
    """A key of several parts: of one length, or without a zero byte."""
    return hashlib.sha256(b"\0".join(parts)).digest()
