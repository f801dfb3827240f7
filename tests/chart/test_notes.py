"""What Helm prints after an installation: the call to try, and what is weak."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chart.rendering import notes
from tests.chart.value_sets import SECRET, VALUE_SETS, merged

WEAK: dict[str, tuple[dict[str, Any], str]] = {
    "no keys": ({"auth": {"enabled": False, "existingSecret": ""}}, "auth.enabled is false"),
    "keys in the values": (
        {"auth": {"existingSecret": "", "keys": ["long-enough"]}},
        "release history",
    ),
    "no network policy": ({"networkPolicy": {"enabled": False}}, "networkPolicy.enabled is false"),
    "clear text": (
        {"ingress": {"enabled": True, "hosts": [{"host": "a.example.com"}]}},
        "ingress.tls is empty",
    ),
    "one pod": ({"replicaCount": 1}, "replicaCount is 1"),
    "no limit of memory": (
        {"resources": {"limits": {"memory": None}}},
        "resources.limits.memory is unset",
    ),
    "too little memory for many workers": (
        {"workers": 16},
        "resources.limits.memory is 3Gi, and 16 workers may take 14080Mi",
    ),
    "too little memory for what workers remember": (
        {"settings": {"worker_memory_bytes": 2_147_483_648}},
        "2 workers may take 3536Mi",
    ),
    "too little memory for the lines that wait": (
        {"scoreLog": {"enabled": True}, "settings": {"score_log_queue_bytes": 536_870_912}},
        "2 workers may take 3325Mi",
    ),
    "too little memory for many CPUs": (
        {"resources": {"requests": {"cpu": "7500m"}}},
        "8 workers may take",
    ),
    "latest": ({"image": {"tag": "latest"}}, "image.tag is latest"),
    "numbers for nothing": (
        {"settings": {"wire_unscored": {"openrlhf": 0}}},
        "verifier_wire_unscored_total",
    ),
}


@pytest.mark.parametrize(("values", "told"), WEAK.values(), ids=WEAK)
def test_weak_values_are_warned_of(values: dict[str, Any], told: str) -> None:
    said = notes(merged(SECRET, values))
    assert told in said.partition("WARNING")[2]


def test_sound_values_bring_no_warning() -> None:
    assert "WARNING" not in notes(SECRET)


def test_a_monitor_that_was_left_out_is_told() -> None:
    assert "monitors and rules were left out" in notes(VALUE_SETS["service-monitor"], apis=())


def test_the_call_to_try_takes_the_key_from_its_secret() -> None:
    said = notes(VALUE_SETS["extras"], release="mine")
    assert (
        "kubectl get secret verifier-keys --namespace ns -o jsonpath='{.data.keys\\.txt}'" in said
    )
    assert "service/mine-verifier-service 8080:8080" in said
    assert "helm test mine --namespace ns" in said


def test_a_run_is_named() -> None:
    assert "Job r-verifier-service-trainer-" in notes(VALUE_SETS["trainer-preset"])
