"""Toolsets from source text."""

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox_tools import Toolset, load

Loader = Callable[[str], Toolset]


@pytest.fixture
def load_python(tmp_path: Path) -> Loader:
    """Load a toolset module from its text."""

    def loaded(source: str) -> Toolset:
        file = tmp_path / "sample.py"
        file.write_text(textwrap.dedent(source), encoding="utf-8")
        return load(file)

    return loaded


@pytest.fixture
def load_yaml(tmp_path: Path) -> Loader:
    """Load a YAML toolset from its text."""

    def loaded(source: str) -> Toolset:
        file = tmp_path / "sample.yaml"
        file.write_text(textwrap.dedent(source), encoding="utf-8")
        return load(file)

    return loaded
