"""The hooks and the rubric for verifiers, and the same hooks for prime-rl."""

from __future__ import annotations

import asyncio
import copy
import inspect
import json
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from tests.integrations.reference import (
    GARBAGE,
    MEASURES,
    PROMPT,
    RIGHT,
    TASK,
    UNSCORABLE,
    Example,
    assistant,
)
from verifier_service.integrations import verifiers
from verifier_service.integrations.connection import Unscored
from verifier_service.measures import COMPONENTS


class StandInTaskData(BaseModel):
    """`TaskData` of verifiers."""

    model_config = ConfigDict(frozen=True, extra="allow")
    idx: int | None = None
    id: str | None = None
    name: str | None = None
    prompt: Any = None


class StandInToolCall(BaseModel):
    """`ToolCall` of verifiers: flat, its arguments as text."""

    id: str
    type: str = "function"
    name: str
    namespace: str | None = None
    arguments: str


class StandInMessage(BaseModel):
    """`AssistantMessage` of verifiers, with what a provider adds to it."""

    role: str = "assistant"
    content: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[StandInToolCall] | None = None
    provider_state: list[dict[str, Any]] | None = None


class StandInNode(BaseModel):
    """`MessageNode` of verifiers."""

    message: Any
    sampled: bool = False


class StandInBranch(BaseModel):
    """`Branch` of verifiers."""

    nodes: list[StandInNode]


class StandInTrace(BaseModel):
    """`Trace` of verifiers."""

    branches: list[StandInBranch] = []


def data(carrier: Any) -> StandInTaskData:
    return StandInTaskData(idx=17, name="a task", prompt="…", carrier=json.dumps(carrier))  # type: ignore[call-arg]


def trace(*sampled: Any, prompt: tuple[Any, ...] = PROMPT) -> StandInTrace:
    nodes = [StandInNode(message=message) for message in prompt]
    nodes += [StandInNode(message=message, sampled=True) for message in sampled]
    return StandInTrace(branches=[StandInBranch(nodes=nodes)])


CALL = StandInToolCall(
    id="c1", name="get_stock_price", arguments='{"ticker": "AAPL", "date": "2025-01-03"}'
)
SCORES = [getattr(verifiers, f"{name}_score") for name in COMPONENTS]


async def test_each_trace_gets_the_services_reward(chats: list[Example]) -> None:
    n = len(PROMPT)
    traces = [(data(each.carrier), trace(*each.messages[n:])) for each in chats]
    found = await asyncio.gather(*(verifiers.reward(*one) for one in traces))
    assert [*found] == [each.reward for each in chats]


async def test_native_calls_are_read() -> None:
    state = [{"type": "function_call", "name": "get_stock_price", "arguments": "{}"}]
    message = StandInMessage(tool_calls=[CALL], provider_state=state)
    assert await verifiers.reward(data(TASK), trace(message)) == 1.0


async def test_what_the_policy_did_not_sample_is_not_judged() -> None:
    prompt = (*PROMPT, assistant(RIGHT), {"role": "user", "content": "Again."})
    assert await verifiers.reward(data(TASK), trace(assistant(RIGHT), prompt=prompt)) == 1.0


@pytest.mark.parametrize("empty", [StandInTrace(), trace()], ids=["no branch", "prompt alone"])
async def test_a_trace_in_which_nothing_was_sampled_has_no_reward(empty: StandInTrace) -> None:
    with pytest.raises(Unscored, match=r"task\.completion"):
        await verifiers.reward(data(TASK), empty)


@pytest.mark.parametrize("text", GARBAGE)
async def test_metrics_have_the_same_names_for_garbage(text: str) -> None:
    assert (await verifiers.metrics(data(TASK), trace(assistant(text)))).keys() == MEASURES


async def test_each_component_is_the_metric_of_its_name() -> None:
    one = (data(TASK), trace(assistant(RIGHT.replace("AAPL", "ZZZZ"))))
    measured = await verifiers.metrics(*one)
    assert [await score(*one) for score in SCORES] == [measured[name] for name in COMPONENTS]
    assert 0.0 < measured["arguments"] < measured["schema"]


@pytest.mark.parametrize("hook", [verifiers.reward, *SCORES], ids=lambda hook: hook.__name__)
async def test_a_trace_without_a_reward_raises(hook: Callable[..., Any]) -> None:
    with pytest.raises(Unscored, match="no_such_tool"):
        await hook(data(UNSCORABLE), trace(assistant(RIGHT)))


async def test_metrics_mark_a_trace_without_a_reward() -> None:
    measured = await verifiers.metrics(data(UNSCORABLE), trace(assistant(RIGHT)))
    assert (measured["unscored"], measured.keys()) == (1.0, MEASURES)


