"""`make` builds the image with what is there, and describes what the image installs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("target", ["image", "image-trainer"])
def test_a_missing_builder_is_named(target: str) -> None:
    refused = make(target, "BUILDER=")
    assert refused.returncode == 2
    assert "docker, podman or buildah is needed" in refused.stderr


def test_a_bill_of_materials_is_of_what_the_image_installs() -> None:
    steps = make("--dry-run", "--always-make", "sbom").stdout
    install, describe = (
        next(line for line in steps.splitlines() if word in line)
        for word in ("requirements-image.txt", "cyclonedx-py")
    )
    assert "--require-hashes" in install
    assert describe.split()[-1] == ".venv-image/bin/python"
    assert ".venv-image/bin/python" in install


@pytest.mark.parametrize("target", ["image", "image-trainer", "test-image", "sbom", "audit"])
def test_a_file_of_its_name_stops_no_target(target: str) -> None:
    phony = (ROOT / "Makefile").read_text("utf-8").partition(".PHONY:")[2].partition("\n")[0]
    assert target in phony.split()
