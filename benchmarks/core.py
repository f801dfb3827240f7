"""The scoring core in this process, without HTTP: CPU microseconds a completion.

By kind of completion and by how much of it the core has met before; by stage; and for whole
request bodies of several sizes. `python -m benchmarks` runs it; see `contender.py`.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from benchmarks import corpus
from benchmarks.contender import take_turns
from benchmarks.corpus import KINDS, TOOLSET, Sample, always_new, mixed
from benchmarks.measure import Tree, cpu_us_each
from verifier_service import encode
from verifier_service.decode import decode_body
from verifier_service.engine import Engine, EngineConfig
from verifier_service.findings import Finding
from verifier_service.handler import RequestHandler
from verifier_service.jobs import Job, Reply, Task
from verifier_service.scoring.judge import judge
from verifier_service.scoring.parse import parse
from verifier_service.scoring.pipeline import prepare, score
from verifier_service.scoring.text import read
from verifier_service.scoring.types import Options
from verifier_service.scoring.values import content_key
from verifier_service.setting import Setting
from verifier_service.wire import ScoreRequest

BATCH: Final = 64
OF_A_KIND: Final = 256
OF_THE_MIXTURE: Final = 2048
SIZES: Final = (1, 8, 64, 1024)
STAGED: Final = ("right", "wrong value")
"""Calls that are the expected ones need not be compared with them: the two take other paths."""
WARMING_SEED: Final = 90_000
SEEDS_A_ROUND: Final = 40
"""Everything has seeds of its own in every round: what is new has been met under no other name."""


class Core:
    """A worker's handler without the worker."""

    def __init__(self) -> None:
        self.handler = RequestHandler(Engine(EngineConfig()))

    def answer(self, body: bytes) -> Reply:
        reply = self.handler(Job(Task.SCORE, body), _Silent())
        assert reply.status == 200, reply.body[:500]
        return reply

    def answer_all(self, bodies: Iterable[bytes]) -> None:
        for body in bodies:
            self.answer(body)


class _Silent:
    def working_on(self, index: int) -> None:
        pass

    def finished(self, piece: bytes) -> None:
        pass


def body_of(items: Sequence[dict[str, Any]], **members: object) -> bytes:
    """A request of these items."""
    return json.dumps({"toolset": TOOLSET, **members, "items": items}).encode()


def bodies_of(samples: Iterable[Sample], size: int, count: int, **members: object) -> list[bytes]:
    """Requests of `size` completions each, the toolset by its name."""
    samples = iter(samples)
    return [
        body_of([sample.item for sample in itertools.islice(samples, size)], **members)
        for _ in range(count)
    ]


def measured(core: Core, number: int) -> Tree:
    """One round of everything."""
    seed = number * SEEDS_A_ROUND
    return {
        "kinds": {kind: by_kind(core, kind, seed + 2 * i) for i, kind in enumerate(KINDS)},
        "bodies": {str(size): by_size(core, size, seed + 20 + i) for i, size in enumerate(SIZES)},
        "stages": {kind: stages(core, kind, seed + 30 + i) for i, kind in enumerate(STAGED)},
    }


def by_kind(core: Core, kind: str, seed: int) -> Tree:
    """In requests of `BATCH`: the task new; the task known but not the completion; both met.

    Takes two seeds, `seed` and the next.
    """
    met = list(itertools.islice(always_new(seed, kind), OF_A_KIND))
    # The task has been met with another answer; the completion has not.
    known = list(itertools.islice(always_new(seed + 1, kind), OF_A_KIND))
    core.answer_all(in_batches([{**sample.item, "completion": "?"} for sample in known]))
    bodies, of_known = in_batches([s.item for s in met]), in_batches([s.item for s in known])
    return {
        "new": cpu_us_each(lambda: core.answer_all(bodies), OF_A_KIND),
        "known task": cpu_us_each(lambda: core.answer_all(of_known), OF_A_KIND),
        "seen": cpu_us_each(lambda: core.answer_all(bodies), OF_A_KIND),
    }


def in_batches(items: Sequence[dict[str, Any]]) -> list[bytes]:
    return [body_of(items[at : at + BATCH]) for at in range(0, len(items), BATCH)]


def by_size(core: Core, size: int, seed: int) -> Tree:
    """Whole bodies of the mixture: all new; drawn as they come; the same ones again."""
    count = OF_THE_MIXTURE // size
    new = bodies_of(always_new(seed), size, count)
    drawn = bodies_of(mixed(seed), size, count)
    return {
        "new": cpu_us_each(lambda: core.answer_all(new), size * count),
        "mixture": cpu_us_each(lambda: core.answer_all(drawn), size * count),
        "seen": cpu_us_each(lambda: core.answer_all(drawn), size * count),
    }


def stages(core: Core, kind: str, seed: int) -> Tree:
    """Of completions that are new, one stage after the other, with nothing remembered."""
    engine, options = core.handler.engine, Options()
    limits = engine.config.limits
    offer, key = engine.offer(TOOLSET, None)
    setting = Setting(offer, key, engine.profile("tiered"), "auto", options)
    samples = list(itertools.islice(always_new(seed, kind), OF_A_KIND))
    body = body_of([sample.item for sample in samples])
    truths = [sample.item["ground_truth"] for sample in samples]

    def read_request() -> None:
        ScoreRequest.model_validate(decode_body(body))

    stage = _Stages(samples)
    stage.once("decode and check the request", read_request)
    stage.each("content of the task, to look it up", content_key, truths)
    tasks = stage.each(
        "prepare the task: check, execute, score itself",
        lambda truth: prepare(truth, offer, options, limits),
        truths,
    )
    parsed = stage.each(
        "parse the completion",
        lambda sample: parse(sample.completion, tools=offer.tools, options=options, limits=limits),
        samples,
    )
    prose = stage.each("read its prose", lambda each: read(each.content, options.languages), parsed)
    stage.each(
        "validate, match, execute, compare",
        lambda each: judge(each[0], each[1], each[2], options, limits),
        list(zip(parsed, prose, tasks, strict=True)),
    )
    verdicts = stage.each(
        "prose, the four above, reward and verdict",
        lambda each: score(each[0], each[1], setting.profile, options=options, limits=limits),
        list(zip(parsed, tasks, strict=True)),
    )
    stage.each("encode the verdict", Finding.of, verdicts)
    stage.once("encode the rewards", lambda: encode.dumps([v.reward for v in verdicts]))
    return stage.us


class _Stages:
    """What each stage took, by name."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.us: Tree = {}
        self._number = len(samples)

    def each(self, name: str, work: Callable[[Any], Any], over: Sequence[Any]) -> list[Any]:
        """Measure the stage on each of what the stage before made; returns what this one makes."""
        made: list[Any] = []
        self.once(name, lambda: made.extend(map(work, over)))
        return made

    def once(self, name: str, work: Callable[[], object]) -> None:
        self.us[name] = cpu_us_each(work, self._number)


def main() -> None:
    core = Core()
    core.answer_all(bodies_of(corpus.mixed(WARMING_SEED), BATCH, 8))
    for index, kind in enumerate(KINDS):
        core.answer_all(bodies_of(always_new(WARMING_SEED + index, kind), BATCH, 2))
    take_turns(lambda number: measured(core, number))


if __name__ == "__main__":
    main()
