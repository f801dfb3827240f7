"""Values that make no sense are refused, with a sentence that names them."""

from __future__ import annotations

from typing import Any

import pytest
from helm_python import HelmRenderError, HelmValuesError

from tests.chart.rendering import chart, release
from tests.chart.value_sets import SECRET, merged

TRAINER = {"enabled": True, "preset": "tiny", "apiKeySecret": "key"}
SCALING = {"enabled": True}

SENSELESS: dict[str, tuple[dict[str, Any], str]] = {
    "no keys": ({"auth": {"existingSecret": ""}}, "kubectl create secret"),
    "keys twice": ({"auth": {"keys": ["long-enough"]}}, "auth.existingSecret and auth.keys"),
    "keys for nobody": ({"auth": {"enabled": False}}, "auth.enabled is false, but keys are given"),
    "open to the internet": (
        {
            "auth": {"enabled": False, "existingSecret": ""},
            "ingress": {"enabled": True, "hosts": [{"host": "a"}]},
        },
        "reachable from outside",
    ),
    "open on nodes": (
        {"auth": {"enabled": False, "existingSecret": ""}, "service": {"type": "NodePort"}},
        "reachable from outside",
    ),
    "as many workers as the node has": (
        {"resources": {"requests": {"cpu": None}}},
        "workers and resources.requests.cpu",
    ),
    "no processor and no worker": (
        {"resources": {"requests": {"cpu": "0"}}},
        "workers and resources.requests.cpu",
    ),
    "a queue beyond the memory": (
        {"resources": {"limits": {"memory": "1Gi"}}},
        "settings.queue_bytes: 1073741824",
    ),
    "a queue beyond the memory, by setting": (
        {"settings": {"queue_bytes": 3_300_000_000}},
        "which a full queue alone",
    ),
    "more memory than the limit": (
        {"resources": {"requests": {"memory": "4Gi"}}},
        "resources.requests.memory (4Gi) is above resources.limits.memory (3Gi)",
    ),
    "more memory than a machine's limit": (
        {"trainer": TRAINER | {"resources": {"limits": {"memory": "32Gi"}}}},
        "trainer.resources.requests.memory (64Gi)",
    ),
    "a setting past the checks": (
        {"extraEnv": [{"name": "VERIFIER_DRAIN_S", "value": "1"}]},
        "set settings.drain_s",
    ),
    "a drain that cuts off": ({"settings": {"drain_s": 30}}, "settings.drain_s (30 s)"),
    "a deadline beyond the drain": (
        {"settings": {"deadline_max_ms": 600_000}},
        "settings.drain_s (120 s)",
    ),
    "a default above the maximum": (
        {"settings": {"deadline_max_ms": 10_000}},
        "settings.deadline_ms",
    ),
    "a kill before the drain": (
        {"terminationGracePeriodSeconds": 125},
        "terminationGracePeriodSeconds must be more",
    ),
    "a kill before the last lines of the log": (
        {"terminationGracePeriodSeconds": 155, "scoreLog": {"enabled": True}},
        "2 s for traces together: 155",
    ),
    "a kill before the last traces": (
        {
            "terminationGracePeriodSeconds": 127,
            "settings": {"otel": True},
            "networkPolicy": {"enabled": False},
        },
        "2 s for traces together: 127",
    ),
    "traces that cannot leave": ({"settings": {"otel": True}}, "networkPolicy.egress"),
    "a score log of less than two files": (
        {"settings": {"score_log_max_bytes": 100_000_000}},
        "settings.score_log_max_bytes (100000000)",
    ),
    "less than least": ({"autoscaling": SCALING | {"minReplicas": 20}}, "autoscaling.minReplicas"),
    "scaling by nothing": (
        {"autoscaling": SCALING | {"targetCPUUtilizationPercentage": None}},
        "autoscaling has nothing to go by",
    ),
    "scaling by a share of nothing": (
        {"autoscaling": SCALING, "workers": 2, "resources": {"requests": {"cpu": None}}},
        "a share of resources.requests.cpu",
    ),
    "scaling by a metric that nobody reads": (
        {"autoscaling": SCALING | {"queue": {"enabled": True}}, "metrics": {"enabled": False}},
        "autoscaling.queue goes by a metric",
    ),
    "a queue that nobody tells": (
        {"autoscaling": SCALING | {"engine": "keda", "queue": {"enabled": True}}},
        "autoscaling.queue.prometheusAddress",
    ),
    "two budgets": ({"podDisruptionBudget": {"minAvailable": 1}}, "minAvailable or maxUnavailable"),
    "no budget": (
        {"podDisruptionBudget": {"maxUnavailable": None}},
        "minAvailable or maxUnavailable",
    ),
    "a budget of all": (
        {"podDisruptionBudget": {"maxUnavailable": None, "minAvailable": 2}},
        "must be below the least number of pods (2)",
    ),
    "a budget of all, in percent": (
        {"podDisruptionBudget": {"maxUnavailable": None, "minAvailable": "100%"}},
        "no node could ever be drained",
    ),
    "a budget of one pod's half": (
        {"replicaCount": 1, "podDisruptionBudget": {"maxUnavailable": None, "minAvailable": "1%"}},
        "minAvailable (1%) must be below the least number of pods (1)",
    ),
    "a budget that is rounded up to all": (
        {"podDisruptionBudget": {"maxUnavailable": None, "minAvailable": "51%"}},
        "no node could ever be drained",
    ),
    "a budget of none": (
        {"podDisruptionBudget": {"maxUnavailable": 0}},
        "no node could ever be drained",
    ),
    "counted twice": (
        {"metrics": {"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}}},
        "counted twice",
    ),
    "a monitor without a key": (
        {"metrics": {"enabled": False, "serviceMonitor": {"enabled": True}}},
        "a monitor needs metrics.enabled",
    ),
    "one port for two": ({"metrics": {"port": 8080}}, "metrics.port is 8080"),
    "a scrape that outlasts its interval": (
        {"metrics": {"podMonitor": {"enabled": True, "interval": "1m", "scrapeTimeout": "1m30s"}}},
        "metrics.podMonitor.scrapeTimeout (1m30s) is above its interval (1m)",
    ),
    "a route that gives up first": (
        {"httpRoute": {"enabled": True, "parentRefs": [{"name": "g"}], "timeout": "1m30s500ms"}},
        "httpRoute.timeout (1m30s500ms) is below settings.deadline_max_ms (120 s)",
    ),
    "an ingress for nothing": ({"ingress": {"enabled": True}}, "ingress.hosts"),
    "a route from nowhere": ({"httpRoute": {"enabled": True}}, "httpRoute.parentRefs"),
    "a port of nodes inside of the cluster": (
        {"service": {"nodePort": 30_080}},
        "service.nodePort is a port of every node",
    ),
    "what the chart sets": (
        {"extraEnv": [{"name": "VERIFIER_PORT", "value": "1"}]},
        "extraEnv sets VERIFIER_PORT",
    ),
    "a variable twice": (
        {"extraEnv": [{"name": "TZ", "value": "UTC"}, {"name": "TZ", "value": "CET"}]},
        "extraEnv sets TZ twice",
    ),
    "toolsets that are none": (
        {"toolsets": {"files": {"README.md": "Ours.", "_shared.py": "A = 1"}}},
        "toolsets.files holds nothing that the service reads",
    ),
    "profiles that are none": (
        {"profiles": {"files": {"careful.json": "{}"}}},
        "profiles.files holds nothing that the service reads",
    ),
    "a variable of torchrun's": (
        {"trainer": TRAINER | {"extraEnv": [{"name": "PET_NNODES", "value": "2"}]}},
        "trainer.extraEnv sets PET_NNODES",
    ),
    "a second key for the trainer": (
        {"trainer": TRAINER | {"extraEnv": [{"name": "VERIFIER_API_KEY", "value": "k"}]}},
        "trainer.extraEnv sets VERIFIER_API_KEY",
    ),
    "no configuration": ({"trainer": TRAINER | {"preset": ""}}, "trainer.preset or trainer.config"),
    "two configurations": (
        {"trainer": TRAINER | {"config": {"max_steps": 1}}},
        "a run has one configuration",
    ),
    "a trainer without a key": (
        {"trainer": TRAINER | {"apiKeySecret": ""}},
        "trainer.apiKeySecret",
    ),
    "machines that share nothing": ({"trainer": TRAINER | {"nodes": 2}}, "ReadWriteMany"),
    "processes without GPUs": (
        {"trainer": TRAINER | {"processesPerNode": 8}},
        "trainer.processesPerNode is 8",
    ),
    "an override of ours": (
        {"trainer": TRAINER | {"overrides": {"resume": False}}},
        "trainer.overrides sets resume",
    ),
}

MALFORMED: dict[str, tuple[dict[str, Any], str]] = {
    "a misspelt value": ({"replicas": 3}, "replicas"),
    "a misspelt setting": ({"settings": {"max_bach": 3}}, "max_bach"),
    "a setting of the chart's": ({"settings": {"port": 80}}, "port"),
    "a setting out of range": ({"settings": {"completion_nesting": 1000}}, "completion_nesting"),
    "a setting that is no number": ({"settings": {"drain_s": "soon"}}, "drain_s"),
    "no pods": ({"replicaCount": 0}, "replicaCount"),
    "root": ({"runAsUser": 0}, "runAsUser"),
    "a port for the privileged": ({"metrics": {"port": 80}}, "metrics/port"),
    "a port that is none": ({"metrics": {"port": 70_000}}, "metrics/port"),
    "a digest that is none": ({"image": {"digest": "0.1.0"}}, "image/digest"),
    "a key that is too short": ({"auth": {"keys": ["k"]}}, "auth/keys"),
    "a key that no header can carry": ({"auth": {"keys": ["schlüssel"]}}, "auth/keys"),
    "a key that is a comment": ({"auth": {"keys": ["#long-enough"]}}, "auth/keys"),
    "a label with a blank": ({"commonLabels": {"team": "a b"}}, "commonLabels/team"),
    "a label that is too long": ({"podLabels": {"team": "x" * 64}}, "podLabels/team"),
    "a label's name with a blank": ({"podLabels": {"my team": "x"}}, "my team"),
    "another engine": ({"autoscaling": {"engine": "vpa"}}, "autoscaling/engine"),
    "another service type": ({"service": {"type": "ExternalName"}}, "service/type"),
    "a percentage above all": (
        {"podDisruptionBudget": {"maxUnavailable": "150%"}},
        "maxUnavailable",
    ),
    "a URL that is none": ({"trainer": {"verifierUrl": "verifier:8080"}}, "verifierUrl"),
    "an override that is no option": (
        {"trainer": {"overrides": {"report_to": ["mlflow"]}}},
        "overrides/report_to",
    ),
    "a loopback": ({"host": "127.0.0.1"}, "host"),
    "a name with dots": ({"fullnameOverride": "a.b"}, "fullnameOverride"),
    "a name that begins with a digit": ({"fullnameOverride": "1st"}, "fullnameOverride"),
    "a name that YAML takes for none": ({"fullnameOverride": "null"}, "fullnameOverride"),
    "a unit that Kubernetes does not know": (
        {"resources": {"limits": {"memory": "4GB"}}},
        "resources/limits/memory",
    ),
    "a repository with a tag": ({"image": {"repository": "verifier:0.1"}}, "image/repository"),
    "a registry with a scheme": ({"image": {"registry": "https://a.example"}}, "image/registry"),
    "an entry that is a folder": ({"auth": {"secretKey": ".."}}, "auth/secretKey"),
    "a ConfigMap twice": ({"toolsets": {"existingConfigMaps": ["a", "a"]}}, "existingConfigMaps"),
    "a selector of somebody else's": ({"service": {"spec": {"selector": {}}}}, "selector"),
    "an address without a scheme": (
        {"autoscaling": {"queue": {"prometheusAddress": "prometheus:9090"}}},
        "prometheusAddress",
    ),
    "a wire that there is none of": (
        {"settings": {"wire_unscored": {"openrfhl": 0}}},
        "openrfhl",
    ),
    "a number for a name": ({"image": {"tag": 20_251_120}}, "image/tag"),
    "a launch that there is none of": (
        {"trainer": {"accelerate": "fsdp"}},
        "trainer/accelerate",
    ),
    "a variable without a name": ({"extraEnv": [{"value": "1"}]}, "extraEnv"),
}


@pytest.mark.parametrize(("values", "told"), SENSELESS.values(), ids=SENSELESS)
def test_what_makes_no_sense_is_refused(values: dict[str, Any], told: str) -> None:
    with pytest.raises(HelmRenderError) as refusal:
        release(merged(SECRET, values))
    assert told in str(refusal.value)


@pytest.mark.parametrize(("values", "told"), MALFORMED.values(), ids=MALFORMED)
def test_the_schema_refuses_what_is_malformed(values: dict[str, Any], told: str) -> None:
    with pytest.raises(HelmValuesError) as refusal:
        chart().validate_schema(merged(SECRET, values))
    assert told in str(refusal.value)


@pytest.mark.parametrize(
    "memory", [4e9, "4e9", "4G", "3.5Gi", "4194304Ki", "4000000000000m", "1Pi"]
)
def test_an_amount_may_be_written_as_kubernetes_reads_it(memory: float | str) -> None:
    values = merged(SECRET, {"resources": {"limits": {"memory": memory}}})
    chart().validate_schema(values)
    assert release(values).the("Deployment")


@pytest.mark.parametrize("timeout", ["", "0s", "120s", "2m", "1h30m", "120000ms"])
def test_a_route_may_wait_for_ever_or_as_long_as_a_request(timeout: str) -> None:
    route = {"enabled": True, "parentRefs": [{"name": "g"}], "timeout": timeout}
    assert release(merged(SECRET, {"httpRoute": route})).the("HTTPRoute")


def test_the_default_values_say_what_is_missing() -> None:
    with pytest.raises(HelmRenderError, match=r"auth\.existingSecret is not set"):
        release({})
