"""Profiles from YAML files and from entry points."""

from __future__ import annotations

import hashlib
import importlib.resources
import inspect
from collections.abc import Iterable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Final, Protocol

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from sandbox_tools.types import Json
from verifier_service.scoring.profiles.rules import (
    AdditiveSpec,
    GradedSpec,
    Profile,
    Reward,
    TieredSpec,
    ToolRLSpec,
)
from verifier_service.scoring.values import canonical_json

ENTRY_POINT_GROUP: Final = "verifier_service.profiles"
"""A distribution registers `name = "module:rule"`; `rule(judgement) -> float` in [0, 1]."""

_SPEC: Final[TypeAdapter[TieredSpec | GradedSpec | AdditiveSpec | ToolRLSpec]] = TypeAdapter(
    Annotated[TieredSpec | GradedSpec | AdditiveSpec | ToolRLSpec, Field(discriminator="kind")]
)


class ProfileError(Exception):
    """A profile cannot be loaded; says which, what is wrong and what to do."""


class _EntryPoint(Protocol):
    @property
    def name(self) -> str: ...
    def load(self) -> Reward: ...


def shipped_profiles() -> dict[str, Profile]:
    """The profiles of scoring.md section 7, by name."""
    folder = importlib.resources.files("verifier_service.scoring.profiles") / "shipped"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".yaml")), key=lambda f: f.name)
    return _by_name(read_profile(f.read_text("utf-8"), f.name) for f in files)


def load_profiles(directory: Path) -> dict[str, Profile]:
    """Every `*.yaml` profile of a directory, by name.

    Raises:
        ProfileError: The directory or a file in it is wrong.
    """
    if not directory.is_dir():
        raise ProfileError(f"{directory}: no such directory; give a folder of *.yaml profiles.")
    files = sorted([*directory.glob("*.yaml"), *directory.glob("*.yml")])
    return _by_name(read_profile(f.read_text("utf-8"), str(f)) for f in files)


def registered_profiles(points: Iterable[_EntryPoint] | None = None) -> dict[str, Profile]:
    """Profiles that installed distributions register as Python callables."""
    found = entry_points(group=ENTRY_POINT_GROUP) if points is None else points
    return _by_name(_from_callable(point) for point in found)


def read_profile(text: str, source: str) -> Profile:
    """One profile from the text of a YAML file; `source` names it in errors.

    Raises:
        ProfileError: Not YAML, an unknown field, a weight out of range.
    """
    try:
        raw: Json = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ProfileError(f"{source}: not YAML: {error}") from None
    try:
        spec = _SPEC.validate_python(raw)
    except ValidationError as error:
        raise ProfileError("; ".join(_faults(error, source))) from None
    lowest, highest = spec.bounds
    return Profile(
        name=spec.name,
        description=spec.description,
        digest=_digest(spec.model_dump(mode="json", by_alias=True)),
        rule=spec.rule(),
        lowest=lowest,
        highest=highest,
        caps=spec.caps,
    )


def _faults(error: ValidationError, source: str) -> Iterator[str]:
    for fault in error.errors(include_url=False, include_input=False):
        # The first part of a location is the kind that discriminates, not a field.
        field = ".".join(str(part) for part in fault["loc"][1:]) or "kind"
        yield f"{source}: {field}: {fault['msg']}"


def _from_callable(point: _EntryPoint) -> Profile:
    rule = point.load()
    try:
        source = inspect.getsource(rule)
    except (OSError, TypeError):
        raise ProfileError(
            f"profile {point.name}: its source cannot be read, so it cannot have a digest; "
            "register a function of a module"
        ) from None
    summary = (inspect.getdoc(rule) or "").partition("\n")[0]
    digest = _digest({"name": point.name, "source": source})
    return Profile(point.name, summary, digest, rule)


def _digest(spec: Json) -> str:
    return f"sha256:{hashlib.sha256(canonical_json(spec)).hexdigest()}"


def _by_name(profiles: Iterable[Profile]) -> dict[str, Profile]:
    loaded: dict[str, Profile] = {}
    for profile in profiles:
        if profile.name in loaded:
            raise ProfileError(f"two profiles are named {profile.name}; rename one")
        loaded[profile.name] = profile
    return loaded
