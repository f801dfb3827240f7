"""A verdict as trainers log it."""

from __future__ import annotations

from verifier_service.client import Verdict
from verifier_service.measures import measures


def measures_of(verdict: Verdict) -> dict[str, float]:
    """A verdict as numbers under constant names: see `verifier_service.measures`."""
    return measures(verdict.tier, verdict.components, scored=verdict.reward is not None)
