"""Odd values: null is refused or empty, never a 0; another type breaks no template."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import Any

import pytest
from helm_python import HelmRenderError, HelmValuesError

from tests.chart.rendering import Release, chart, release
from tests.chart.value_sets import SECRET, VALUE_SETS, merged

Path = tuple[str, ...]

EVERYTHING = reduce(
    merged,
    [VALUE_SETS[name] for name in ("trainer-machines", "service-monitor", "ingress", "httproute")],
    {"scoreLog": {"enabled": True}, "autoscaling": {"queue": {"enabled": True}}},
)
SAY_THEMSELVES = {
    ("workers",),
    ("service", "nodePort"),
    ("runAsUser",),
    ("runAsGroup",),
    ("terminationGracePeriodSeconds",),
    ("autoscaling", "targetCPUUtilizationPercentage"),
    ("podDisruptionBudget", "maxUnavailable"),
    ("podDisruptionBudget", "minAvailable"),
    ("trainer", "runAsUser"),
    ("trainer", "runAsGroup"),
    ("trainer", "activeDeadlineSeconds"),
}
"""Values whose comment says what null means."""


def _paths(values: Any, before: Path = ()) -> Iterator[Path]:
    for name, value in values.items():
        yield (*before, name)
        if isinstance(value, dict) and "resources" not in (*before, name):
            yield from _paths(value, (*before, name))


OPEN = {("autoscaling", "behavior"), ("metrics", "dashboards", "labels")}
"""Maps whose members are Kubernetes', not the chart's."""

VALUES = [
    path
    for path in _paths(chart().values)
    if path not in SAY_THEMSELVES and not any(path[: len(each)] == each != path for each in OPEN)
]

OF_ANOTHER_TYPE = ["a: b", "{{ .Values }}", 1, [1], {"a": "b"}]


def everything_but(path: Path, value: Any) -> dict[str, Any]:
    """All values, and this one in the place of what they say there."""

    def replaced(values: dict[str, Any], path: Path) -> dict[str, Any]:
        name, *rest = path
        return values | {name: replaced(values.get(name, {}), tuple(rest)) if rest else value}

    return replaced(EVERYTHING, path)


@pytest.mark.parametrize("path", VALUES, ids=".".join)
def test_null_is_refused_or_empty(path: Path) -> None:
    default: Any = reduce(lambda values, name: values[name], path, chart().values)
    told = _outcome(everything_but(path, None))
    if f"missing property '{path[-1]}'" not in told:
        assert isinstance(default, str | list | dict)
        # A map is merged with its defaults: it is empty when each of them is null.
        empty = dict.fromkeys(default) if isinstance(default, dict) else type(default)()
        assert told == _outcome(everything_but(path, empty))


@pytest.mark.parametrize("path", VALUES, ids=".".join)
@pytest.mark.parametrize("value", OF_ANOTHER_TYPE, ids=repr)
def test_a_value_of_another_type_is_refused_or_rendered(path: Path, value: Any) -> None:
    """Whoever mistypes a value reads its name, never where a template or its YAML broke."""
    assert 'executing "' not in _outcome(everything_but(path, value))


@pytest.mark.parametrize("path", sorted(SAY_THEMSELVES), ids=".".join)
def test_null_is_taken_where_it_means_something(path: Path) -> None:
    values = everything_but(path, None)
    if path == ("podDisruptionBudget", "maxUnavailable"):
        values = merged(values, {"podDisruptionBudget": {"minAvailable": 1}})
    chart().validate_schema(values)
    assert not any(_holds_null(each) for each in release(values).objects)


def test_null_leaves_the_user_to_the_platform() -> None:
    values = {"runAsUser": None, "runAsGroup": None}
    security = release(SECRET | values).component("server").spec["securityContext"]
    assert security == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


def test_a_release_is_rendered_of_everything() -> None:
    made: Release = release(EVERYTHING)
    assert {"HTTPRoute", "Ingress", "Job", "ServiceMonitor"} <= {
        each["kind"] for each in made.objects
    }


def _outcome(values: dict[str, Any]) -> str:
    """The objects, or the sentence that refuses the values."""
    try:
        chart().validate_schema(values)
        return str(release(values).objects)
    except (HelmRenderError, HelmValuesError) as refusal:
        return str(refusal)


def _holds_null(value: Any) -> bool:
    inner = value.values() if isinstance(value, dict) else value
    return value is None or (isinstance(value, dict | list) and any(map(_holds_null, inner)))
