"""Helm takes the chart, and Kubernetes what comes of it."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import kubernetes_validate
import pytest
from helm_python import lint

from tests.chart.rendering import CHART, KUBERNETES, OPERATOR, chart, files, release
from tests.chart.settings_schema import FILE, with_settings
from tests.chart.value_sets import SECRET, VALUE_SETS

CUSTOM = {"ServiceMonitor", "PodMonitor", "PrometheusRule", "HTTPRoute", "ScaledObject", "JobSet"}
"""Kinds that Kubernetes itself does not know."""


@cache
def fault(written: str, kubernetes: str) -> str | None:
    """What Kubernetes' schema has against an object."""
    try:
        kubernetes_validate.validate(json.loads(written), kubernetes, strict=True)
    except kubernetes_validate.ValidationError as error:
        return f"{error.json_path}: {error.message}"
    return None


def test_there_are_thirty_value_sets() -> None:
    assert len(VALUE_SETS) >= 30


@pytest.mark.parametrize("kubernetes", KUBERNETES)
@pytest.mark.parametrize("name", VALUE_SETS)
def test_kubernetes_takes_every_object(name: str, kubernetes: str) -> None:
    made = release(VALUE_SETS[name], kubernetes=kubernetes)
    known = [each for each in made.objects if each["kind"] not in CUSTOM] + made.jobs
    faults = [(each["kind"], fault(json.dumps(each), kubernetes)) for each in known]
    assert known
    assert [each for each in faults if each[1]] == []


@pytest.mark.parametrize("name", VALUE_SETS)
def test_a_strict_lint_finds_nothing(name: str) -> None:
    report = lint(CHART, VALUE_SETS[name], strict=True, kube_version=f"v{KUBERNETES[0]}.0")
    complaints = [each for each in report["messages"] if each["severity"] > 1]
    assert not complaints
    assert not report["errors"]


def test_the_default_values_lint() -> None:
    assert not lint(CHART, strict=True)["errors"]


def test_the_same_values_make_the_same_objects() -> None:
    assert files(VALUE_SETS["trainer-machines"]) == files(VALUE_SETS["trainer-machines"])


def test_settings_are_the_services_own() -> None:
    """`python -m tests.chart.settings_schema` writes them into values.schema.json."""
    assert _schema() == with_settings(_schema())


def test_every_value_has_a_default_and_a_schema() -> None:
    assert _shape(chart().values, _schema()) == []


def test_no_monitor_is_made_where_the_cluster_knows_none() -> None:
    values = SECRET | {"metrics": {"serviceMonitor": {"enabled": True}, "rules": {"enabled": True}}}
    without = {each["kind"] for each in release(values, apis=()).objects}
    assert without.isdisjoint({"ServiceMonitor", "PrometheusRule"})
    assert "ServiceMonitor" in {each["kind"] for each in release(values, apis=(OPERATOR,)).objects}


def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
    return schema


def _shape(values: Any, schema: dict[str, Any], path: str = "") -> list[str]:
    """Where the defaults and the schema name other members."""
    if "$ref" in schema:
        schema = _schema()["$defs"][schema["$ref"].rpartition("/")[2]]
    properties = schema.get("properties")
    if not properties or path in {".settings", ".global"} or not isinstance(values, dict):
        return []
    named = set(properties) - {"global"} if not path else set(properties)
    if path.endswith(".resources"):
        named &= set(values)
    return [f"{path}.{name}" for name in named ^ set(values)] + [
        fault
        for name in named & set(values)
        for fault in _shape(values[name], properties[name], f"{path}.{name}")
    ]
