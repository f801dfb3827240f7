"""Rules and dashboards reach the cluster as their files say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from tests.chart.rendering import CHART, release
from tests.chart.value_sets import VALUE_SETS, merged

RULES = """\
groups:
  - name: verifier
    rules:
      - alert: WorkersGone
        expr: verifier_workers_alive == 0
        annotations:
          summary: "{{ $labels.pod }} has {{ $value }} workers"
"""
DASHBOARD = {"title": "Verifier", "panels": [{"legendFormat": "{{route}} `{{status}}`"}]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The chart with one file of rules and one dashboard."""
    copy = shutil.copytree(CHART, tmp_path / "verifier-service")
    for kind, name, text in (
        ("rules", "alerts.yaml", RULES),
        ("dashboards", "overview.json", json.dumps(DASHBOARD, indent=2)),
    ):
        files = copy / "files" / kind
        shutil.rmtree(files, ignore_errors=True)
        files.mkdir()
        (files / name).write_text(text, "utf-8")
    return copy


def test_rules_keep_what_prometheus_fills_in(folder: Path) -> None:
    made = release(VALUE_SETS["service-monitor"], folder=folder)
    assert made.the("PrometheusRule")["spec"] == yaml.safe_load(RULES)
    assert made.the("PrometheusRule")["metadata"]["labels"]["release"] == "prometheus"


@pytest.mark.parametrize("repository", ["", "https://git.example.com/rl/verifier/blob/main"])
def test_runbooks_are_read_where_the_repository_is(repository: str) -> None:
    values = {"metrics": {"rules": {"repository": repository}}}
    made = release(merged(VALUE_SETS["service-monitor"], values))
    links = {
        rule["annotations"]["runbook_url"]
        for group in made.the("PrometheusRule")["spec"]["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    pages = {link.removeprefix(repository).removeprefix("/") for link in links}
    assert all(link.startswith(repository) for link in links)
    assert [page for page in pages if not (CHART.parents[1] / page).is_file()] == []


def test_dashboards_keep_what_grafana_fills_in(folder: Path) -> None:
    made = release(VALUE_SETS["service-monitor"], folder=folder)
    (dashboard,) = (each for each in made.of("ConfigMap") if "overview.json" in each["data"])
    assert json.loads(dashboard["data"]["overview.json"]) == DASHBOARD
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"


@pytest.mark.parametrize("kind", ["rules", "dashboards"])
def test_files_of_the_chart_can_be_read(kind: str) -> None:
    for file in (CHART / "files").glob(f"{kind}/*"):
        content = yaml.safe_load(file.read_text("utf-8"))
        assert content["groups"] if kind == "rules" else content["title"]
