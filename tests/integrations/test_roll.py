"""The reward worker for ROLL. Needs torch, as ROLL does."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.integrations.reference import GARBAGE, MEASURES, RIGHT, TASK, UNSCORABLE, Example
from verifier_service.integrations import roll
from verifier_service.integrations.connection import Unscored

torch = pytest.importorskip("torch")

PAD = 0
END = "<|im_end|>"


class StandInWorker:
    """`Worker` of ROLL."""

    def __init__(self, worker_config: Any) -> None:
        self.worker_config = worker_config
        self.rank_info = SimpleNamespace(rank=1, world_size=4)


class StandInDataProto:
    """`DataProto` of ROLL."""

    def __init__(self, batch: dict[str, Any], columns: dict[str, list[Any]] | None = None) -> None:
        self.batch, self.non_tensor_batch, self.meta_info = batch, columns or {}, {}

    @classmethod
    def from_dict(cls, tensors: dict[str, Any]) -> StandInDataProto:
        return cls(tensors)


class CharacterTokenizer:
    """One token a character; 0 pads, 1 ends a turn."""

    pad_token_id = PAD

    def encode(self, text: str) -> list[int]:
        return [ord(character) + 2 for character in text] + [1]

    def decode(self, ids: list[int], skip_special_tokens: bool = True) -> str:
        special = {PAD: "<|endoftext|>", 1: END}
        if skip_special_tokens:
            ids = [token for token in ids if token not in special]
        return "".join(special.get(token) or chr(token - 2) for token in ids)


def register(**options: Any) -> Any:
    def registered(method: Any) -> Any:
        method.options = options
        return method

    return registered


@pytest.fixture(autouse=True)
def upstream(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stand-ins for the modules of ROLL that the worker's base comes from."""
    members: dict[str, dict[str, Any]] = {
        "roll": {},
        "roll.distributed": {},
        "roll.distributed.executor": {},
        "roll.distributed.executor.worker": {"Worker": StandInWorker},
        "roll.distributed.scheduler": {},
        "roll.distributed.scheduler.protocol": {"DataProto": StandInDataProto},
        "roll.distributed.scheduler.decorator": {
            "Dispatch": SimpleNamespace(ONE_TO_ALL="all", DP_MP_COMPUTE="compute"),
            "register": register,
        },
        "roll.models": {},
        "roll.models.model_providers": {
            "default_tokenizer_provider": lambda **_: CharacterTokenizer()
        },
    }
    for name, attributes in members.items():
        module = ModuleType(name)
        vars(module).update(attributes)
        monkeypatch.setitem(sys.modules, name, module)
    roll._worker.cache_clear()
    yield
    roll._worker.cache_clear()


def worker() -> Any:
    return roll.ToolCallRewardWorker(SimpleNamespace(model_args=None))


def batch(texts: list[str], carriers: list[Any], **columns: list[Any]) -> StandInDataProto:
    rows = [CharacterTokenizer().encode(text) for text in texts]
    longest = max(map(len, rows))
    responses = torch.tensor([row + [PAD] * (longest - len(row)) for row in rows])
    known = {"ground_truth": carriers, "tag": ["toolcall"] * len(texts)}
    return StandInDataProto({"responses": responses}, {**known, **columns})


def test_each_response_gets_the_services_reward(texts: list[Example]) -> None:
    carriers = [json.dumps(each.carrier) for each in texts]
    output = worker().compute_rewards(batch([each.completion for each in texts], carriers))
    expected = torch.tensor([each.reward for each in texts], dtype=torch.float16)
    assert torch.equal(output.batch["response_level_rewards"], expected)


def test_the_answer_has_the_tensors_of_every_domain() -> None:
    data = batch([RIGHT, "no"], [json.dumps(TASK)] * 2)
    output = worker().compute_rewards(data)
    rewards = torch.tensor([1.0, 0.0], dtype=torch.float16)
    zeros = torch.zeros_like(data.batch["responses"], dtype=torch.float16)
    assert output.batch.keys() == {"token_level_rewards", "response_level_rewards", "scores"}
    assert torch.equal(output.batch["scores"], rewards)
    assert torch.equal(output.batch["token_level_rewards"], zeros)
    assert {tensor.dtype for tensor in output.batch.values()} == {torch.float16}


def test_special_tokens_are_kept_and_padding_is_not() -> None:
    tokenizer = CharacterTokenizer()
    assert roll._text(tokenizer, [PAD, *tokenizer.encode("a"), PAD, PAD]) == f"<|endoftext|>a{END}"
    assert roll._text(tokenizer, [PAD, PAD]) == ""


def test_metrics_are_means_under_the_same_names_for_garbage() -> None:
    texts = [text for text in GARBAGE if "\ud7ff" not in text]
    output = worker().compute_rewards(batch([RIGHT, *texts], [json.dumps(TASK)] * (len(texts) + 1)))
    metrics = output.meta_info["metrics"]
    assert metrics.keys() == {f"toolcall/{name}" for name in MEASURES}
    assert metrics["toolcall/tier"] == pytest.approx(2 / (len(texts) + 1))


def test_columns_fill_in_what_the_carrier_leaves_out() -> None:
    truth = json.dumps(TASK["ground_truth"])
    data = batch([RIGHT], [truth], toolset=["finance"])
    assert worker().compute_rewards(data).batch["scores"].tolist() == [1.0]


def test_a_response_without_a_reward_raises() -> None:
    with pytest.raises(Unscored, match="no_such_tool"):
        worker().compute_rewards(batch([RIGHT], [json.dumps(UNSCORABLE)]))


def test_a_number_in_place_of_a_reward_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_UNSCORED", "-1")
    carriers = [json.dumps(UNSCORABLE), json.dumps(TASK)]
    output = worker().compute_rewards(batch([RIGHT] * 2, carriers))
    assert output.batch["scores"].tolist() == [-1.0, 1.0]
    assert output.meta_info["metrics"]["toolcall/unscored"] == 0.5


def test_the_batch_stays_as_it_is() -> None:
    data = batch([RIGHT], [json.dumps(TASK)])
    before, columns = data.batch["responses"].clone(), copy.deepcopy(data.non_tensor_batch)
    worker().compute_rewards(data)
    assert torch.equal(data.batch["responses"], before)
    assert (data.batch.keys(), data.non_tensor_batch) == ({"responses"}, columns)


def test_both_methods_are_dispatched_as_roll_does() -> None:
    found = worker()
    assert found.initialize.options == {"dispatch_mode": "all"}
    assert found.compute_rewards.options == {"dispatch_mode": "compute", "clear_cache": False}
    assert (found.rank_info.dp_rank, found.rank_info.dp_size) == (1, 4)
    assert found.initialize(SimpleNamespace()) is None