@pytest.mark.parametrize(
    "hook", [verifiers.reward, verifiers.metrics, *SCORES], ids=lambda hook: hook.__name__
)
def test_verifiers_passes_what_the_parameters_name(hook: Callable[..., Any]) -> None:
    assert [*inspect.signature(hook).parameters] == ["task", "trace"]
    assert inspect.iscoroutinefunction(hook)


# Rubrics


class StandInRubric:
    """`Rubric` of verifiers' older kind: it makes a failing function's reward 0."""

    def __init__(self, funcs: list[Any], weights: list[float]) -> None:
        self.funcs, self.weights = funcs, weights

    async def score_rollout(self, state: dict[str, Any]) -> None:
        values = {fn.__name__: await self._value(fn, state) for fn in self.funcs}
        weighted = zip(values.values(), self.weights, strict=True)
        state["reward"] = sum(value * weight for value, weight in weighted)
        state["metrics"] = values

    async def score_group(self, states: list[dict[str, Any]]) -> None:
        for state in states:
            await self.score_rollout(state)

    async def _value(self, fn: Any, state: dict[str, Any]) -> float:
        known = {"state": state, "completion": state["completion"], "answer": state["answer"]}
        try:
            wanted = inspect.signature(fn).parameters
            return float(await fn(**{k: v for k, v in known.items() if k in wanted}))
        except Exception:  # noqa: BLE001  as the rubric does
            return 0.0


@pytest.fixture(params=["verifiers", "verifiers.legacy"])
def rubric(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Our rubric over the stand-in, which older versions export at the top."""
    for name in ("verifiers", request.param):
        module = ModuleType(name)
        module.__path__ = []
        monkeypatch.setitem(sys.modules, name, module)
    module.Rubric = StandInRubric  # type: ignore[attr-defined]
    spec = (lambda _: object()) if "." in request.param else (lambda _: None)
    monkeypatch.setattr(verifiers, "find_spec", spec)
    verifiers._rubric.cache_clear()
    yield verifiers.ToolCallRubric()
    verifiers._rubric.cache_clear()


def rollout(completion: Any, answer: Any = "", info: Any = None) -> dict[str, Any]:
    said = [assistant(completion)] if isinstance(completion, str) else completion
    return {"prompt": PROMPT, "completion": said, "answer": answer, "info": info or {}}


async def test_each_group_gets_the_services_rewards(rubric: Any, chats: list[Example]) -> None:
    states = [rollout(e.messages[len(PROMPT) :], json.dumps(e.carrier)) for e in chats]
    await rubric.score_group(states)
    assert [state["reward"] for state in states] == [each.reward for each in chats]


@pytest.mark.parametrize(
    "info",
    [{"carrier": json.dumps(TASK)}, {"ground_truth": TASK}, dict(TASK), json.dumps(TASK)],
    ids=["carrier", "carrier in ground_truth", "members", "JSON"],
)
async def test_the_task_may_stand_in_the_information(rubric: Any, info: Any) -> None:
    state = rollout(RIGHT, info=info)
    await rubric.score_rollout(state)
    assert state["reward"] == 1.0


@pytest.mark.parametrize("text", GARBAGE)
async def test_the_rubrics_metrics_have_the_same_names(rubric: Any, text: str) -> None:
    state = rollout(text, json.dumps(TASK))
    await rubric.score_rollout(state)
    assert (state["reward"], state["metrics"].keys()) == (0.0, MEASURES | {"toolcall_reward"})


async def test_a_rollout_that_is_text_is_scored(rubric: Any) -> None:
    state = {**rollout("", json.dumps(TASK)), "completion": RIGHT}
    await rubric.score_rollout(state)
    assert state["reward"] == 1.0


async def test_a_rollout_without_a_reward_raises_and_is_not_0(rubric: Any) -> None:
    state = rollout(RIGHT, json.dumps(UNSCORABLE))
    with pytest.raises(Unscored, match="no_such_tool"):
        await rubric.score_rollout(state)
    assert "reward" not in state


async def test_what_was_said_stays_as_it_is(rubric: Any) -> None:
    state = rollout(RIGHT, json.dumps(TASK))
    before = copy.deepcopy(state)
    await rubric.score_rollout(state)
    assert {name: state[name] for name in before} == before


def test_other_names_are_unknown() -> None:
    with pytest.raises(AttributeError, match="NoSuchRubric"):
        _ = verifiers.NoSuchRubric


def test_a_version_without_rubrics_says_what_to_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "verifiers", ModuleType("verifiers"))
    monkeypatch.setattr(verifiers, "find_spec", lambda _: None)
    with pytest.raises(ImportError, match="plug `reward`"):
        _ = verifiers.ToolCallRubric
