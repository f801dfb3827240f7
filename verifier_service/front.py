"""What the endpoints share: the records behind them, and problems as HTTP responses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from verifier_service import problems
from verifier_service.admission import Admission
from verifier_service.catalog import Catalog
from verifier_service.metrics import Metrics
from verifier_service.probes import Pulse
from verifier_service.runner import Runner
from verifier_service.score_log.channel import ScoreLog
from verifier_service.settings import Settings
from verifier_service.wire import Problem

RETRY_SOON_S: Final = 1
DEPARTURE: Final = "departure"
"""In the state of a request: a future that is done when the caller has left."""
WHOLE: Final = "whole"
"""In the state of a request: true when its body is there before anybody asks for it."""
CLIENT_GONE: Final = 499
"""Status of a request whose caller left; nobody receives it, only logs and metrics show it."""


@dataclass(frozen=True, slots=True)
class Front:
    """Everything that a request may need."""

    settings: Settings
    runner: Runner
    catalog: Catalog
    admission: Admission
    metrics: Metrics
    score_log: ScoreLog | None
    """Where verdicts are kept; None for nowhere."""
    pulse: Pulse
    """Of the event loop that answers submissions."""


def problem_response(
    problem: Problem, headers: dict[str, str] | None = None, *, retry_after_s: int | None = None
) -> Response:
    """A problem document with its status; `Retry-After` where the caller may try again."""
    headers = dict(headers or {})
    if retry_after_s is not None:
        headers["Retry-After"] = str(retry_after_s)
    return Response(problems.encode(problem), problem.status, headers, problems.MEDIA_TYPE)
