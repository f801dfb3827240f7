"""verifiers: rewards and metrics that the configuration plugs into any task.

    [task.rewards]
    toolcall = { fn = "verifier_service.integrations.verifiers:reward", weight = 1.0 }

    [task.metrics]
    toolcall_measures = { fn = "verifier_service.integrations.verifiers:metrics" }

or on the command line:

    --env.taskset.task.rewards.toolcall.fn verifier_service.integrations.verifiers:reward

`metrics` logs all measures. To weight the components one by one, plug `parse_score`, `name_score`,
`schema_score`, `arguments_score`, `execution_score` and `text_score` as rewards. All of them
together cost one request a trace.

The task's data hold its carrier (`verifier_service.carrier`) in a field `carrier` or
`ground_truth`. The environment names the service: see `connection`. A trace without a reward
raises, and verifiers drops it from training.

The service compares tool messages with what the carrier's toolset returns, and one that differs
makes the reward 0 (docs/rewards.md). Where your tools are others, give the carrier their schemas as
`tools` in place of a `toolset`.

Environments of the older kind, with a rubric, which the release 0.4.0 has no more:

    from verifier_service.integrations.verifiers import ToolCallRubric

    vf.SingleTurnEnv(dataset=dataset, rubric=ToolCallRubric())

There the carrier stands in the dataset's column `answer`, or in `info`.

Source: verifiers 0.4, `verifiers/v1/task.py`, `verifiers/v1/trace.py`,
`verifiers/v1/configs/task.py`, `verifiers/legacy/rubrics/rubric.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from verifier_service.carrier import Json
from verifier_service.client import Verdict
from verifier_service.integrations.columns import row_sample
from verifier_service.integrations.connection import Sample, reward_of, score_async
from verifier_service.integrations.once import score_once_async
from verifier_service.integrations.transcripts import transcript
from verifier_service.integrations.verdicts import measures_of
from verifier_service.measures import measures


async def reward(task: Any, trace: Any) -> float:
    """The reward of a trace.

    Raises:
        Unscored: There is none.
        NotConfigured, VerifierError: As `connection.score`.
    """
    return reward_of(await _verdict(task, trace))


async def metrics(task: Any, trace: Any) -> dict[str, float]:
    """All measures of a trace, each a metric of its own."""
    return measures_of(await _verdict(task, trace))


async def parse_score(task: Any, trace: Any) -> float:
    """How far what was meant as a call can be read as one, 0 to 1."""
    return await _component("parse", task, trace)


async def name_score(task: Any, trace: Any) -> float:
    """How far the right tools are called, 0 to 1."""
    return await _component("name", task, trace)


async def schema_score(task: Any, trace: Any) -> float:
    """How far the arguments keep to the tools' schemas, 0 to 1."""
    return await _component("schema", task, trace)


async def arguments_score(task: Any, trace: Any) -> float:
    """How far the arguments are those expected, 0 to 1."""
    return await _component("arguments", task, trace)


async def execution_score(task: Any, trace: Any) -> float:
    """How far the calls return what the expected ones do, 0 to 1."""
    return await _component("execution", task, trace)


async def text_score(task: Any, trace: Any) -> float:
    """How far the words around the calls are what was due, 0 to 1."""
    return await _component("text", task, trace)


async def _component(name: str, task: Any, trace: Any) -> float:
    verdict = await _verdict(task, trace)
    reward_of(verdict)  # a trace without a reward has no component either
    return measures_of(verdict)[name]


async def _verdict(task: Any, trace: Any) -> Verdict:
    (verdict,) = await score_once_async([row_sample(transcript(_messages(trace)), dict(task))])
    return verdict


def _messages(trace: Any) -> Sequence[Any]:
    """What the last branch of a trace holds from the first message on that the policy sampled."""
    if not trace.branches:
        return ()
    nodes = trace.branches[-1].nodes
    first = next((i for i, node in enumerate(nodes) if node.sampled), len(nodes))
    return [node.message for node in nodes[first:]]


# Rubrics

_STATE: Final = "toolcall"
"""Where the rubric leaves its numbers in a rollout's state."""


def __getattr__(name: str) -> Any:
    if name == "ToolCallRubric":
        return _rubric()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def _rubric() -> type:
    legacy = "verifiers.legacy" if find_spec("verifiers.legacy") else "verifiers"
    rubric: Any = getattr(import_module(legacy), "Rubric", None)
    if rubric is None:
        raise ImportError("this version of verifiers has no rubrics; plug `reward` into its tasks")

    class ToolCallRubric(rubric):  # type: ignore[misc]  # known when verifiers is installed
        """The reward with weight 1, and each measure with weight 0.

        Rollouts are judged before the rubric's functions run: an exception of theirs would become
        a reward of 0.
        """

        __qualname__ = "ToolCallRubric"

        def __init__(self) -> None:
            names = measures(None, {}, scored=True)
            functions = [_reader("toolcall_reward"), *map(_reader, names)]
            super().__init__(funcs=functions, weights=[1.0, *(0.0 for _ in names)])

        async def score_rollout(self, state: Any, *more: Any) -> Any:
            await _judge([state])
            return await super().score_rollout(state, *more)

        async def score_group(self, states: list[Any], *more: Any) -> Any:
            await _judge(states)
            return await super().score_group(states, *more)

    return ToolCallRubric


def _reader(name: str) -> Callable[[Mapping[str, Any]], Awaitable[float]]:
    async def read(state: Mapping[str, Any]) -> float:
        number: float = state[_STATE][name]
        return number

    read.__name__ = name
    return read


async def _judge(states: Sequence[Any]) -> None:
    verdicts = await score_async([_sample(state) for state in states])
    for state, verdict in zip(states, verdicts, strict=True):
        state[_STATE] = {"toolcall_reward": reward_of(verdict), **measures_of(verdict)}


def _sample(state: Mapping[str, Any]) -> Sample:
    completion = state["completion"]
    said: Json = completion if isinstance(completion, str) else transcript(completion or ())
    if answer := state.get("answer"):
        return Sample(said, answer)
    info = state.get("info") or {}
    return row_sample(said, info) if isinstance(info, Mapping) else Sample(said, info)
