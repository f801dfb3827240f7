"""Values that the chart must make sense of: each file of its `ci`, and those that combine them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import yaml

from tests.chart.rendering import CHART

Values = dict[str, Any]

LONGEST_RELEASE: Final = "a-verifier-service-with-the-longest-name-helm-accepts"
assert len(LONGEST_RELEASE) == 53

COMBINATIONS: Final = (
    ("hpa", "toolsets", "settings"),
    ("hpa", "service-monitor", "network"),
    ("keda", "ingress", "image"),
    ("keys", "extras", "trainer-preset"),
    ("settings", "placement", "pod-monitor"),
    ("no-auth", "trainer-sft", "open-network"),
    ("trainer-machines", "image", "placement"),
    ("trainer-jobset", "hpa", "extras"),
    ("trainer-jobset", "no-metrics", "toolsets"),
    ("single", "keys", "settings"),
    ("single", "httproute", "no-metrics"),
    ("load-balancer", "toolsets", "extras"),
)
"""Files of `ci` that are given together, the later over the earlier."""


def _read(name: str) -> Values:
    values: Values = yaml.safe_load((CHART / "ci" / f"{name}-values.yaml").read_text("utf-8"))
    return values


def merged(below: Values, above: Values) -> Values:
    """As Helm merges values: maps by key, all else replaced."""
    both = {
        key: merged(below[key], value)
        for key, value in above.items()
        if isinstance(value, dict) and isinstance(below.get(key), dict)
    }
    return below | above | both


def _combined(names: tuple[str, ...]) -> Values:
    values: Values = {}
    for name in names:
        values = merged(values, _read(name))
    auth = values["auth"]
    if "keys" in auth:
        auth.pop("existingSecret", None)
    if auth.get("enabled") is False:
        values["auth"] = {"enabled": False}
    return values


def _sets() -> Iterator[tuple[str, Values]]:
    for file in sorted((CHART / "ci").glob("*-values.yaml")):
        name = file.name.removesuffix("-values.yaml")
        yield name, _read(name)
    for names in COMBINATIONS:
        yield " ".join(names), _combined(names)


VALUE_SETS: Final = dict(_sets())
SECRET: Final[Values] = {"auth": {"existingSecret": "verifier-keys"}}
"""The least that the chart needs."""
