"""What dashboards and rules ask Prometheus for is PromQL, and is there on a running service."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.observability.conftest import Promtool
from tests.observability.test_alerts import ROOT, RULE_FILES
from tests.running_service import running_service

DASHBOARDS: Final = sorted((ROOT / "helm/verifier-service/files/dashboards").glob("*.json"))
BY_PROMETHEUS: Final = {"namespace", "job", "instance", "le"}
"""Labels that are not of the service's making, or stand for a histogram's own."""

_METRIC: Final = re.compile(r"\bverifier[_:][a-z0-9_:]+")
_SELECTOR: Final = re.compile(r"\b(verifier[_:][a-z0-9_:]+)\{([^}]*)\}")
_MATCHER: Final = re.compile(r"(\w+)\s*[=!]~?")
_LABEL_LIST: Final = re.compile(r"\b(?:by|on|ignoring) \(([^)]*)\)")

CALL: Final = {"name": "get_stock_price", "arguments": {"ticker": "AAPL", "date": "2025-01-03"}}
RIGHT: Final = json.dumps(CALL)


def dashboard_queries() -> Iterator[tuple[str, str]]:
    """Each query by the panel or variable that asks it, with what Grafana fills in."""
    for file in DASHBOARDS:
        dashboard = json.loads(file.read_text("utf-8"))
        for panel in dashboard["panels"]:
            for target in panel.get("targets", ()):
                yield f"{panel['title']} {target['refId']}", _filled_in(target["expr"])
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                asked = re.fullmatch(r"label_values\((.+), \w+\)", variable["definition"])
                assert asked is not None
                yield f"variable {variable['name']}", _filled_in(asked[1])


def _filled_in(query: str) -> str:
    return re.sub(r"\$(namespace|job|run)\b", ".*", query.replace("$__rate_interval", "5m"))


def rules() -> Iterator[tuple[str, str]]:
    for file in RULE_FILES:
        for group in yaml.safe_load(file.read_text("utf-8"))["groups"]:
            for rule in group["rules"]:
                yield rule.get("alert") or rule["record"], rule["expr"]


QUERIES: Final = [*dashboard_queries(), *rules()]


def metrics_of(query: str) -> set[str]:
    """The names of metrics in a query; a label may have a value that looks like one."""
    return set(_METRIC.findall(re.sub(r'"[^"]*"', '""', query)))


each_query = pytest.mark.parametrize("query", [q for _, q in QUERIES], ids=[n for n, _ in QUERIES])


@pytest.fixture(scope="module")
def exposition(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The metrics of a service that has met everything that is counted."""
    item = {"completions": [RIGHT, "no"], "ground_truth": [CALL]}
    unusable = {"completion": RIGHT, "ground_truth": {"behavior": "dance"}}
    scored = {"toolset": "finance", "run": "a", "step": 1, "items": [item, unusable]}
    folder = tmp_path_factory.mktemp("service")
    log = folder / "log"
    log.mkdir()
    told = {"VERIFIER_WIRE_UNSCORED": "slime=0", "VERIFIER_SCORE_LOG": str(log)}
    with running_service(folder, "--workers", "1", **told) as service:
        httpx.post(f"{service.url}/score", json=scored).raise_for_status()
        sample = {"prompt": "?", "response": RIGHT, "label": "{}", "metadata": {}}
        httpx.post(f"{service.url}/slime", json=sample).raise_for_status()
        yield httpx.get(f"{service.url}/metrics").text


@pytest.fixture(scope="module")
def labels(exposition: str) -> Mapping[str, set[str]]:
    """The labels of every sample's name."""
    found: dict[str, set[str]] = defaultdict(set)
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            found[sample.name] |= sample.labels.keys()
    return found


def test_the_exposition_passes_prometheus_own_lint(promtool: Promtool, exposition: str) -> None:
    promtool("check", "metrics", text=exposition)


def test_every_query_of_the_dashboards_can_be_parsed(promtool: Promtool, tmp_path: Path) -> None:
    file = tmp_path / "queries.yaml"
    queries = dict.fromkeys(query for _, query in dashboard_queries())
    written: list[Any] = [
        {"record": f"query{number}", "expr": query} for number, query in enumerate(queries)
    ]
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": written}]}), "utf-8")
    promtool("check", "rules", file)


@each_query
def test_every_metric_that_is_asked_for_is_exported(
    labels: Mapping[str, set[str]], query: str
) -> None:
    recorded = {name for name, _ in rules()}
    asked = metrics_of(query)
    assert asked
    assert asked - labels.keys() - recorded == set()


@each_query
def test_every_label_that_is_asked_for_is_exported(
    labels: Mapping[str, set[str]], query: str
) -> None:
    exported = set[str]()
    for metric in metrics_of(query):
        exported |= labels.get(metric, {"run"})  # what is recorded by run, or by job alone
    for metric, matchers in _SELECTOR.findall(query):
        asked = set(_MATCHER.findall(matchers))
        assert asked - labels.get(metric, {"run"}) - BY_PROMETHEUS == set(), metric
    for listed in _LABEL_LIST.findall(query):
        assert {label.strip() for label in listed.split(",")} - exported - BY_PROMETHEUS == set()


def test_every_metric_is_on_a_dashboard(labels: Mapping[str, set[str]]) -> None:
    shown = {re.sub(r"_(bucket|sum|count)$", "", n) for n in labels} - _families_shown()
    assert shown == set()


def _families_shown() -> set[str]:
    asked = {name for _, query in dashboard_queries() for name in metrics_of(query)}
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked}
