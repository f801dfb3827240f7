"""Every environment variable of the service with its default, unit and range.

A variable is the field's name in capitals behind `VERIFIER_`: `port` is `VERIFIER_PORT`.
`docs/configuration.md` is written from this file, and a test holds the two together.
"""

from __future__ import annotations

import ipaddress
import math
import os
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from verifier_service.decode import LONE_SURROGATE
from verifier_service.score_log.conditions import MOST_DIGITS, MOST_NESTING, Conditions
from verifier_service.score_log.plan import Plan
from verifier_service.scoring.schema_patterns import compile_pattern
from verifier_service.scoring.types import Limits
from verifier_service.wires import WIRES

MIB = 1024 * 1024
_CGROUP_CPU = Path("/sys/fs/cgroup/cpu.max")
_NEARLY = 0.9
"""Of a name; a letter or two are wrong."""


def available_cores(cgroup_cpu: Path = _CGROUP_CPU) -> int:
    """Processors that this process may use: its affinity, and its cgroup's quota rounded up."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        quota, period = cgroup_cpu.read_text().split()
    except (OSError, ValueError):
        quota, period = "max", "1"
    cores = affinity or 1
    return cores if quota == "max" else max(1, min(cores, -(-int(quota) // int(period))))


class Settings(BaseSettings):
    """How the service runs. Only the entry points read the environment; the rest is handed this."""

    model_config = SettingsConfigDict(
        env_prefix="VERIFIER_", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8080, ge=0, le=65_535, description="TCP port; 0 takes a free one.")
    port_file: Path | None = Field(
        default=None, description="File that the port is written to once requests are taken."
    )
    metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65_535,
        description="Port of `/metrics`, without a key, and of probes that wait for no request; "
        "unset: on the main port, with a key.",
    )
    metrics_runs: int = Field(
        default=32,
        ge=0,
        le=10_000,
        description="Training runs that `/metrics` tells apart; those beyond are `other`.",
    )
    docs: bool = Field(default=True, description="Whether `/docs` and `/openapi.json` are served.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="`info` writes one line a request."
    )

    otel: bool = Field(
        default=False,
        description="Trace requests by OpenTelemetry; its own variables, `OTEL_…`, say where to.",
    )

    api_keys: SecretStr | None = Field(
        default=None, description="Keys that may call the service, separated by commas."
    )
    api_keys_file: Path | None = Field(
        default=None,
        description="File of keys, one a line, `#` begins a comment; read again when it changes.",
    )
    insecure: bool = Field(
        default=False, description="Serve other addresses than loopback without a key."
    )

    toolsets: Annotated[tuple[Path, ...], NoDecode] = Field(
        default=(),
        description="Toolset files or folders beside the shipped ones, separated like `PATH`.",
    )
    profiles: Annotated[tuple[Path, ...], NoDecode] = Field(
        default=(),
        description="Folders of reward profiles beside the shipped ones, separated likewise.",
    )

    workers: int = Field(
        default_factory=available_cores,
        ge=1,
        le=1024,
        description="Scoring processes; default: the available processors.",
    )
    worker_memory_bytes: int = Field(
        default=1024 * MIB,
        ge=128 * MIB,
        description="Address space of a scoring process, and of the score log's, in bytes; a "
        "scoring process remembers tasks and completions in three eighths of it.",
    )
    max_body_bytes: int = Field(
        default=64 * MIB, ge=1024, description="Largest request body in bytes; 413 beyond."
    )
    body_timeout_s: float = Field(
        default=60.0, gt=0, le=3600, description="Seconds a body may take to arrive; 408 beyond."
    )
    max_batch: int = Field(
        default=16_384, ge=1, description="Most completions in one request; 413 beyond."
    )
    queue_completions: int = Field(
        default=131_072, ge=1, description="Completions waiting or in work; 429 beyond."
    )
    queue_bytes: int = Field(
        default=1024 * MIB,
        ge=1024,
        description="Bytes of bodies waiting or in work and of answers being sent; 429 beyond.",
    )
    deadline_ms: int = Field(
        default=30_000, ge=1, description="Milliseconds a request may take if it does not say."
    )
    deadline_max_ms: int = Field(
        default=120_000, ge=1, description="Milliseconds a request may take at most."
    )
    drain_grace_s: float = Field(
        default=0.0,
        ge=0,
        le=3600,
        description="Seconds after SIGTERM in which requests are still taken while `/readyz` "
        "already says 503.",
    )
    drain_s: float = Field(
        default=120.0,
        ge=0,
        le=3600,
        description="Seconds after that in which running requests finish and answers are read.",
    )

    score_log: Path | None = Field(
        default=None,
        description="Folder that every verdict is kept in, with its task; unset: none is.",
    )
    score_log_max_bytes: int = Field(
        default=1024 * MIB,
        ge=2 * MIB,
        description="Bytes of all files of the score log; the oldest are removed.",
    )
    score_log_rotate_bytes: int = Field(
        default=64 * MIB, ge=MIB, description="Bytes after which a file of the score log is closed."
    )
    score_log_rotate_s: float = Field(
        default=3600.0,
        gt=0,
        le=31_536_000,
        description="Seconds after which a file of the score log is closed.",
    )
    score_log_queue_bytes: int = Field(
        default=64 * MIB,
        ge=MIB,
        description="Bytes that wait to be written to the score log; beyond, verdicts are dropped "
        "from the log and counted.",
    )
    score_log_completions: bool = Field(
        default=True, description="Whether the score log keeps what the policy wrote."
    )
    score_log_mask_names: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Names of members whose values the score log masks, separated by commas.",
    )
    score_log_mask_pointers: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="JSON Pointers into a line of the score log to what is masked, separated by "
        "commas; `*` stands for every member or element.",
    )
    score_log_mask_patterns: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Regular expressions of texts that the score log masks, one a line.",
    )

    wire_unscored: Annotated[Mapping[str, float], NoDecode] = Field(
        default={},
        description="What stands, on trainers' own wires, for a reward that does not exist: "
        "`openrlhf=0,slime=-1`. A wire that is not named refuses the request.",
    )

    item_timeout_ms: int = Field(
        default=250,
        ge=1,
        description="Milliseconds of processor time for one completion; beyond, its outcome is "
        "`timeout`.",
    )
    completion_bytes: int = Field(default=65_536, ge=1, description="Bytes of one completion.")
    completion_nesting: int = Field(
        default=64, ge=1, le=MOST_NESTING, description="Depth of JSON in a completion."
    )
    completion_calls: int = Field(default=32, ge=1, description="Calls in one completion.")
    number_digits: int = Field(
        default=400, ge=1, le=MOST_DIGITS, description="Digits of one number."
    )

    @field_validator("toolsets", "profiles", mode="before")
    @classmethod
    def _split_paths(cls, value: object) -> object:
        return value.split(os.pathsep) if isinstance(value, str) else value

    @field_validator("score_log", "port_file", mode="before")
    @classmethod
    def _nothing_is_unset(cls, value: object) -> object:
        return None if value == "" else value  # `Path("")` is the working folder

    @field_validator("score_log")
    @classmethod
    def _folder_is_utf8(cls, value: Path | None) -> Path | None:
        if LONE_SURROGATE.search(str(value)):
            raise ValueError("the name of the folder is not UTF-8")
        return value

    @field_validator("score_log_mask_names", "score_log_mask_pointers", mode="before")
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        return _parts(value, ",") if isinstance(value, str) else value

    @field_validator("score_log_mask_patterns", mode="before")
    @classmethod
    def _split_at_lines(cls, value: object) -> object:
        return _parts(value, "\n") if isinstance(value, str) else value

    @field_validator("score_log_mask_pointers")
    @classmethod
    def _pointers_are_some(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pointer in value:
            if not pointer.startswith("/"):
                raise ValueError("a JSON Pointer begins with /")
        return value

    @field_validator("score_log_mask_patterns")
    @classmethod
    def _patterns_are_quick(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for number, pattern in enumerate(value, 1):
            if not compile_pattern(pattern).linear:
                raise ValueError(f"pattern {number} looks around or back, or is too large")
        return value

    @field_validator("wire_unscored", mode="before")
    @classmethod
    def _split_wires(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
        return {name.strip(): number.strip() for name, _, number in pairs}

    @field_validator("wire_unscored")
    @classmethod
    def _wires_are_known(cls, value: Mapping[str, float]) -> Mapping[str, float]:
        for name, number in value.items():
            if name not in WIRES:
                raise ValueError(f"no wire is named {name[:40]!r}; there is {', '.join(WIRES)}")
            if not math.isfinite(number):
                raise ValueError(f"{name} must be a finite number")
        return value

    @model_validator(mode="after")
    def _deadlines_agree(self) -> Self:
        if self.deadline_ms > self.deadline_max_ms:
            raise ValueError("deadline_ms is above deadline_max_ms")
        return self

    @model_validator(mode="after")
    def _score_log_holds_two_files(self) -> Self:
        if self.score_log_max_bytes < 2 * self.score_log_rotate_bytes:
            raise ValueError("score_log_max_bytes is below twice score_log_rotate_bytes")
        return self

    @property
    def score_log_plan(self) -> Plan | None:
        """What the score log is to be; None for none."""
        if self.score_log is None:
            return None
        return Plan(
            str(self.score_log.absolute()),
            self.score_log_max_bytes,
            self.score_log_rotate_bytes,
            self.score_log_rotate_s,
            self.score_log_completions,
            self.score_log_mask_names,
            self.score_log_mask_pointers,
            self.score_log_mask_patterns,
            self.worker_memory_bytes,
            self.conditions.as_json(),
        )

    @property
    def conditions(self) -> Conditions:
        """What decides a reward besides toolsets and profiles."""
        unscored = tuple(sorted(self.wire_unscored.items()))
        return Conditions(self.limits, self.item_timeout_ms / 1000, unscored)

    @property
    def limits(self) -> Limits:
        """What one completion may hold."""
        return Limits(
            completion_bytes=self.completion_bytes,
            nesting=self.completion_nesting,
            calls=self.completion_calls,
            digits=self.number_digits,
        )

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach `host`."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def misspelt(environment: Iterable[str]) -> dict[str, str]:
    """Variables that are no setting but nearly one: what may be meant, by name."""
    settings = {f"VERIFIER_{name.upper()}" for name in Settings.model_fields}
    ours = sorted({name for name in environment if name.startswith("VERIFIER_")} - settings)
    meant = {name: get_close_matches(name, settings, 1, _NEARLY) for name in ours}
    return {name: found[0] for name, found in meant.items() if found}


def _parts(text: str, separator: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(separator) if part.strip())


def settings_faults(error: ValidationError) -> str:
    """What is wrong with the settings, by the names of their variables; no value is repeated."""
    return "; ".join(
        f"VERIFIER_{str(found['loc'][0]).upper()}: {found['msg']}" if found["loc"] else found["msg"]
        for found in error.errors(include_url=False, include_input=False)
    )
