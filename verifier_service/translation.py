"""A trainer's own request, scored: translated to items, judged, and translated back.

Most of these wires can carry nothing but numbers, so what could not be scored refuses the request:
422 where a task is wrong, 503 where it is our doing. An operator who would rather have a number
there says which: `VERIFIER_WIRE_UNSCORED`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from pydantic import ValidationError

from sandbox_tools.types import Json
from verifier_service import encode, problems
from verifier_service.batch import Batch
from verifier_service.carrier import CarrierFault
from verifier_service.conversation import NoCompletion
from verifier_service.engine import Engine, verifier_error
from verifier_service.jobs import Job, Progress, Reply
from verifier_service.problems import Kind
from verifier_service.scoring.codes import Code
from verifier_service.scoring.pipeline import unscored
from verifier_service.scoring.types import Failure, Outcome
from verifier_service.wire import Fault, Problem, ScoreItem, ScoreRequest
from verifier_service.wires import Query, Result, Sample, Spoiled, Wire

Verdict = Mapping[str, Json]
"""As in the answer of `POST /score`."""


class Translation:
    """One request on a trainer's wire."""

    def __init__(self, engine: Engine, wire: Wire, request: Any, query: Query) -> None:
        self._engine, self._wire, self._request, self._query = engine, wire, request, query
        self._samples: Sequence[Sample] = wire.read(request, query)

    @property
    def size(self) -> int:
        """Completions in the request."""
        return len(self._samples)

    def reply(self, job: Job, progress: Progress, deadline: float) -> Reply:
        """The answer in the trainer's words, or why there is none.

        Args:
            deadline: On the monotonic clock; what is unscored by then has no reward.
        """
        items = [_item(sample) for sample in self._samples]
        sound = [item for item in items if isinstance(item, ScoreItem)]
        asked = ScoreRequest.model_construct(items=sound, run=self._query.run)
        batch = Batch(self._engine, asked, job, deadline)
        batch.judge_all(progress)
        scored = (orjson.loads(b"{%b}" % finding.members) for finding in batch.findings)
        verdicts = [_unjudged(i) if isinstance(i, CarrierFault) else next(scored) for i in items]
        unjudged = Counter(
            verdict["outcome"]
            for verdict, item in zip(verdicts, items, strict=True)
            if isinstance(item, CarrierFault)
        )
        counts = self._counts(verdicts, batch, unjudged)
        refusal = self._refusal(verdicts)
        if refusal is not None:
            return Reply(refusal.status, problems.encode(refusal), problems.MEDIA_TYPE, counts)
        results = [Result(self._reward(verdict), verdict) for verdict in verdicts]
        answer = self._wire.write(self._request, results, self._query)
        return Reply(200, encode.dumps(answer), counts=counts)

    @property
    def _instead(self) -> float | None:
        """What stands for a reward that does not exist; None refuses the request."""
        return self._engine.config.wire_unscored.get(self._wire.name)

    def _reward(self, verdict: Verdict) -> float:
        reward = verdict["reward"]
        return float(self._instead or 0.0) if reward is None else reward

    def _refusal(self, verdicts: Sequence[Verdict]) -> Problem | None:
        lacking = [index for index, verdict in enumerate(verdicts) if verdict["reward"] is None]
        if not lacking or self._instead is not None:
            return None
        faults = [self._fault(self._samples[index], verdicts[index]) for index in lacking]
        of = f"{len(lacking)} of {len(verdicts)} completions" if len(verdicts) > 1 else "this"
        if all(verdicts[index]["retryable"] for index in lacking):
            return Kind.UNSCORED.problem(f"{of} could not be scored; send it again", errors=faults)
        wrong = [fault for fault in faults if fault.code.startswith("task.")] or faults
        first = " ".join(filter(None, (wrong[0].pointer, wrong[0].detail)))
        return Kind.INVALID_TASK.problem(f"{of} cannot be scored: {first}", errors=faults)

    def _fault(self, sample: Sample, verdict: Verdict) -> Fault:
        failure = verdict["failures"][0]
        code = failure["code"]
        pointer = sample.said if code == Code.TASK_COMPLETION else sample.at + failure["path"]
        return Fault(pointer=pointer, code=code, detail=failure["message"])

    def _counts(
        self, verdicts: Sequence[Verdict], batch: Batch, unjudged: Mapping[str, int]
    ) -> Mapping[str, Json]:
        counts = dict(batch.counts())
        labels = [(outcome, None, "other", count) for outcome, count in unjudged.items()]
        counts["completions"] = [*counts["completions"], *labels]
        answered = "refused" if self._instead is None else "number"
        outcomes = Counter(v["outcome"] for v in verdicts if v["reward"] is None)
        if outcomes:
            counts["unscored"] = [(self._wire.name, o, answered, n) for o, n in outcomes.items()]
        return counts


def _item(sample: Sample) -> ScoreItem | CarrierFault:
    """The item of a sample, checked like one of `POST /score`; one bad sample spoils no other."""
    if isinstance(sample.item, CarrierFault):
        return sample.item
    if sample.item.get("tools") is None and sample.item.get("toolset") is None:
        message = "the task names no toolset and no tools; add one, or ?toolset= to the URL"
        return CarrierFault("", message)
    try:
        return ScoreItem.model_validate({**sample.item, "completion": sample.completion})
    except ValidationError as error:
        return _first_fault(error)


def _first_fault(error: ValidationError) -> CarrierFault:
    if error.error_count() > problems.TOLD_FAULTS:
        return CarrierFault("", f"the task has {error.error_count():,} faults")
    fault = problems.faults(error)[0]
    return CarrierFault(fault.pointer, fault.detail)


def _unjudged(fault: CarrierFault) -> Verdict:
    """The verdict of a sample that no task could be made of, or that we spoiled ourselves."""
    if isinstance(fault, Spoiled):
        return encode.verdict(verifier_error(fault.message))
    lacking = isinstance(fault, NoCompletion)
    code = Code.TASK_COMPLETION if lacking else Code.TASK_GROUND_TRUTH
    failure = Failure(code, fault.pointer, fault.message)
    return encode.verdict(unscored(Outcome.INVALID_TASK, failure))
