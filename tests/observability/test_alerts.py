"""The alerts: each fires when it should, is silent when it should, and has its page."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.observability.alert_cases import CASES, Case
from tests.observability.conftest import Promtool

ROOT: Final = Path(__file__).parents[2]
RULE_FILES: Final = sorted((ROOT / "helm/verifier-service/files/rules").glob("*.yaml"))
RUNBOOKS: Final = ROOT / "docs" / "runbooks"
ALERTS: Final[list[dict[str, Any]]] = [
    rule
    for file in RULE_FILES
    for group in yaml.safe_load(file.read_text("utf-8"))["groups"]
    for rule in group["rules"]
    if "alert" in rule
]
NAMES: Final = sorted({rule["alert"] for rule in ALERTS})


def test_the_rules_are_rules(promtool: Promtool) -> None:
    promtool("check", "rules", *RULE_FILES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.alert}: {case.about}")
def test_an_alert_fires_when_it_should(promtool: Promtool, tmp_path: Path, case: Case) -> None:
    file = tmp_path / "test.yaml"
    file.write_text(yaml.safe_dump(_promtool_test(case)), "utf-8")
    promtool("test", "rules", file)


def _promtool_test(case: Case) -> dict[str, Any]:
    state = {"alertname": case.alert, "alertstate": "firing"}
    common = {} if case.alert == "VerifierAbsent" else {"job": "verifier"}
    firing = [_alerts({**state, **common, **labels}) for labels in case.fires]
    question = {
        "expr": _alerts(state),
        "eval_time": f"{case.minutes}m",
        "exp_samples": [{"labels": labels, "value": 1} for labels in firing],
    }
    given = [{"series": name, "values": values} for name, values in case.series.items()]
    return {
        "rule_files": list(map(str, RULE_FILES)),
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": given, "promql_expr_test": [question]}],
    }


def _alerts(labels: dict[str, str]) -> str:
    return "ALERTS{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"


@pytest.mark.parametrize("alert", NAMES)
@pytest.mark.parametrize("fires", [True, False], ids=["firing", "silent"])
def test_every_alert_is_tested(alert: str, fires: bool) -> None:
    assert [case for case in CASES if case.alert == alert and bool(case.fires) is fires]


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_every_alert_says_how_bad_it_is_and_what_to_read(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
    page = ROOT / rule["annotations"]["runbook_url"]
    text = page.read_text("utf-8")
    assert text.startswith(f"# {rule['alert']}\n")
    assert "\n## Look at\n" in text
    assert "\n## Do\n" in text


def test_every_page_is_of_an_alert_and_in_the_index() -> None:
    pages = {page.name for page in RUNBOOKS.glob("*.md")} - {"index.md"}
    assert pages == {Path(rule["annotations"]["runbook_url"]).name for rule in ALERTS}
    index = (RUNBOOKS / "index.md").read_text("utf-8")
    assert [page for page in sorted(pages) if f"]({page})" not in index] == []
