"""Joins toolsets, profiles, scoring processes and the HTTP front into a running service."""

from __future__ import annotations

import sys
from functools import partial
from typing import Final

from sandbox_tools import ToolsetError
from verifier_service.catalog import Catalog, toolset_detail
from verifier_service.engine import Engine, EngineConfig
from verifier_service.handler import build_handler
from verifier_service.scoring.parse import format_names
from verifier_service.scoring.profiles import ProfileError
from verifier_service.scoring.text import available_languages
from verifier_service.server import REFUSED, run
from verifier_service.settings import Settings
from verifier_service.wire import ProfileModel
from verifier_service.workers import WorkerPool

PATIENCE_S: Final = 2.0
"""Beyond a completion's own limit, before its worker is taken for stuck: the limit interrupts all
but calls into C and sleep. Decoding gets time in proportion to the body, besides."""


def serve(settings: Settings) -> int:
    """Load everything and serve until a signal; returns the exit code of the process."""
    config = EngineConfig(
        toolsets=settings.toolsets,
        profiles=settings.profiles,
        limits=settings.limits,
        item_timeout_s=settings.item_timeout_ms / 1000,
        deadline_s=settings.deadline_ms / 1000,
        max_batch=settings.max_batch,
        memory_bytes=settings.worker_memory_bytes * 3 // 8,
        wire_unscored=settings.wire_unscored,
    )
    try:
        loaded = catalog(Engine(config))
    except (ToolsetError, ProfileError) as error:
        return refuse(str(error))
    pool = WorkerPool(
        partial(build_handler, config),
        workers=settings.workers,
        hang_s=PATIENCE_S + settings.item_timeout_ms / 1000,
        memory_bytes=settings.worker_memory_bytes,
        readable=settings.toolsets + settings.profiles,
    )
    return run(settings, pool, loaded)


def refuse(reason: str) -> int:
    """Say why the service does not start; returns the exit code for that."""
    sys.stderr.write(f"verifier: {reason}\n")
    return REFUSED


def catalog(engine: Engine) -> Catalog:
    """What the service describes to its callers."""
    return Catalog(
        toolsets={name: toolset_detail(toolset) for name, toolset in engine.toolsets.items()},
        profiles={
            name: ProfileModel(name=name, digest=profile.digest, description=profile.description)
            for name, profile in engine.profiles.items()
        },
        formats=sorted(format_names()),
        languages=sorted(available_languages()),
    )
