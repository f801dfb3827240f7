"""The service without HTTP: the same requests in, the same answers out, in this process."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

from sandbox_tools.types import Json
from verifier_service import encode
from verifier_service.decode import decode_body
from verifier_service.engine import Engine, EngineConfig
from verifier_service.handler import RequestHandler
from verifier_service.jobs import Call, Job, Task
from verifier_service.score_log.conditions import Conditions
from verifier_service.scoring.types import Failure, Options
from verifier_service.setting import Setting


class RequestRefused(Exception):
    """The request itself is wrong: `problem` is the RFC 9457 document that HTTP would send."""

    def __init__(self, problem: dict[str, Json]) -> None:
        self.problem = problem
        faults = [f"{fault['pointer']}: {fault['detail']}" for fault in problem.get("errors", [])]
        super().__init__("; ".join([str(problem["detail"]), *faults]))


class LocalVerifier:
    """Scores in this process, with the verdicts that the service would give.

    Not covered: a completion that takes the process down takes the caller down; the service would
    replace its worker. A completion that takes too long is a `timeout` here as there, as long as
    this is called from the main thread.
    """

    def __init__(self, config: EngineConfig | None = None) -> None:
        # Nobody waits here but the caller, who may ask for as much, and take as long, as it likes.
        unlimited = replace(
            config or EngineConfig(), deadline_s=float("inf"), max_batch=sys.maxsize
        )
        self.engine = Engine(unlimited)
        self._handler = RequestHandler(self.engine)

    def under(self, conditions: Conditions) -> LocalVerifier:
        """One with the same toolsets and profiles, and the settings of some service."""
        config = replace(
            self.engine.config,
            limits=conditions.limits,
            item_timeout_s=conditions.item_timeout_s,
            wire_unscored=dict(conditions.wire_unscored),
        )
        return self if config == self.engine.config else LocalVerifier(config)

    def score(self, request: Mapping[str, Json]) -> dict[str, Json]:
        """The answer of `POST /score` to this request.

        Raises:
            RequestRefused: Where the service would answer 4xx.
        """
        return self._answer(Task.SCORE, request)

    def parse(self, request: Mapping[str, Json]) -> dict[str, Json]:
        """The answer of `POST /parse` to this request.

        Raises:
            RequestRefused: Where the service would answer 4xx.
        """
        return self._answer(Task.PARSE, request)

    def answer_wire(self, wire: str, query: str, request: Json) -> tuple[int, Json]:
        """Status and answer to a request on a trainer's own wire, by the wire's name."""
        job = Job(Task.WIRE, encode.dumps(request), deadline_s=float("inf"), call=Call(wire, query))
        reply = self._handler(job, _Silent())
        return reply.status, decode_body(reply.body)

    def lint(
        self,
        ground_truth: Json,
        *,
        toolset: str | None = None,
        tools: Sequence[Json] | None = None,
        options: Options | None = None,
    ) -> Failure | None:
        """What is wrong with a ground truth, or None where it scores full against itself.

        Raises:
            UnknownName: No such toolset is loaded.
            BadTask: An inline tool is wrong.
        """
        offer, key = self.engine.offer(toolset, tools)
        profile = self.engine.profile("tiered")
        setting = Setting(offer, key, profile, "auto", options or Options())
        return self.engine.lint(ground_truth, setting)

    def _answer(self, task: Task, request: Mapping[str, Json]) -> dict[str, Json]:
        job = Job(task, encode.dumps(dict(request)), deadline_s=float("inf"))
        reply = self._handler(job, _Silent())
        answer = cast("dict[str, Json]", decode_body(reply.body))
        if reply.status != 200:
            raise RequestRefused(answer)
        return answer


class _Silent:
    """Progress that nobody waits for."""

    def working_on(self, index: int) -> None:
        pass

    def finished(self, piece: bytes) -> None:
        pass
