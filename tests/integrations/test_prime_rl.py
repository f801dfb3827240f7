"""The hooks for prime-rl, as its configuration names them."""

from __future__ import annotations

import re
from importlib import import_module

import pytest

from verifier_service.integrations import prime_rl, verifiers

NAMED = re.findall(r'fn = "([\w.]+):(\w+)"', prime_rl.__doc__ or "")


@pytest.mark.parametrize(("module", "name"), NAMED, ids=[name for _, name in NAMED])
def test_a_hook_in_the_manual_is_that_of_verifiers(module: str, name: str) -> None:
    assert getattr(import_module(module), name) is getattr(verifiers, name)


def test_the_manual_names_the_reward_and_the_metrics() -> None:
    assert [name for _, name in NAMED] == ["reward", "metrics"]
