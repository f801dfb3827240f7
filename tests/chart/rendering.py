"""The chart as Helm renders it, as Kubernetes' objects."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml
from helm_python import Chart, _native

CHART: Final = Path(__file__).parents[2] / "helm" / "verifier-service"
KUBERNETES: Final = ("1.30", "1.32", "1.34", "1.37")
OPERATOR: Final = "monitoring.coreos.com/v1"

Values = Mapping[str, Any]
Object = dict[str, Any]


@cache
def chart(folder: Path = CHART) -> Chart:
    return Chart.load(folder)


def files(
    values: Values,
    *,
    release: str = "r",
    kubernetes: str = KUBERNETES[-1],
    apis: tuple[str, ...] = (OPERATOR,),
    folder: Path = CHART,
) -> dict[str, str]:
    """Every template's text, by path.

    `Chart.render` takes neither the cluster's version nor its APIs; what it calls does.
    """
    options = {
        "name": release,
        "namespace": "ns",
        "kube_version": f"v{kubernetes}.0",
        "api_versions": apis,
    }
    arguments = (chart(folder)._raw(), json.dumps(values), json.dumps(options))
    rendered: dict[str, str] = json.loads(_native.call_string("helm_render", *arguments))
    return rendered


def notes(values: Values, **options: Any) -> str:
    """What Helm prints after an installation."""
    return next(
        text for path, text in files(values, **options).items() if path.endswith("NOTES.txt")
    )


@dataclass(frozen=True, slots=True)
class Pods:
    """Pods of one template: of a Deployment, a Job, a JobSet's Job, or a single Pod."""

    owner: Object
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    spec: Object

    @property
    def containers(self) -> list[Object]:
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]

    @property
    def ports(self) -> dict[str, int]:
        return {
            port["name"]: port["containerPort"]
            for container in self.spec["containers"]
            for port in container.get("ports", [])
        }


@dataclass(frozen=True, slots=True)
class Release:
    """All objects of a rendered chart."""

    objects: tuple[Object, ...]

    def of(self, kind: str) -> list[Object]:
        return [each for each in self.objects if each["kind"] == kind]

    def the(self, kind: str) -> Object:
        (only,) = self.of(kind)
        return only

    def named(self, kind: str) -> set[str]:
        return {each["metadata"]["name"] for each in self.of(kind)}

    @property
    def pods(self) -> list[Pods]:
        return [_pods(owner, template) for owner, template in self._templates()]

    @property
    def jobs(self) -> list[Object]:
        """Jobs, and those that JobSets would make, as objects of their own."""
        return [*self.of("Job"), *(_job(each) for each in self.of("JobSet"))]

    def component(self, name: str) -> Pods:
        (only,) = (pods for pods in self.pods if pods.labels["app.kubernetes.io/component"] == name)
        return only

    def selected(self, labels: Mapping[str, str]) -> list[Pods]:
        return [pods for pods in self.pods if labels.items() <= pods.labels.items()]

    def _templates(self) -> Iterator[tuple[Object, Object]]:
        yield from ((each, each) for each in self.of("Pod"))
        yield from (
            (each, each["spec"]["template"]) for each in [*self.of("Deployment"), *self.jobs]
        )


def release(values: Values, **options: Any) -> Release:
    """The objects that the chart makes of these values."""
    texts = (text for path, text in files(values, **options).items() if not path.endswith(".txt"))
    parsed = (each for text in texts for each in yaml.load_all(text, yaml.CSafeLoader))
    return Release(tuple(each for each in parsed if each))


def environment(container: Object) -> dict[str, Any]:
    """The variables that a container's own list sets."""
    return {
        each["name"]: each.get("value", each.get("valueFrom")) for each in container.get("env", [])
    }


def _pods(owner: Object, template: Object) -> Pods:
    metadata = template["metadata"]
    return Pods(owner, metadata["labels"], metadata.get("annotations", {}), template["spec"])


def _job(job_set: Object) -> Object:
    (replicated,) = job_set["spec"]["replicatedJobs"]
    name = f"{job_set['metadata']['name']}-{replicated['name']}-0"
    metadata = {**job_set["metadata"], "name": name}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, **replicated["template"]}
