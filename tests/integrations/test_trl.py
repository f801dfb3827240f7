"""TRL's reward functions, called as TRL calls them."""

from __future__ import annotations

import asyncio
import inspect
import json
import pickle
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest

from tests.integrations.counted import score_requests
from tests.integrations.reference import (
    GARBAGE,
    MEASURES,
    PROMPT,
    RIGHT,
    TASK,
    UNSCORABLE,
    Example,
)
from verifier_service.client import VerifierUnavailable
from verifier_service.integrations import trl
from verifier_service.integrations.connection import NotConfigured

COMPONENTS: Final = (
    trl.parse_reward,
    trl.name_reward,
    trl.schema_reward,
    trl.arguments_reward,
    trl.execution_reward,
    trl.text_reward,
)
ASYNCHRONOUS: Final = (trl.reward, *COMPONENTS)


class Logs:
    """What TRL gives a function to log with."""

    def __init__(self) -> None:
        self.metrics: dict[str, float] = {}
        self.columns: dict[str, list[Any]] = {}

    def call(self, completions: Sequence[Any], tasks: Sequence[Any]) -> dict[str, Any]:
        """The keyword arguments of one call."""
        return {
            **columns(completions, tasks),
            "trainer_state": object(),
            "log_metric": self.metrics.__setitem__,
            "log_extra": self.columns.__setitem__,
            "environments": [threading.Lock()] * len(completions),
        }


def columns(completions: Sequence[Any], tasks: Sequence[Any]) -> dict[str, Any]:
    """As asynchronous GRPO calls, which logs by itself."""
    return {
        "prompts": [list(PROMPT)] * len(completions),
        "completions": list(completions),
        "completion_ids": [[1, 2]] * len(completions),
        "carrier": [json.dumps(task) for task in tasks],
    }


def batch(examples: list[Example]) -> dict[str, Any]:
    return columns([one.completion for one in examples], [one.carrier for one in examples])


def rewards(examples: list[Example]) -> list[float]:
    return [example.reward for example in examples]


async def rewarded(completion: Any, **row: Any) -> float | None:
    single = {name: [value] for name, value in row.items()}
    [found] = await trl.reward(prompts=["?"], completions=[completion], **single)
    return found


# The same rewards


async def test_the_rewards_are_the_services(chats: list[Example]) -> None:
    assert await trl.reward(**batch(chats)) == rewards(chats)


def test_those_of_the_function_that_waits_too(chats: list[Example]) -> None:
    assert trl.reward_sync(**batch(chats)) == rewards(chats)


async def test_text_in_a_message_is_judged_as_text(texts: list[Example]) -> None:
    messages = [[{"role": "assistant", "content": example.completion}] for example in texts]
    tasks = [example.carrier for example in texts]
    assert await trl.reward(**columns(messages, tasks)) == rewards(texts)


async def test_native_calls_with_tools_between_are_judged_whole() -> None:
    call = {"type": "function", "function": TASK["ground_truth"][0]}  # type: ignore[index]
    episode = [
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "name": "get_stock_price", "content": "243.36"},
        {"role": "assistant", "content": "It closed at 243.36."},
    ]
    assert await rewarded(episode, carrier=TASK) == 1.0
    assert await rewarded(episode[2:], carrier=TASK) == 0.0


async def test_tools_of_ones_own_may_answer_as_they_like() -> None:
    truth = TASK["ground_truth"]
    call = {"type": "function", "function": truth[0]}  # type: ignore[index]
    episode = [
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "name": "get_stock_price", "content": "It was 243.36 dollars."},
        {"role": "assistant", "content": "It closed at 243.36."},
    ]
    parameters = {"type": "object", "properties": {"ticker": {}, "date": {}}}
    tools = [{"name": "get_stock_price", "parameters": parameters}]
    assert await rewarded(episode, ground_truth=truth, tools=tools) == 1.0
    assert await rewarded(episode, ground_truth=truth, toolset="finance") == 0.0


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(TASK, id="columns of a dataset"),
        pytest.param(
            {
                "ground_truth": json.dumps(TASK["ground_truth"]),
                "toolset": "finance",
                "tool_schemas": None,
                "options": None,
                "category": "execute",
            },
            id="of this project's own",
        ),
        pytest.param({"carrier": TASK, "image": threading.Lock()}, id="a carrier and an image"),
    ],
)
async def test_the_task_stands_in_any_of_its_columns(row: dict[str, Any]) -> None:
    assert await rewarded(RIGHT, **row) == 1.0


