"""What a worker does with a request body: decode, check, judge each completion, encode.

Everything that grows with a completion happens here, away from the event loop.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import orjson
from pydantic import ValidationError

from sandbox_tools.types import Json
from verifier_service import encode, errands, problems
from verifier_service._version import __version__
from verifier_service.batch import FOUND, Batch, fated, too_late
from verifier_service.decode import NotJson, TooManyValues, decode_body
from verifier_service.engine import Engine, EngineConfig, UnknownName
from verifier_service.jobs import Call, Job, Progress, Reply, Room, Task
from verifier_service.problems import Kind
from verifier_service.rooms import Rooms, TimedEngine
from verifier_service.scoring.offer import Offer
from verifier_service.scoring.types import Failure, Parsed, Verdict
from verifier_service.translation import Translation
from verifier_service.wire import (
    Fault,
    ParseRequest,
    Problem,
    ScoreRequest,
    effective_options,
)
from verifier_service.wires import WIRES, BadQuery, read_query


def build_handler(config: EngineConfig) -> RequestHandler:
    """Load everything that a worker needs; called once in each worker process."""
    return RequestHandler(Engine(config))


class RequestHandler:
    """Answers jobs with one engine. The same body gets the same bytes, whatever came before."""

    def __init__(self, engine: Engine, rooms: Rooms | None = None) -> None:
        """An engine that answers; `rooms` are told where the time goes."""
        self.engine, self._rooms = engine, rooms

    def __call__(self, job: Job, progress: Progress) -> Reply:
        if not job.traced:
            return self._answer(job, progress)
        rooms = Rooms()
        reply = RequestHandler(TimedEngine(self.engine, rooms), rooms)._answer(job, progress)
        return replace(reply, timings=rooms.timings())

    def _answer(self, job: Job, progress: Progress) -> Reply:
        started = time.monotonic()
        try:
            with self._in(Room.DECODE):
                raw = decode_body(job.body)
            return self._reply(raw, job, progress, started)
        except TooMany as many:
            return problems.reply(many.problem)
        except NotJson as error:
            return problems.reply(Kind.NOT_JSON.problem(str(error)))
        except TooManyValues as error:
            return problems.reply(Kind.BODY_TOO_LARGE.problem(str(error)))
        except RecursionError:
            return problems.reply(Kind.NOT_JSON.problem("the body nests too deep to be answered"))
        except ValidationError as error:
            return problems.reply(problems.problem_from_validation_error(error))
        except UnknownName as unknown:
            return problems.reply(_unknown_name(unknown))
        except BadQuery as bad:
            return problems.reply(Kind.BAD_REQUEST.problem(f"?{bad.name}: {bad.message}"))

    def _reply(self, raw: Json, job: Job, progress: Progress, started: float) -> Reply:
        # Counted before it is checked: a huge batch of nonsense would list as many faults.
        self._refuse_above_maximum(_number_of_entries(raw))
        if job.call is not None and job.call.wire in errands.ERRANDS:
            return errands.run(self.engine, raw, job.call, job, progress)
        if job.call is not None:
            return self._wire(raw, job.call, job, progress, started)
        if job.task is Task.PARSE:
            return self._parse(ParseRequest.model_validate(raw), progress, job, started)
        with self._in(Room.DECODE):
            batch = ScoreRequest.model_validate(raw)
        self._refuse_above_maximum(batch.size)
        return self._score(batch, job, progress, started)

    def _score(self, request: ScoreRequest, job: Job, progress: Progress, started: float) -> Reply:
        wanted = self.engine.config.deadline_s
        if request.deadline_ms is not None:
            wanted = request.deadline_ms / 1000
        batch = Batch(self.engine, request, job, _deadline(job, started, wanted))
        batch.judge_all(progress)
        with self._in(Room.ENCODE):
            return batch.reply()

    def _in(self, room: Room) -> AbstractContextManager[None]:
        return nullcontext() if self._rooms is None else self._rooms.entered(room)

    def _wire(self, raw: Json, call: Call, job: Job, progress: Progress, started: float) -> Reply:
        wire = WIRES[call.wire]
        query = read_query(call.query, wire)
        translation = Translation(self.engine, wire, wire.request.model_validate(raw), query)
        self._refuse_above_maximum(translation.size)
        return translation.reply(job, progress, _deadline(job, started, wire.deadline_s))

    def _parse(self, request: ParseRequest, progress: Progress, job: Job, started: float) -> Reply:
        deadline = _deadline(job, started, self.engine.config.deadline_s)
        options = effective_options(None, request.options)
        self.engine.check_format(request.format)
        self.engine.check_languages(options)
        offer = self._offer_for_reading(request)
        parsed = []
        for index, completion in enumerate(request.completions):
            progress.working_on(index)
            found: Parsed | Failure
            if index in job.culprits:
                found = fated(job.culprits[index]).failures[0]
            elif time.monotonic() > deadline:
                found = too_late().failures[0]
            elif isinstance(offer, Failure):
                found = offer
            else:
                found = self.engine.read(completion, offer, options, request.format)
            parsed.append(encode.dumps(encode.parsed(found)))
        body = b'{"parsed":[%b],"version":%b}' % (b",".join(parsed), orjson.dumps(__version__))
        return Reply(200, body)

    def _offer_for_reading(self, request: ParseRequest) -> Offer | Failure | None:
        if request.tools is None:
            return None if request.toolset is None else self.engine.offer(request.toolset, None)[0]
        found: list[Offer] = []

        def compile_tools() -> Verdict:
            found.append(self.engine.offer(None, request.tools)[0])
            return FOUND

        verdict = self.engine.guarded(compile_tools)
        return found[0] if found else verdict.failures[0]

    def _refuse_above_maximum(self, count: int) -> None:
        maximum = self.engine.config.max_batch
        if count > maximum:
            raise TooMany(problems.too_many_completions(count, maximum))


class TooMany(Exception):
    """The batch is larger than the service takes."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.detail)


def _number_of_entries(raw: Json) -> int:
    """Items or completions at the top of a body, before anything else is known of it."""
    if not isinstance(raw, dict):
        return 0
    entries = [raw.get("items"), raw.get("completions")]
    return max(len(entry) if isinstance(entry, list) else 0 for entry in entries)


def _deadline(job: Job, started: float, wanted_s: float) -> float:
    """When the request's time is over, on the monotonic clock; it runs from the arrival."""
    return min(started - job.elapsed_s + wanted_s, started + job.deadline_s)


def _unknown_name(unknown: UnknownName) -> Problem:
    fault = Fault(pointer=f"/{unknown.field}", code=unknown.code, detail=unknown.message)
    return Kind.VALIDATION.problem("the request has 1 fault", errors=[fault])
