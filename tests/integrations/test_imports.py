"""A trainer is imported when its callable is used, and not before."""

from __future__ import annotations

import subprocess
import sys
from pkgutil import iter_modules
from typing import Final

import pytest

from verifier_service import integrations

SUBCLASSES: Final = {"open_instruct": "importing it is how open-instruct finds its class"}
"""Modules that cannot but import their trainer, and why."""
MODULES: Final = [
    module.name
    for module in iter_modules(integrations.__path__)
    if not module.ispkg and module.name not in SUBCLASSES
]


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_what_the_client_does_and_nothing_else(name: str) -> None:
    program = (
        "import sys, verifier_service.client\n"
        "before = set(sys.modules)\n"
        f"import verifier_service.integrations.{name}\n"
        "new = {module.partition('.')[0] for module in set(sys.modules) - before}\n"
        "print(sorted(new - set(sys.stdlib_module_names) - {'verifier_service'}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"
