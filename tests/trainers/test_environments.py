"""The table of environments and the scripts beside it belong together."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from tests.trainers.__main__ import TABLE

ROWS: dict[str, dict[str, Any]] = tomllib.loads(TABLE.read_text("utf-8"))
SCRIPTS = {path.stem.removeprefix("run_") for path in TABLE.parent.glob("run_*.py")}


def test_every_trainer_has_a_script_or_a_reason_why_not() -> None:
    assert {name for name, row in ROWS.items() if "absent" not in row} == SCRIPTS


@pytest.mark.parametrize("name", ROWS)
def test_every_package_is_pinned(name: str) -> None:
    pins = [*ROWS[name].get("alone", ()), *ROWS[name].get("beside", ())]
    assert not [pin for pin in pins if "==" not in pin]


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if "beside" in row])
def test_every_environment_has_the_trainer_that_it_is_named_for(name: str) -> None:
    row = ROWS[name]
    pins = [*row.get("alone", ()), *row["beside"]]
    assert [pin for pin in pins if pin.startswith(f"{row['distribution']}==")]
