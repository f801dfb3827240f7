"""Profiles from YAML files and from entry points."""

from __future__ import annotations

import hashlib
import importlib.resources
import inspect
from collections.abc import Iterable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Final, Protocol

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from sandbox_tools import yaml_file
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


def load_profiles(path: Path) -> dict[str, Profile]:
    """The profile of a file, or every `*.yaml` and `*.yml` profile of a directory, by name.

    Raises:
        ProfileError: There is none, or a file is wrong.
    """
    if not path.exists():
        raise ProfileError(f"{path}: no such directory or file; give one with *.yaml profiles.")
    if not path.is_dir():
        return _by_name([_read_file(path)])
    files = sorted([*path.glob("*.yaml"), *path.glob("*.yml")])
    if not files:
        raise ProfileError(f"{path}: no *.yaml profile is in this directory.")
    return _by_name(map(_read_file, files))


def _read_file(path: Path) -> Profile:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"not UTF-8: {error}"
        raise ProfileError(f"{path}: cannot be read: {reason}") from None
    return read_profile(text, str(path))


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
        raw = yaml_file.read(text).value
    except yaml_file.YamlError as error:
        where = source if error.line is None else f"{source}:{error.line}"
        raise ProfileError(f"{where}: not YAML: {error.message}") from None
    if not isinstance(raw, dict):
        found = "it is empty" if raw is None else "it is no mapping"
        raise ProfileError(f"{source}: {found}; a profile has at least a name and a kind")
    try:
        spec = _SPEC.validate_python(raw)
    except ValidationError as error:
        raise ProfileError("; ".join(_faults(error, source))) from None
    lowest, highest = spec.bounds
    settings = spec.model_dump(mode="json", by_alias=True)
    return Profile(
        name=spec.name,
        description=spec.description,
        digest=_digest(settings),
        rule=spec.rule(),
        lowest=lowest,
        highest=highest,
        caps=spec.caps,
        settings={"kind": spec.kind}
        | {name: settings[name] for name in ("partial", "weights", "caps") if name in settings},
    )


def _faults(error: ValidationError, source: str) -> Iterator[str]:
    for fault in error.errors(include_url=False, include_input=False):
        # The first part of a location is the kind that discriminates, not a field.
        place = [str(part) for part in fault["loc"][1:] if part != "[key]"]
        yield f"{source}: {'.'.join(place) or 'kind'}: {_reason(fault)}"


def _reason(fault: ErrorDetails) -> str:
    if fault["type"] in {"union_tag_not_found", "union_tag_invalid"}:
        return "needed, one of tiered, graded, additive and toolrl"
    if fault["type"] == "enum":
        return "no failure code; docs/failure-codes.md lists them"
    return fault["msg"].removeprefix("Value error, ")


def _from_callable(point: _EntryPoint) -> Profile:
    try:
        rule = point.load()
    except Exception as error:
        reason = f"{type(error).__name__}: {str(error)[:200]}"
        raise ProfileError(f"profile {point.name}: importing it raises {reason}") from error
    try:
        source = inspect.getsource(rule)
    except (OSError, TypeError):
        raise ProfileError(
            f"profile {point.name}: its source cannot be read, so it cannot have a digest; "
            "register a function of a module"
        ) from None
    summary = (inspect.getdoc(rule) or "").partition("\n")[0]
    digest = _digest({"name": point.name, "source": source})
    return Profile(point.name, summary, digest, rule, settings={"kind": "python"})


def _digest(spec: Json) -> str:
    return f"sha256:{hashlib.sha256(canonical_json(spec)).hexdigest()}"


def _by_name(profiles: Iterable[Profile]) -> dict[str, Profile]:
    loaded: dict[str, Profile] = {}
    for profile in profiles:
        if profile.name in loaded:
            raise ProfileError(f"two profiles are named {profile.name}; rename one")
        loaded[profile.name] = profile
    return loaded
