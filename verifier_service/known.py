"""What a scoring process remembers: the tasks that it has met, and what their completions came to.

Bounded by the memory that it takes, not by numbers: 384 MiB hold some 120,000 tasks with one short
completion each, or 60,000 with eight.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from sandbox_tools.types import Json
from verifier_service.findings import Finding
from verifier_service.scoring.judge import Task
from verifier_service.scoring.offer import Offer
from verifier_service.scoring.pipeline import Completion
from verifier_service.scoring.types import Failure
from verifier_service.scoring.values import spelling
from verifier_service.setting import Setting

FINDINGS_OF_A_TASK: Final = 1024
"""A task that a run never leaves must not crowd out all others."""
FINDINGS_ALIKE: Final = 4096
"""Most right calls come to the same, whatever their task: that is held once."""
LONGEST_KEY: Final = 256
"""Characters of a completion that is its own key; longer ones have a digest."""

_TASK_BYTES: Final = 1300
_TASK_BYTES_A_BYTE: Final = 8
"""A prepared task for each byte of its ground truth: measured, as are the others."""
_OFFER_BYTES_A_BYTE: Final = 20
"""Compiled inline tools for each byte of their JSON."""
_FINDING_BYTES: Final = 300
_KEY_BYTES: Final = 150

Key = str | bytes


@dataclass(slots=True, eq=False)
class Known:
    """What is known of one ground truth under one setting."""

    key: bytes
    setting: Setting
    ground_truth: Json
    """None as soon as it is prepared."""
    task: Task | Failure | None = None
    """None until it is prepared; a failure where the ground truth is wrong."""
    findings: dict[Key, Finding] = field(default_factory=dict)
    """By what a completion says as a whole, and by the one call that it is: `words`, `call_key`."""
    cost: int = 0


@dataclass(slots=True)
class _Held:
    """Inline tools of tasks that are known."""

    offer: Offer
    tasks: int = 0


class Memory:
    """Everything that is known, least recently asked for first."""

    def __init__(self, room: int) -> None:
        """Remember what takes at most about so many bytes."""
        self._left = room
        self._known = OrderedDict[bytes, Known]()
        self._held: dict[bytes, _Held] = {}
        self._alike: dict[bytes, Finding] = {}

    def offer(self, key: bytes) -> Offer | None:
        """Inline tools, if a task that is known has them."""
        held = self._held.get(key)
        return None if held is None else held.offer

    def of(self, ground_truth: Json, setting: Setting) -> Known:
        """What is known of a ground truth under a setting."""
        truth = spelling(ground_truth)
        key = setting.key + truth
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = Known(key, setting, ground_truth)
            self._hold(setting)
            self._charge(known, _TASK_BYTES + _TASK_BYTES_A_BYTE * len(truth))
        else:
            self._known.move_to_end(key)
        return known

    def keep(self, known: Known, key: Key, found: Finding) -> Finding:
        """Remember what a completion came to; returns the one that stands for all alike."""
        shared = self._shared(found)
        if len(known.findings) >= FINDINGS_OF_A_TASK:
            del known.findings[next(iter(known.findings))]
        else:
            own = 0 if shared is not found else _FINDING_BYTES + len(found.members)
            self._charge(known, _KEY_BYTES + len(key) + own)
        known.findings[key] = shared
        return shared

    def _shared(self, found: Finding) -> Finding:
        if len(self._alike) >= FINDINGS_ALIKE:
            self._alike.clear()
        return self._alike.setdefault(found.members, found)

    def _hold(self, setting: Setting) -> None:
        """Count the tools of a task once for all tasks that have them."""
        if not setting.offer.content_bytes:
            return
        held = self._held.setdefault(setting.offer_key, _Held(setting.offer))
        held.tasks += 1
        if held.tasks == 1:
            self._left -= _OFFER_BYTES_A_BYTE * setting.offer.content_bytes

    def _let_go(self, setting: Setting) -> None:
        if not setting.offer.content_bytes:
            return
        held = self._held[setting.offer_key]
        held.tasks -= 1
        if not held.tasks:
            del self._held[setting.offer_key]
            self._left += _OFFER_BYTES_A_BYTE * setting.offer.content_bytes

    def _charge(self, known: Known, cost: int) -> None:
        if self._known.get(known.key) is not known:
            return  # Forgotten meanwhile: it goes with the request that it is of.
        known.cost += cost
        self._left -= cost
        while self._left < 0 and len(self._known) > 1:
            _, forgotten = self._known.popitem(last=False)
            self._left += forgotten.cost
            self._let_go(forgotten.setting)


def words(completion: Completion) -> Key | None:
    """A key of what a completion says; None for one that nests too deep to be written again."""
    if isinstance(completion, str):
        if len(completion) <= LONGEST_KEY:
            return completion
        return hashlib.sha256(completion.encode("utf-8", "surrogatepass")).digest()
    try:
        return hashlib.sha256(b"\xff" + spelling(completion)).digest()  # no text has that byte
    except RecursionError:
        return None


def call_key(form: str, name: str, arguments: Json) -> Key:
    """A key of one call and of the format that it is written in, whatever was thought before it."""
    content = spelling([form, name, arguments])
    # Joining makes a copy: what orjson returns has room for four kilobytes more.
    return b"\0" + (content if len(content) <= LONGEST_KEY else hashlib.sha256(content).digest())
