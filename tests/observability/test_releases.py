"""Several releases in one Prometheus: each is missed by itself, and nothing is recorded twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.chart.rendering import Release, release
from tests.chart.value_sets import SECRET, Values, merged
from tests.observability.conftest import Promtool

RULES: Final = merged(SECRET, {"metrics": {"rules": {"enabled": True}}})
OWN_ALONE: Final = {"metrics": {"rules": {"shared": False}}}
MONITORS: Final = {
    "serviceMonitor": ("a-verifier-service-metrics", "b-verifier-service-metrics"),
    "podMonitor": ("ns/a-verifier-service", "ns/b-verifier-service"),
}
"""The `job` that the operator gives what each of two releases' monitors scrapes."""


def releases(monitor: str) -> tuple[Release, Release]:
    """Two, of which the first brings the rules about both."""
    values = merged(RULES, {"metrics": {monitor: {"enabled": True}}})
    return release(values, release="a"), release(merged(values, OWN_ALONE), release="b")


def rules(made: Release) -> list[Values]:
    groups = made.the("PrometheusRule")["spec"]["groups"]
    return [rule for group in groups for rule in group["rules"]]


@pytest.mark.parametrize("monitor", MONITORS)
@pytest.mark.parametrize("gone", [(), (0,), (1,), (0, 1)], ids=str)
def test_a_release_is_missed_while_another_reports(
    promtool: Promtool, tmp_path: Path, monitor: str, gone: tuple[int, ...]
) -> None:
    files = [tmp_path / f"{number}.yaml" for number in range(2)]
    for file, made in zip(files, releases(monitor), strict=True):
        file.write_text(yaml.safe_dump(made.the("PrometheusRule")["spec"]), "utf-8")
    jobs = MONITORS[monitor]
    reports = [
        {
            "series": f'verifier_build_info{{namespace="ns",job="{job}",version="0.1.0"}}',
            "values": "1x5" if number in gone else "1x30",
        }
        for number, job in enumerate(jobs)
    ]
    test = tmp_path / "test.yaml"
    test.write_text(yaml.safe_dump(_question(files, reports, [jobs[each] for each in gone])))
    promtool("test", "rules", test)


def _question(files: list[Path], reports: list[Values], missed: list[str]) -> dict[str, Any]:
    alert = {
        "alertname": "VerifierAbsent",
        "alertstate": "firing",
        "namespace": "ns",
        "severity": "critical",
    }
    firing = [
        "ALERTS{" + ",".join(f'{k}="{v}"' for k, v in (alert | {"job": job}).items()) + "}"
        for job in missed
    ]
    question = {
        "expr": 'ALERTS{alertstate="firing"}',
        "eval_time": "25m",
        "exp_samples": [{"labels": labels, "value": 1} for labels in firing],
    }
    return {
        "rule_files": list(map(str, files)),
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": reports, "promql_expr_test": [question]}],
    }


@pytest.mark.parametrize("monitor", MONITORS)
def test_no_rule_stands_in_two_releases(monitor: str) -> None:
    written = Counter(rule["expr"] for made in releases(monitor) for rule in rules(made))
    assert [expression for expression, times in written.items() if times > 1] == []


def test_the_operator_names_the_job_after_what_the_monitor_selects() -> None:
    service, _ = releases("serviceMonitor")
    assert MONITORS["serviceMonitor"][0] in service.named("Service")
    pods, _ = releases("podMonitor")
    assert {f"ns/{name}" for name in pods.named("PodMonitor")} == {MONITORS["podMonitor"][0]}


def test_what_somebody_else_scrapes_is_asked_for_without_labels() -> None:
    (rule,) = (each for each in rules(release(RULES)) if each.get("alert") == "VerifierAbsent")
    assert rule["expr"] == "absent(verifier_build_info)"
