"""What docs/deploy.md tells people to set, the chart takes."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.rendering import Values, chart, notes, release
from tests.chart.settings_schema import settings_schema
from tests.chart.value_sets import SECRET, VALUE_SETS, merged
from tests.running_service import running_service
from verifier_service.settings import MIB, Settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "deploy.md").read_text("utf-8")
(BATCH,) = re.findall(r"^verifier score (?:.*\\\n)*.*$", PAGE, re.MULTILINE)
SETTINGS = sorted(set(re.findall(r"--set (\S+)", PAGE)))
NAMED = sorted(
    name
    for name in set(re.findall(r"`([a-z][A-Za-z]+(?:\.[A-Za-z_]+)+)`", PAGE))
    if name.partition(".")[0] in chart().values
)
FORMULA = re.compile(
    r"`(\d+) MiB \+ workers x \((\d+) MiB \+ (\d+) MiB \+ (\d+) x largest body\) \+ queue_bytes`: "
    r"(\d+) MiB"
)
(RUN,) = (yaml.safe_load(each) for each in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))


def nested(setting: str) -> Values:
    """`a.b=c` as Helm reads it."""
    path, _, value = setting.strip("`").partition("=")
    parsed: Any = yaml.safe_load(value)
    return reduce(lambda inner, name: {name: inner}, reversed(path.split(".")), parsed)


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_chart_takes_what_is_set(settings: str) -> None:
    values = reduce(merged, map(nested, settings.split(",")), SECRET)
    assert release(values).the("Deployment")


@pytest.mark.parametrize("name", NAMED)
def test_values_that_are_named_exist(name: str) -> None:
    values = chart().values | {"settings": settings_schema()["properties"]}
    assert reduce(lambda inner, part: inner[part], name.split("."), values) is not None


def test_the_memory_that_is_told_is_what_helm_warns_of_and_the_default_limit_holds() -> None:
    found = FORMULA.search(PAGE)
    assert found is not None
    front, worker, remembered, bodies, told = map(int, found.groups())
    settings = Settings(workers=2)
    assert remembered * MIB == settings.worker_memory_bytes * 3 // 8
    by_formula = front + 2 * (worker + remembered + bodies * settings.max_body_bytes // MIB)
    assert told == by_formula + settings.queue_bytes // MIB
    short = merged(SECRET, {"resources": {"limits": {"memory": f"{told - 1}Mi"}}})
    assert f"2 workers may take {told}Mi" in notes(short)
    assert "WARNING" not in notes(SECRET)


def test_the_score_log_fits_into_the_default_limit() -> None:
    assert "resources.limits.memory" not in notes(VALUE_SETS["score-log"])


def test_the_batch_that_is_shown_is_scored(tmp_path: Path) -> None:
    """The last of the five commands, against a service with a key."""
    (tmp_path / "keys").write_text("the-key-that-is-shown\n", "utf-8")
    shown, _, _ = BATCH.replace("\\\n", "").partition("--api-key")
    with running_service(tmp_path, "--keys", str(tmp_path / "keys")) as service:
        here = {"http://127.0.0.1:8080": service.url, "verdicts.jsonl": str(tmp_path / "verdicts")}
        options = [here.get(each, each) for each in shlex.split(shown)[1:]]
        command = [sys.executable, "-c", "from verifier_service.cli import app; app()", *options]
        key = {"VERIFIER_API_KEY": "the-key-that-is-shown"}
        subprocess.run(command, cwd=ROOT, env=os.environ | key, check=True, capture_output=True)
    verdicts = (tmp_path / "verdicts").read_text("utf-8").splitlines()
    assert {json.loads(each)["outcome"] for each in verdicts} == {"scored", "invalid_task"}


def test_the_run_that_is_shown_is_rendered() -> None:
    made = release(merged(SECRET, RUN))
    pods = made.component("trainer")
    (container,) = pods.spec["containers"]
    (data,) = pods.spec["initContainers"]
    assert container["command"][:3] == ["trainer", "grpo", "qwen3-1.7b-lora"]
    assert container["image"] == data["image"]
