"""Whatever a release is called, Kubernetes takes its objects."""

from __future__ import annotations

import re

import pytest

from tests.chart.rendering import Release, chart, release
from tests.chart.value_sets import VALUE_SETS, merged

SERVICE_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
"""Source: RFC 1035, which Kubernetes holds the names of Services to."""

RELEASES = ["my.release", "team.rl.a", "123", "1e3", "0x1f", "1st", "true", "null", "no", "y"]
OVERRIDES = ["123", "1e3", "a-b", "verifier", "x" * 63]


def made(release_name: str, **overrides: str) -> Release:
    values = merged(VALUE_SETS["trainer-machines"], overrides)
    chart().validate_schema(values)
    return release(values, release=release_name)


@pytest.mark.parametrize("name", RELEASES)
def test_a_release_may_have_any_name_that_helm_takes(name: str) -> None:
    assert _misnamed(made(name)) == []


@pytest.mark.parametrize("name", OVERRIDES)
def test_a_part_of_the_names_may_be_any_label(name: str) -> None:
    assert _misnamed(made("r", nameOverride=name)) == []


@pytest.mark.parametrize("name", ["verifier", "a1", "x" * 63])
def test_a_whole_name_is_kept_or_cut(name: str) -> None:
    everything = made("r", fullnameOverride=name)
    (deployment,) = everything.named("Deployment")
    assert _misnamed(everything) == []
    assert deployment == name or (len(name) > 32 and deployment.startswith(name[:25]))


@pytest.mark.parametrize("name", RELEASES)
def test_a_label_names_the_release_as_it_is(name: str) -> None:
    labels = made(name).the("Deployment")["spec"]["selector"]["matchLabels"]
    assert labels["app.kubernetes.io/instance"] == name


@pytest.mark.parametrize(("one", "other"), [("a.b", "a.c"), ("a.b", "a-b"), ("1", "v1")])
def test_no_two_releases_share_a_name(one: str, other: str) -> None:
    assert _names(made(one)).isdisjoint(_names(made(other)))


def test_names_that_yaml_reads_as_something_else_stay_names() -> None:
    values = {
        "auth": {"existingSecret": "123", "secretKey": "1e3"},
        "priorityClassName": "1",
        "runtimeClassName": "2",
        "serviceAccount": {"name": "3"},
        "toolsets": {"existingConfigMaps": ["4"]},
        "ingress": {"enabled": True, "className": "5", "hosts": [{"host": "a.example.com"}]},
    }
    everything = release(values)
    spec = everything.component("server").spec
    volumes = {each["name"]: each for each in spec["volumes"]}
    assert volumes["keys"]["secret"]["secretName"] == "123"
    assert volumes["keys"]["secret"]["items"] == [{"key": "1e3", "path": "1e3"}]
    assert volumes["toolsets-0"]["configMap"]["name"] == "4"
    named = (spec["priorityClassName"], spec["runtimeClassName"], spec["serviceAccountName"])
    assert named == ("1", "2", "3")
    assert everything.the("Ingress")["spec"]["ingressClassName"] == "5"


def _names(everything: Release) -> set[tuple[str, str]]:
    return {(each["kind"], each["metadata"]["name"]) for each in everything.objects}


def _misnamed(everything: Release) -> list[object]:
    """Names of objects, names of hosts and labels that Kubernetes would refuse."""
    names = [each["metadata"]["name"] for each in everything.objects]
    names += [pods.spec["subdomain"] for pods in everything.pods if "subdomain" in pods.spec]
    labels = [each["metadata"]["labels"] for each in everything.objects]
    labels += [pods.labels for pods in everything.pods]
    wrong = [name for name in names if not _fits(name) or not SERVICE_NAME.fullmatch(name)]
    return wrong + [value for each in labels for value in each.values() if not _fits(value)]


def _fits(name: object) -> bool:
    return isinstance(name, str) and len(name) <= 63
