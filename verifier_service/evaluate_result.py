"""eval-protocol's `EvaluateResult`, as `/evaluate` answers it and the evaluator returns it.

Source: eval-protocol 0.3 and reward-kit, `models.py` of both.
"""

from __future__ import annotations

from collections.abc import Mapping

from verifier_service.carrier import Json
from verifier_service.measures import COMPONENTS


def evaluate_result(
    score: float, components: Mapping[str, float | None], reason: str, *, scored: bool
) -> dict[str, Json]:
    """Its members; the metrics have the same names for every verdict.

    Args:
        score: The reward, or what stands for one that does not exist.
        reason: Why the reward is not 1.0, or why there is none.
    """
    measured = {name: _component(components.get(name)) for name in COMPONENTS}
    result = {
        "score": score,
        "is_score_valid": scored,
        "reason": reason,
        "metrics": {**measured, "unscored": _metric(float(not scored))},
    }
    return result if scored else {**result, "error": reason}


def _component(value: float | None) -> dict[str, Json]:
    return _metric(0.0, "does not apply", valid=False) if value is None else _metric(value)


def _metric(score: float, reason: str = "", *, valid: bool = True) -> dict[str, Json]:
    """reward-kit reads `success` where eval-protocol reads `is_score_valid`."""
    return {"score": score, "is_score_valid": valid, "success": valid, "reason": reason}
