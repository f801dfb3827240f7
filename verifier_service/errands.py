"""What a worker does for trainers besides scoring: sessions of tool calls, and statistics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from sandbox_tools.types import Json, ToolResult
from verifier_service import encode, problems
from verifier_service.batch import FOUND
from verifier_service.carrier import CarrierFault
from verifier_service.engine import Engine, UnknownName
from verifier_service.gym_session import BadSession, Session, SessionFull
from verifier_service.jobs import Call, Job, Progress, Reply
from verifier_service.problems import Kind
from verifier_service.scoring.calls import check_calls
from verifier_service.scoring.execute import run as run_calls
from verifier_service.scoring.json_text import JsonFault, check
from verifier_service.scoring.offer import Offer
from verifier_service.scoring.types import Outcome, ToolCall, Verdict
from verifier_service.wire import Fault
from verifier_service.wires import nemo_gym, read_query


def run(engine: Engine, raw: Json, call: Call, job: Job, progress: Progress) -> Reply:
    """The answer to an errand.

    Raises:
        ValidationError, BadQuery: The request is wrong.
    """
    progress.working_on(0)
    if job.culprits:
        return problems.reply(Kind.UNSCORED.problem("this request could not be answered in time"))
    return ERRANDS[call.wire](engine, raw, call)


def _seed(engine: Engine, raw: Json, call: Call) -> Reply:
    """Begin a session with the tools of a dataset row."""
    row = nemo_gym.NemoGymRow.model_validate(raw)
    task = nemo_gym.task_in(row, read_query(call.query, nemo_gym.WIRE)).item
    if isinstance(task, CarrierFault):
        return _wrong_task(engine, task)
    if task.get("tools") is not None or not task.get("toolset"):
        return Reply(200, b"{}", cookie=Session("").cookie)
    if not isinstance(task["toolset"], str):
        return _wrong_task(engine, CarrierFault("/toolset", "must be a name"))
    try:
        toolset = engine.toolset(task["toolset"])
    except UnknownName as unknown:
        return _wrong_task(engine, CarrierFault("/toolset", unknown.message))
    if taken := nemo_gym.RESERVED & toolset.specs.keys():
        fault = CarrierFault("/toolset", f"{min(taken)} is no tool here but a path of the protocol")
        return _wrong_task(engine, fault)
    return Reply(200, b"{}", cookie=Session(f"{toolset.name}@{toolset.digest}").cookie)


def _wrong_task(engine: Engine, fault: CarrierFault) -> Reply:
    """What `verify` would say, before anything is sampled; or a session without tools, where a
    number stands for the reward that there is not."""
    if nemo_gym.WIRE.name in engine.config.wire_unscored:
        return Reply(200, b"{}", cookie=Session("").cookie)
    listed = Fault(pointer=fault.pointer, code="task.ground_truth", detail=fault.message)
    detail = f"this cannot be scored: {fault.message}"
    return problems.reply(Kind.INVALID_TASK.problem(detail, errors=[listed]))


def _statistics(_engine: Engine, raw: Json, _call: Call) -> Reply:
    request = nemo_gym.NemoGymMetricsRequest.model_validate(raw)
    return Reply(200, encode.dumps(nemo_gym.aggregate(request)))


# Tools


class _Refused(Exception):
    """There is no result, and the model may read why."""

    def __init__(self, status: int, message: str) -> None:
        self.status, self.message = status, message
        super().__init__(message)


def _call_tool(engine: Engine, raw: Json, call: Call) -> Reply:
    """Execute one call behind those of its session; the cookie then holds it too."""
    try:
        session = Session.of(call.cookie)
    except BadSession as bad:
        return problems.reply(Kind.BAD_REQUEST.problem(str(bad)))
    replies: list[Reply] = []

    def answer() -> Verdict:
        replies.append(_answer(engine, session, call.tail, raw))
        return FOUND

    verdict = engine.guarded(answer)
    return replies[0] if replies else replace(_not_answered(verdict), cookie=session.cookie)


def _not_answered(verdict: Verdict) -> Reply:
    """What the time limit, a broken tool or another version of the toolset leaves to say."""
    said = verdict.failures[0].message
    wrong = verdict.outcome is Outcome.INVALID_TASK
    return problems.reply((Kind.BAD_REQUEST if wrong else Kind.UNSCORED).problem(said))


def _answer(engine: Engine, session: Session, tool: str, raw: Json) -> Reply:
    try:
        offer = _offer(engine, session)
        call = _checked(engine, offer, tool, raw)
        after = _after(session, offer, call, engine.config.limits.calls)
        result = _result(offer, session, call)
        cookie = after.cookie
    except SessionFull:
        refusal = _Refused(422, "The call was not run: the calls of this session are too long.")
    except _Refused as refused:
        refusal = refused
    else:
        if result.error is None:
            return Reply(200, encode.dumps(result.value), cookie=cookie)
        return _told(_Refused(422, result.error), cookie)
    return _told(refusal, session.cookie)


def _told(refusal: _Refused, cookie: str) -> Reply:
    return Reply(refusal.status, encode.dumps({"error": refusal.message}), cookie=cookie)


def _offer(engine: Engine, session: Session) -> Offer:
    if not session.toolset:
        raise _Refused(404, "The tools of this task are schemas only: nothing can be executed.")
    return engine.offer(session.toolset, None)[0]


def _checked(engine: Engine, offer: Offer, tool: str, arguments: Json) -> ToolCall:
    """The call, under its declared name and valid under the schema."""
    if not isinstance(arguments, dict):
        raise _Refused(422, "The arguments are not an object.")
    try:
        check(arguments, engine.config.limits)
    except JsonFault as fault:
        raise _Refused(422, f"The arguments cannot be read: {fault}.") from None
    [one] = check_calls([ToolCall(tool, arguments)], offer)
    if not one.declared:
        known = ", ".join(offer.tools)
        raise _Refused(404, f"There is no such tool; there is: {known}.")
    if one.violations:
        said = (f"{v.path.removeprefix('/calls/0')}: {v.message}" for v in one.violations)
        raise _Refused(422, "The arguments are invalid. " + " ".join(said))
    return one.call


def _after(session: Session, offer: Offer, call: ToolCall, most: int) -> Session:
    """The session with one more call; beyond as many as are scored none is worth running."""
    if session.length >= most:
        raise _Refused(422, f"The call was not run: a completion may hold {most} calls.")
    if offer.tools[call.name].read_only:
        return session.read(call.name)
    return session.called(call.name, call.arguments)


def _result(offer: Offer, session: Session, call: ToolCall) -> ToolResult:
    """What the call returns after those of the session, none of which reads from another's world.

    A tool that only reads may still count how often it is asked: it is asked as often again.
    """
    earlier = [ToolCall(name, arguments) for name, arguments in session.calls]
    if offer.toolset is None or not all(one.valid for one in check_calls(earlier, offer)):
        raise _Refused(422, "The session holds calls that its tools do not take.")
    again = session.reads.get(call.name, 0)
    return run_calls(offer.toolset, [*earlier, *[call] * (again + 1)]).results[-1]


Run = Callable[[Engine, Json, Call], Reply]

ERRANDS: Final[Mapping[str, Run]] = MappingProxyType(
    {
        nemo_gym.SEED.name: _seed,
        nemo_gym.METRICS.name: _statistics,
        nemo_gym.TOOL.name: _call_tool,
    }
)
"""By the name of the errand in `verifier_service.wires`."""
