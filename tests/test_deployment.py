"""The settings, the images and the chart agree on ports, variables, versions and files."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.chart.rendering import CHART, environment, release
from tests.chart.settings_schema import SET_BY_THE_CHART
from tests.chart.value_sets import VALUE_SETS
from verifier_service import __version__
from verifier_service.settings import Settings

ROOT = Path(__file__).parent.parent
DOCKERFILES = ("Dockerfile", "Dockerfile.trainer")
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)
VARIABLES = {f"VERIFIER_{name.upper()}" for name in Settings.model_fields}

SERVER = release(VALUE_SETS["toolsets"]).component("server")
(CONTAINER,) = SERVER.spec["containers"]


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def instructions(name: str, keyword: str) -> list[str]:
    """The arguments of each instruction of a Dockerfile."""
    joined = read(name).replace("\\\n", " ")
    lines = (line.split(maxsplit=1) for line in joined.splitlines() if line.strip())
    return [line[1] for line in lines if line[0] == keyword]


def pins(name: str) -> dict[str, str]:
    return {
        str(canonicalize_name(package)): version for package, version in PIN.findall(read(name))
    }


def test_the_image_exposes_the_port_of_the_settings() -> None:
    assert instructions("Dockerfile", "EXPOSE") == [str(Settings.model_fields["port"].default)]


def test_the_chart_serves_on_the_port_that_the_image_exposes() -> None:
    assert SERVER.ports["http"] == int(environment(CONTAINER)["VERIFIER_PORT"])
    assert instructions("Dockerfile", "EXPOSE") == [environment(CONTAINER)["VERIFIER_PORT"]]


def test_the_chart_scrapes_the_port_that_it_sets() -> None:
    assert SERVER.ports["metrics"] == int(environment(CONTAINER)["VERIFIER_METRICS_PORT"])


@pytest.mark.parametrize("name", VALUE_SETS)
def test_the_chart_sets_variables_that_the_service_reads(name: str) -> None:
    made = release(VALUE_SETS[name])
    (container,) = made.component("server").spec["containers"]
    written = {
        variable
        for source in [
            environment(container),
            *(each.get("data", {}) for each in made.of("ConfigMap")),
        ]
        for variable in source
        if variable.startswith("VERIFIER_")
    }
    assert written <= VARIABLES


def test_every_setting_is_a_value_of_the_chart_or_set_by_it() -> None:
    templates = "".join(file.read_text("utf-8") for file in (CHART / "templates").glob("*.yaml"))
    assert SET_BY_THE_CHART.keys() <= Settings.model_fields.keys()
    for variable in filter(None, SET_BY_THE_CHART.values()):
        assert f"name: {variable}\n" in templates


@pytest.mark.parametrize("name", DOCKERFILES)
def test_images_set_variables_that_are_read(name: str) -> None:
    written = re.findall(r"\b(VERIFIER_\w+)=", " ".join(instructions(name, "ENV")))
    assert set(written) <= VARIABLES


@pytest.mark.parametrize("name", DOCKERFILES)
def test_images_have_two_stages_on_a_base_that_is_an_argument(name: str) -> None:
    assert instructions(name, "FROM") == ["${BASE_IMAGE} AS build", "${BASE_IMAGE}"]
    assert read(name).index("ARG BASE_IMAGE=") < read(name).index("FROM")


@pytest.mark.parametrize("name", DOCKERFILES)
def test_images_run_as_the_user_of_the_chart(name: str) -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    user = values if name == "Dockerfile" else values["trainer"]
    assert instructions(name, "USER") == [f"{user['runAsUser']}:{user['runAsGroup']}"]


@pytest.mark.parametrize("name", DOCKERFILES)
def test_images_start_a_program_and_no_shell(name: str) -> None:
    (entrypoint,) = instructions(name, "ENTRYPOINT")
    assert entrypoint in {'["verifier"]', '["trainer"]'}


@pytest.mark.parametrize("name", DOCKERFILES)
def test_images_copy_what_the_build_context_holds(name: str) -> None:
    context = {line[1:] for line in read(".dockerignore").splitlines() if line.startswith("!")}
    copied = [each.split()[:-1] for each in instructions(name, "COPY") if not each.startswith("--")]
    sources = {source for sources in copied for source in sources}
    assert sources <= context
    assert all((ROOT / source).exists() for source in context)


def test_everything_that_goes_into_the_wheel_is_in_the_build_context() -> None:
    packages = tomllib.loads(read("pyproject.toml"))["tool"]["hatch"]["build"]["targets"]["wheel"][
        "packages"
    ]
    for name in DOCKERFILES:
        copied = {each.split()[0] for each in instructions(name, "COPY")}
        assert set(packages) <= copied


def test_the_versions_are_one() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    assert chart["appVersion"] == __version__
    assert {
        each
        for name in DOCKERFILES
        for each in instructions(name, "ARG")
        if each.startswith("VERSION")
    } == {f"VERSION={__version__}"}


def test_the_image_installs_the_versions_that_the_tests_ran_with() -> None:
    tested = pins("constraints.txt")
    installed = pins("requirements-image.txt") | pins("requirements-image-build.txt")
    del installed["colorama"]  # for Windows, where no test runs
    assert installed == {name: tested[name] for name in installed}


def test_the_image_installs_all_that_the_server_needs_and_nothing_of_the_trainer() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    extras = project["optional-dependencies"]
    needed = {
        canonicalize_name(Requirement(each).name)
        for each in project["dependencies"] + extras["server"] + extras["otel"]
    }
    training = {
        canonicalize_name(Requirement(each).name) for each in extras["trainer"] + extras["vllm"]
    }
    installed = pins("requirements-image.txt").keys()
    assert needed <= installed
    assert not training & installed


@pytest.mark.parametrize("name", ["requirements-image.txt", "requirements-image-build.txt"])
def test_every_pin_has_a_hash(name: str) -> None:
    written = read(name).replace("\\\n", " ").splitlines()
    assert [line for line in written if "--hash=sha256:" not in line] == []


def test_the_chart_knows_every_health_endpoint_it_probes() -> None:
    probed = {
        CONTAINER[f"{probe}Probe"]["httpGet"]["path"]
        for probe in ("startup", "liveness", "readiness")
    }
    routes = (ROOT / "verifier_service" / "routes.py").read_text("utf-8")
    assert probed == {"/healthz", "/readyz"}
    assert all(f'"{path}"' in routes for path in probed)
