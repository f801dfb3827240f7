"""What no schema can say: the objects of a release belong together."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.chart.rendering import CHART, Object, Pods, Release, chart, environment, release
from tests.chart.value_sets import SECRET, VALUE_SETS, merged
from verifier_service.score_log.channel import LAST_LINES_S
from verifier_service.settings import Settings
from verifier_service.tracing import LAST_SPANS_S

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
FROM_OUTSIDE = {
    "verifier-keys",
    "trainer-key",
    "team-toolsets",
    "team-profiles",
    "other.profiles",
    "site",
    "score-logs",
    "shared-runs",
    "runs",
    "hugging-face",
}
"""Secrets, ConfigMaps and claims that the value sets name and somebody else makes."""
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
UPGRADED = {"image": {"tag": "0.2.0"}, "replicaCount": 5, "settings": {"log_level": "debug"}}


def test_no_object_stands_twice(rendered: Release) -> None:
    names = Counter((each["kind"], each["metadata"]["name"]) for each in rendered.objects)
    assert [name for name, times in names.items() if times > 1] == []


def test_names_fit_with_the_longest_release(rendered: Release) -> None:
    names = {each["metadata"]["name"] for each in rendered.objects}
    hosts = {
        f"{job['metadata']['name']}-{job['spec']['completions'] - 1}-xxxxx" for job in rendered.jobs
    }
    assert [name for name in names | hosts if len(name) > 63 or not DNS_LABEL.fullmatch(name)] == []


def test_two_long_releases_do_not_share_names() -> None:
    first, second = (release(SECRET, release="x" * 50 + end) for end in ("aaa", "bbb"))
    assert first.named("Deployment").isdisjoint(second.named("Deployment"))


def test_no_namespace_is_fixed(rendered: Release) -> None:
    assert [each for each in rendered.objects if "namespace" in each["metadata"]] == []


def test_labels_are_valid(rendered: Release) -> None:
    labels = [each["metadata"].get("labels", {}) for each in rendered.objects] + [
        pods.labels for pods in rendered.pods
    ]
    values = {value for each in labels for value in each.values()}
    assert [value for value in values if len(value) > 63 or not LABEL_VALUE.fullmatch(value)] == []


def test_selectors_are_the_labels_of_pods(rendered: Release) -> None:
    selectors = [
        *(service["spec"]["selector"] for service in rendered.of("Service")),
        *(
            each["spec"]["selector"]["matchLabels"]
            for kind in _SELECT_PODS
            for each in rendered.of(kind)
        ),
        *(each["spec"]["podSelector"]["matchLabels"] for each in rendered.of("NetworkPolicy")),
    ]
    assert selectors
    for selector in selectors:
        (pods,) = rendered.selected(selector)
        assert pods.owner["kind"] in {"Deployment", "Job"}


_SELECT_PODS = ("Deployment", "PodDisruptionBudget", "PodMonitor")


def test_pods_are_spread_among_their_own(rendered: Release) -> None:
    server = rendered.component("server")
    for constraint in server.spec["topologySpreadConstraints"]:
        assert rendered.selected(constraint["labelSelector"]["matchLabels"]) == [server]


def test_a_service_monitor_finds_one_service_and_its_port(rendered: Release) -> None:
    for monitor in rendered.of("ServiceMonitor"):
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        (service,) = (
            each for each in rendered.of("Service") if wanted <= each["metadata"]["labels"].items()
        )
        (endpoint,) = monitor["spec"]["endpoints"]
        assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}


def test_an_autoscaler_scales_the_deployment_and_alone(rendered: Release) -> None:
    scalers = rendered.of("HorizontalPodAutoscaler") + rendered.of("ScaledObject")
    deployment = rendered.the("Deployment")
    assert ("replicas" in deployment["spec"]) == (not scalers)
    assert [each["spec"]["scaleTargetRef"]["name"] for each in scalers] in (
        [],
        [deployment["metadata"]["name"]],
    )


def test_mounts_and_volumes_match(rendered: Release) -> None:
    for pods in rendered.pods:
        volumes = [volume["name"] for volume in pods.spec["volumes"]]
        mounts = {
            mount["name"] for container in pods.containers for mount in container["volumeMounts"]
        }
        assert sorted(volumes) == sorted(mounts)


def test_nothing_is_mounted_in_one_place_twice(rendered: Release) -> None:
    for container in _containers(rendered):
        places = Counter(mount["mountPath"] for mount in container["volumeMounts"])
        assert [place for place, times in places.items() if times > 1] == []


def test_what_pods_refer_to_is_there(rendered: Release) -> None:
    made = (
        rendered.named("ConfigMap")
        | rendered.named("Secret")
        | rendered.named("PersistentVolumeClaim")
    )
    wanted = {name for pods in rendered.pods for name in _references(pods)}
    assert wanted <= made | FROM_OUTSIDE


def test_keys_that_pods_refer_to_are_in_the_secret() -> None:
    made = release(merged(VALUE_SETS["keys"], {"auth": {"secretKey": "keys.txt"}}))
    (volume,) = (each for each in made.component("server").spec["volumes"] if "secret" in each)
    (item,) = volume["secret"]["items"]
    assert made.the("Secret")["stringData"][item["key"]] == "first-key-of-two\nsecond-key-of-two\n"


def test_ports_are_named_ports_of_the_pods(rendered: Release) -> None:
    for pods, port in _ports_wanted(rendered):
        assert port in pods.ports


@pytest.mark.parametrize(("metrics", "port"), [(True, "metrics"), (False, "http")])
def test_probes_go_where_they_wait_for_no_request_if_there_is_such_a_port(
    metrics: bool, port: str
) -> None:
    made = release(SECRET | {"metrics": {"enabled": metrics}})
    (container,) = made.component("server").spec["containers"]
    assert {container[probe]["httpGet"]["port"] for probe in PROBES} == {port}


def test_processes_meet_where_a_service_gives_the_name(rendered: Release) -> None:
    for job in rendered.jobs:
        (container,) = rendered.component("trainer").spec["containers"]
        variables = environment(container)
        machine, _, service = variables["PET_MASTER_ADDR"].partition(".")
        if variables["PET_NNODES"] == "1":
            assert (machine, service) == ("localhost", "")
        else:
            assert machine == f"{job['metadata']['name']}-0"
            assert service in rendered.named("Service")


def test_service_accounts_exist(rendered: Release) -> None:
    accounts = {pods.spec["serviceAccountName"] for pods in rendered.pods}
    assert accounts == (rendered.named("ServiceAccount") or {"default"})


def test_pods_are_restricted(rendered: Release) -> None:
    for pods in rendered.pods:
        security = pods.spec["securityContext"]
        assert security["runAsNonRoot"] is True
        assert 0 not in {security.get("runAsUser"), security.get("runAsGroup")}
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pods.spec.keys()


def test_containers_are_restricted(rendered: Release) -> None:
    for container in _containers(rendered):
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["readOnlyRootFilesystem"] is True
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert not security.get("privileged")


def test_pods_hold_no_token_and_no_variables_of_services(rendered: Release) -> None:
    for pods in rendered.pods:
        assert pods.spec["automountServiceAccountToken"] is False
        assert pods.spec["enableServiceLinks"] is False


def test_a_pod_has_time_to_drain(rendered: Release) -> None:
    spec = rendered.component("server").spec
    (container,) = spec["containers"]
    sleep = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    settings = _settings(rendered)
    drain = settings.drain_grace_s + max(settings.drain_s, settings.deadline_max_ms / 1000)
    last_lines = LAST_LINES_S if settings.score_log is not None else 0
    last_spans = LAST_SPANS_S if settings.otel else 0
    assert spec["terminationGracePeriodSeconds"] > sleep + drain + last_lines + last_spans


def test_a_rollout_takes_no_pod_away_first(rendered: Release) -> None:
    assert rendered.the("Deployment")["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_a_node_can_be_drained(rendered: Release) -> None:
    scalers = rendered.of("HorizontalPodAutoscaler")
    least = (
        scalers[0]["spec"]["minReplicas"]
        if scalers
        else rendered.the("Deployment")["spec"].get("replicas", 2)
    )
    for budget in rendered.of("PodDisruptionBudget"):
        spec = budget["spec"]
        assert spec.get("minAvailable", 0) < least
        assert spec.get("maxUnavailable", 1) > 0
        assert len({"minAvailable", "maxUnavailable"} & spec.keys()) == 1


def test_the_service_reads_what_the_chart_writes(rendered: Release) -> None:
    _settings(rendered)


def test_numbers_reach_the_service_as_they_are_written() -> None:
    settings = _settings(release(VALUE_SETS["settings"]))
    assert (settings.queue_bytes, settings.drain_s, settings.docs) == (536_870_912, 75.5, False)
    assert settings.score_log_mask_names == ("password", "token")
    assert settings.score_log_mask_patterns == ("sk-[a-z]{8,}", "[0-9]{4} [0-9]{4}")
    assert settings.wire_unscored == {"openrlhf": 0, "slime": -1.5}


def test_annotations_of_the_pods_replace_none_of_the_checksums() -> None:
    ours, theirs = "checksum/settings", "kubectl.kubernetes.io/default-container"
    values = {"podAnnotations": {ours: "mine", theirs: "sidecar", "example.com/owner": "rl"}}
    annotations = release(SECRET | values).component("server").annotations
    assert annotations[ours] == release(SECRET).component("server").annotations[ours]
    assert (annotations[theirs], annotations["example.com/owner"]) == ("sidecar", "rl")


def test_labels_for_all_are_on_every_object_and_pod() -> None:
    made = release(merged(VALUE_SETS["trainer-machines"], {"commonLabels": {"team": "rl"}}))
    labels = [each["metadata"]["labels"] for each in made.objects]
    assert {each.get("team") for each in [*labels, *(pods.labels for pods in made.pods)]} == {"rl"}


def test_a_config_map_may_have_any_name() -> None:
    files = {"files": {"a.yaml": "name: a"}, "existingConfigMaps": ["chart", "files", "a.b"]}
    (container,) = release(SECRET | {"toolsets": files}).component("server").spec["containers"]
    places = [mount["mountPath"] for mount in container["volumeMounts"]]
    folders = environment(container)["VERIFIER_TOOLSETS"].split(":")
    assert len(set(places)) == len(places)
    assert set(folders) <= set(places)
    assert len(folders) == 4


def test_the_rest_of_a_service_is_the_users() -> None:
    own = {"ipFamilyPolicy": "PreferDualStack", "loadBalancerSourceRanges": ["10.0.0.0/8"]}
    given = {"type": "LoadBalancer", "nodePort": 30_080, "spec": own}
    values = SECRET | {"service": given}
    chart().validate_schema(values)
    (service,) = (
        each for each in release(values).of("Service") if each["spec"].get("type") == given["type"]
    )
    assert own.items() <= service["spec"].items()
    assert service["spec"]["ports"][0]["nodePort"] == 30_080


def test_a_route_waits_longer_than_a_request_may_take() -> None:
    settings = {"settings": {"deadline_max_ms": 599_500, "drain_s": 600}}
    (rule,) = release(merged(VALUE_SETS["httproute"], settings)).the("HTTPRoute")["spec"]["rules"]
    assert rule["timeouts"] == {"request": "610s"}


def test_no_variable_stands_twice(rendered: Release) -> None:
    for container in _containers(rendered):
        names = Counter(each["name"] for each in container.get("env", []))
        assert [name for name, times in names.items() if times > 1] == []


def test_pods_reach_nothing_unless_they_are_let() -> None:
    (policy,) = release(SECRET).of("NetworkPolicy")
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert policy["spec"]["egress"] == []


def test_the_test_and_the_trainer_may_call_where_few_may() -> None:
    made = release(VALUE_SETS["trainer-machines"])
    calls, _metrics = made.the("NetworkPolicy")["spec"]["ingress"]
    let_in = [peer["podSelector"]["matchLabels"] for peer in calls["from"] if "podSelector" in peer]
    callers = {
        pods.labels["app.kubernetes.io/component"]
        for each in let_in
        for pods in made.selected(each)
    }
    assert callers == {"test", "trainer"}


@pytest.mark.parametrize(
    ("change", "checksum"),
    [
        pytest.param({"settings": {"log_level": "debug"}}, "settings", id="settings"),
        pytest.param({"toolsets": {"files": {"a.yaml": "name: a"}}}, "toolsets", id="toolsets"),
        pytest.param({"profiles": {"files": {"a.yaml": "name: a"}}}, "profiles", id="profiles"),
    ],
)
def test_a_changed_file_rolls_the_pods(change: dict[str, Any], checksum: str) -> None:
    before, after = (
        release(values).component("server").annotations for values in (SECRET, SECRET | change)
    )
    assert before[f"checksum/{checksum}"] != after[f"checksum/{checksum}"]


@pytest.mark.parametrize("name", VALUE_SETS)
def test_any_values_may_follow_any_other(name: str) -> None:
    """But for a workspace: docs/deploy.md says what to do where its claim is to be another."""
    after = _fixed(name)
    changed = {
        (kind, before)
        for before in VALUE_SETS
        for (kind, named), fixed in _fixed(before).items()
        if kind != "PersistentVolumeClaim" and after.get((kind, named), fixed) != fixed
    }
    assert changed == set()


@pytest.mark.parametrize("name", ["trainer-machines", "trainer-jobset", "trainer-preset"])
def test_an_upgrade_of_the_service_leaves_a_run_alone(name: str) -> None:
    """Jobs cannot be changed: the one of the new release must be the same, or have another name."""
    before, after = (
        release(values).jobs for values in (VALUE_SETS[name], VALUE_SETS[name] | UPGRADED)
    )
    assert [job["spec"] for job in before] == [job["spec"] for job in after]


@pytest.mark.parametrize(
    "change",
    [
        {"preset": "tiny"},
        {"nodes": 1},
        {"overrides": {"max_steps": 2}},
        {"backoffLimit": 1},
        {"workspace": {"existingClaim": "other"}},
        {"podLabels": {"a": "b"}},
    ],
)
def test_another_run_is_another_job(change: dict[str, Any]) -> None:
    values = VALUE_SETS["trainer-jobset"]
    before, after = (
        release(each).named("JobSet")
        for each in (values, values | {"trainer": values["trainer"] | change})
    )
    assert before.isdisjoint(after)


def test_another_chart_makes_another_job(tmp_path: Path) -> None:
    """Its templates are part of a Job that cannot be changed."""
    copy = shutil.copytree(CHART, tmp_path / "verifier-service")
    template = copy / "templates" / "_trainer.tpl"
    template.write_text(
        template.read_text("utf-8").replace("enableServiceLinks: false", "hostname: a"), "utf-8"
    )
    values = VALUE_SETS["trainer-preset"]
    before, after = (release(values, folder=folder) for folder in (CHART, copy))
    assert before.named("Job").isdisjoint(after.named("Job"))


def test_another_configuration_is_another_job() -> None:
    values = VALUE_SETS["trainer-machines"]
    config = {"trainer": {"config": {"max_steps": 101}}}
    before, after = (release(each).named("Job") for each in (values, merged(values, config)))
    assert before.isdisjoint(after)


@cache
def _fixed(name: str) -> dict[tuple[str, str], Any]:
    """What no upgrade can change, of each object of a value set."""
    made = release(VALUE_SETS[name])
    return {
        (each["kind"], each["metadata"]["name"]): read(each["spec"])
        for kind, read in _FIXED.items()
        for each in made.of(kind)
    }


_FIXED: dict[str, Callable[[Object], Any]] = {
    "Deployment": lambda spec: spec["selector"],
    "Job": lambda spec: {key: each for key, each in spec.items() if key != "parallelism"},
    "JobSet": lambda spec: spec,
    "Service": lambda spec: spec.get("clusterIP"),
    "PersistentVolumeClaim": lambda spec: spec["accessModes"],
}


def _containers(rendered: Release) -> list[Object]:
    return [container for pods in rendered.pods for container in pods.containers]


def _references(pods: Pods) -> Iterator[str]:
    """Names of the ConfigMaps, Secrets and claims that pods cannot start without."""
    for volume in pods.spec["volumes"]:
        yield from (volume[kind][key] for kind, key in _BY_NAME.items() if kind in volume)
    for container in pods.containers:
        yield from (source["configMapRef"]["name"] for source in container.get("envFrom", []))
        values = [value for value in environment(container).values() if isinstance(value, dict)]
        yield from (value["secretKeyRef"]["name"] for value in values if "secretKeyRef" in value)


_BY_NAME = {"configMap": "name", "secret": "secretName", "persistentVolumeClaim": "claimName"}


def _ports_wanted(rendered: Release) -> Iterator[tuple[Pods, str]]:
    """Pods, and a port that some object expects them to have by name."""
    server = rendered.component("server")
    (container,) = server.spec["containers"]
    for probe in PROBES:
        yield server, container[probe]["httpGet"]["port"]
    for service in rendered.of("Service"):
        (pods,) = rendered.selected(service["spec"]["selector"])
        yield from ((pods, port["targetPort"]) for port in service["spec"]["ports"])
    for policy in rendered.of("NetworkPolicy"):
        yield from (
            (server, port["port"]) for rule in policy["spec"]["ingress"] for port in rule["ports"]
        )
    for monitor in rendered.of("PodMonitor"):
        yield from (
            (server, endpoint["port"]) for endpoint in monitor["spec"]["podMetricsEndpoints"]
        )
    for route in rendered.of("Ingress"):
        paths = [path for rule in route["spec"]["rules"] for path in rule["http"]["paths"]]
        yield from ((server, path["backend"]["service"]["port"]["name"]) for path in paths)


def _settings(rendered: Release) -> Settings:
    """The service's settings, as it would read them in the pod."""
    (container,) = rendered.component("server").spec["containers"]
    maps = {each["metadata"]["name"]: each.get("data", {}) for each in rendered.of("ConfigMap")}
    sources = [
        maps.get(source["configMapRef"]["name"], {}) for source in container.get("envFrom", [])
    ]
    written = {
        name: value
        for source in [*sources, environment(container)]
        for name, value in source.items()
    }
    texts = {name: "2" if isinstance(value, dict) else value for name, value in written.items()}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in texts.items():
            patch.setenv(name, value)
        return Settings()