async def test_tools_in_a_column_of_their_own_are_those_of_the_task() -> None:
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    truth = [{"name": "f", "arguments": {}}]
    called = '<tool_call>{"name": "f", "arguments": {}}</tool_call>'
    assert await rewarded(called, tools=tools, ground_truth=truth) == 1.0


async def test_a_dataset_without_a_task_is_named() -> None:
    with pytest.raises(NotConfigured, match="carrier"):
        await rewarded(RIGHT, question="What was it?")


# What TRL asks of a function


@pytest.mark.parametrize("function", [*ASYNCHRONOUS, trl.reward_sync])
def test_a_function_can_be_sent_to_another_process(function: Callable[..., Any]) -> None:
    assert pickle.loads(pickle.dumps(function)) is function
    assert list(inspect.signature(function).parameters)[:2] == ["prompts", "completions"]


@pytest.mark.parametrize("function", ASYNCHRONOUS)
def test_trl_knows_which_functions_to_await(function: Callable[..., Any]) -> None:
    assert inspect.iscoroutinefunction(function)
    assert not inspect.iscoroutinefunction(trl.reward_sync)


async def test_a_sample_without_a_reward_is_none() -> None:
    call = columns([RIGHT] * 3, [TASK, UNSCORABLE, ""])
    for function in ASYNCHRONOUS:
        assert await function(**call) == [1.0, None, None]


async def test_components_are_those_of_the_verdict() -> None:
    other = RIGHT.replace("2025-01-03", "2025-01-06")
    call = columns([RIGHT, other, "It closed at 243.36."], [TASK] * 3)
    assert await trl.parse_reward(**call) == [1.0, 1.0, 0.0]
    assert await trl.name_reward(**call) == [1.0, 1.0, 0.0]
    right, wrong, none = await trl.arguments_reward(**call)
    assert right == 1.0
    assert none == 0.0
    assert wrong is not None
    assert 0.0 < wrong < 1.0


async def test_an_empty_batch_has_no_rewards(url: str) -> None:
    before = score_requests(url)
    for function in ASYNCHRONOUS:
        assert await function(prompts=[], completions=[]) == []
    assert score_requests(url) == before


async def test_nothing_that_trl_hands_over_is_changed(chats: list[Example]) -> None:
    call = batch(chats)
    before = json.dumps(call)
    await trl.reward(**call)
    assert json.dumps(call) == before


# One request


async def test_all_functions_together_cost_one_request(url: str, texts: list[Example]) -> None:
    completions = [f"{example.completion}\n\n" for example in texts]
    call = columns(completions, [example.carrier for example in texts])
    before = score_requests(url)
    found = await asyncio.gather(*[function(**call) for function in ASYNCHRONOUS])
    assert [await function(**call) for function in ASYNCHRONOUS] == found
    assert score_requests(url) == before + 1


def test_threads_cost_one_request(url: str, texts: list[Example]) -> None:
    completions = [f"\n\n{example.completion}" for example in texts]
    call = columns(completions, [example.carrier for example in texts])
    before = score_requests(url)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: trl.reward_sync(**call), range(8)))
    assert found == [found[0]] * 8
    assert score_requests(url) == before + 1


def test_each_event_loop_asks_for_itself() -> None:
    call = columns([RIGHT], [TASK])
    assert [asyncio.run(trl.reward(**call)) for _ in range(3)] == [[1.0]] * 3


# Logs


@pytest.mark.parametrize(
    ("completions", "tasks"),
    [
        pytest.param([RIGHT, "no"], [TASK, TASK], id="scored"),
        pytest.param(GARBAGE, [TASK] * len(GARBAGE), id="garbage"),
        pytest.param([RIGHT], [UNSCORABLE], id="unscored"),
        pytest.param([RIGHT], [""], id="without a task"),
        pytest.param([], [], id="empty"),
    ],
)
async def test_the_names_in_the_logs_never_change(
    completions: Sequence[str], tasks: Sequence[Mapping[str, Any]]
) -> None:
    """TRL gathers them over processes: one that has others would leave all waiting."""
    logs = Logs()
    await trl.reward(**logs.call(completions, tasks))
    assert set(logs.metrics) == {f"verifier/{name}" for name in MEASURES}
    assert set(logs.columns) == {"verifier_tier", "verifier_reasons"}
    assert {len(values) for values in logs.columns.values()} == {len(completions)}
    assert all(isinstance(value, float) for value in logs.metrics.values())


async def test_the_logs_say_how_many_and_why() -> None:
    logs = Logs()
    await trl.reward(**logs.call([RIGHT, "It was 243.36.", RIGHT], [TASK, TASK, UNSCORABLE]))
    assert logs.metrics["verifier/unscored"] == pytest.approx(1 / 3)
    assert logs.columns["verifier_tier"] == ["full", "none", "invalid_task"]
    right, wrong, unscored = logs.columns["verifier_reasons"]
    assert right == ""
    assert "behavior" in wrong
    assert "no_such_tool" in unscored


async def test_only_the_reward_logs() -> None:
    """Columns that two functions write would be twice as long as the table."""
    logs = Logs()
    call = logs.call([RIGHT], [TASK])
    await asyncio.gather(*[component(**call) for component in COMPONENTS])
    assert not logs.metrics
    assert not logs.columns


# Outages


async def test_a_service_that_is_not_there_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("VERIFIER_RETRY_BUDGET_S", "0.1")
    calls = [function(**columns([RIGHT], [TASK])) for function in ASYNCHRONOUS]
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(error) for error in found} == {VerifierUnavailable}


# Special tokens


class Bytes:
    """A tokenizer of bytes, whose special token begins a call as Mistral's does."""

    specials: Final = {256: "[TOOL_CALLS]", 257: "</s>"}
    eos_token_id = 257
    pad_token_id = None

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool, **_: Any) -> str:
        assert not skip_special_tokens
        return "".join(self.specials.get(token) or chr(token) for token in ids)


CALLS: Final = json.dumps(TASK["ground_truth"])
IDS: Final = [256, *CALLS.encode(), 257]


@pytest.mark.parametrize(
    "completion",
    [
        pytest.param("lost", id="text"),
        pytest.param([{"role": "assistant", "content": "lost"}], id="a message"),
    ],
)
async def test_a_tokenizer_brings_back_what_trl_has_stripped(completion: Any) -> None:
    function = trl.with_tokenizer(Bytes())
    call = {"prompts": ["?"], "completions": [completion], "completion_ids": [IDS]}
    assert await function(**call, carrier=[TASK]) == [1.0]
    assert await trl.reward(**call, carrier=[TASK]) == [0.0]
    assert (function.__name__, inspect.iscoroutinefunction(function)) == ("reward", True)


async def test_calls_that_the_trainer_has_read_are_not_decoded_again() -> None:
    call = {"type": "function", "function": TASK["ground_truth"][0]}  # type: ignore[index]
    message = {"role": "assistant", "content": "", "tool_calls": [call]}
    function = trl.with_tokenizer(Bytes())
    found = await function(
        prompts=["?"], completions=[[message]], completion_ids=[[72, 105]], carrier=[TASK]
    )
    assert found == [1.0]


async def test_the_environment_names_a_tokenizer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    letters = {letter: place for place, letter in enumerate(sorted(set(CALLS)))}
    model = tokenizers.models.WordLevel({**letters, "[UNK]": len(letters)}, unk_token="[UNK]")
    words = tokenizers.Tokenizer(model)
    words.pre_tokenizer = tokenizers.pre_tokenizers.Split("", "isolated")
    words.decoder = tokenizers.decoders.Fuse()
    words.add_special_tokens(["[TOOL_CALLS]"])
    transformers.PreTrainedTokenizerFast(tokenizer_object=words).save_pretrained(tmp_path)
    monkeypatch.setenv("VERIFIER_TOKENIZER", str(tmp_path))
    ids = words.encode(f"[TOOL_CALLS]{CALLS}").ids
    assert await trl.reward(
        prompts=["?"], completions=["lost"], completion_ids=[ids], carrier=[TASK]
    ) == [1.0]


async def test_a_tokenizer_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("transformers")
    monkeypatch.setenv("VERIFIER_TOKENIZER", "/no/such/tokenizer")
    with pytest.raises(NotConfigured, match=r"VERIFIER_TOKENIZER.*/no/such/tokenizer"):
        await trl.reward(prompts=["?"], completions=["a"], completion_ids=[[1]], carrier=[TASK])
