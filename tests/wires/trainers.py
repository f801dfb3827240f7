"""Small stand-ins for the trainers: what each sends for a sample, and how it reads the answer.

Each reads as the trainer's own code does: where that would raise, this raises.
Source: the files that the modules of `verifier_service/wires/` name.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

KEY: Final = "a-key-of-the-operator"
INSTEAD: Final = -0.25
"""What an operator wants for a reward that does not exist."""

ARGUMENTS: Final = {"ticker": "AAPL", "date": "2025-01-03"}
TRUTH: Final = {
    "behavior": "execute",
    "calls": [{"name": "get_stock_price", "arguments": ARGUMENTS}],
}
CARRIER: Final = {"toolset": "finance", "ground_truth": TRUTH}
CARRIER_TEXT: Final = json.dumps(CARRIER)
PROMPT: Final = [{"role": "user", "content": "What did Apple close at on 3 January 2025?"}]


def call(**arguments: str) -> str:
    """A call as Hermes and Qwen write it."""
    said = json.dumps({"name": "get_stock_price", "arguments": arguments})
    return f"<tool_call>\n{said}\n</tool_call>"


RIGHT: Final = call(**ARGUMENTS)
WRONG: Final = call(ticker="AAPL", date="2025-01-02")
GARBAGE: Final = (
    "", " ", "\x00", "<tool_call>", "{" * 2000, "<tool_call>{]</tool_call>", "<|im_end|>",
    "null", "NaN", "\ud83d", "{}" * 50, "{0.__class__}", "%s%n", "I cannot help with that.",
)  # fmt: skip

SLOW: Final = {
    "tools": [
        {
            "name": "f",
            "parameters": {
                "type": "object",
                "properties": {"x": {"type": "string", "pattern": "^(?=(a+)+$)"}},
            },
        }
    ],
    "ground_truth": [{"name": "f", "arguments": {"x": "aa"}}],
}
"""A task whose own schema backtracks for ever: a completion of it ends in a timeout."""
ENDLESS: Final = json.dumps({"name": "f", "arguments": {"x": "a" * 40 + "!"}})


@dataclass(frozen=True, slots=True)
class Trainer:
    wire: str
    path: str
    ask: Callable[[str, Any], Any]
    """The body for a text and its carrier."""
    take: Callable[[Any], float]
    """The reward in an answer."""
    carrier_at: str
    """JSON Pointer to the carrier in a body."""
    required: str
    """JSON Pointer to a member without which there is no sample."""
    told: Callable[[Any], float | None]
    """What the answer says under `unscored`; None where it has no room to."""

    def __str__(self) -> str:
        return self.path


def _openrlhf(text: str, carrier: Any) -> Any:
    prompt = "<|im_start|>user\nWhat did Apple close at?<|im_end|>\n<|im_start|>assistant\n"
    return {"query": [f"{prompt}{text}<|im_end|>"], "prompts": [prompt], "labels": [carrier]}


def _take_openrlhf(answer: Any) -> float:
    rewards, scores = answer["rewards"], answer.get("scores", answer["rewards"])
    assert len(rewards) == len(scores) == 1
    assert 0.0 <= scores[0] <= 1.0, "dynamic filtering works in 0..1"
    for name, values in answer["extra_logs"].items():
        assert len(values) == 1, name
        float(values[0])
    return float(rewards[0])


def _slime(text: str, carrier: Any) -> Any:
    return {"prompt": PROMPT, "response": f"{text}<|im_end|>", "label": carrier}


def _take_slime(answer: Any) -> float:
    assert answer is not None
    return float(answer)


def _take_slime_object(answer: Any) -> float:
    return float(answer["score"])


def _eval_protocol(text: str, carrier: Any) -> Any:
    said = [*PROMPT, {"role": "assistant", "content": text}]
    return {"messages": said, "ground_truth": carrier, "task_id": "p17"}


def _take_eval_protocol(answer: Any) -> float:
    assert isinstance(answer, dict)
    for metric in answer["metrics"].values():
        assert 0.0 <= float(metric.get("score", 0.0)) <= 1.0
        assert isinstance(metric["reason"], str)
        assert metric["success"] is metric["is_score_valid"]
    assert answer.get("reason") is None or isinstance(answer["reason"], str)
    return float(answer["score"])


def _gemini(text: str, carrier: Any) -> Any:
    contents = [{"role": "user", "parts": [{"text": "What did Apple close at?"}]}]
    example = {"contents": contents, "references": {"carrier": carrier}}
    response = {"role": "model", "parts": [{"text": text}]}
    metadata = {"step": 12, "tuning_job_id": 123456789}
    return {"example": example, "response": response, "metadata": metadata}


def _take_gemini(answer: Any) -> float:
    assert isinstance(answer["user_requested_aux_info"], str)
    return max(-1.0, min(1.0, float(answer["reward"])))


def _sagemaker(text: str, carrier: Any) -> Any:
    said = [*PROMPT, {"role": "assistant", "content": text}]
    return [{"id": "p17-0", "messages": said, "reference_answer": carrier, "metadata": {}}]


def take_results(answer: Any, ids: list[Any]) -> list[float]:
    """A batch of rewards, by the rules of the SDK's check of reward functions."""
    assert isinstance(answer, list)
    assert [result["id"] for result in answer] == ids
    for result in answer:
        for metric in result.get("metrics_list") or []:
            assert isinstance(metric["name"], str)
            assert type(metric["value"]) in {int, float}
            assert metric["type"] in {"Metric", "Reward"}
    return [float(result["aggregate_reward_score"]) for result in answer]


def _take_nova(answer: Any) -> float:
    return take_results(answer, ["p17-0"])[0]


def _take_oss(answer: Any) -> float:
    assert answer["statusCode"] == 200
    return _take_nova(json.loads(answer["body"]))


def _told_sagemaker(answer: Any) -> float:
    results = json.loads(answer["body"]) if isinstance(answer, dict) else answer
    (told,) = [one["value"] for one in results[0]["metrics_list"] if one["name"] == "unscored"]
    return float(told)


TRAINERS: Final = (
    Trainer(
        "openrlhf", "/get_reward", _openrlhf, _take_openrlhf, "/labels/0", "/query",
        lambda answer: answer["extra_logs"]["unscored"][0],
    ),
    Trainer("slime", "/slime", _slime, _take_slime, "/label", "/response", lambda _: None),
    Trainer(
        "slime", "/slime?format=object", _slime, _take_slime_object, "/label", "/response",
        lambda answer: answer["unscored"],
    ),
    Trainer(
        "eval_protocol", "/evaluate", _eval_protocol, _take_eval_protocol, "/ground_truth",
        "/messages", lambda answer: float(not answer["is_score_valid"]),
    ),
    Trainer(
        "gemini", "/gemini/reward", _gemini, _take_gemini, "/example/references/carrier",
        "/response", lambda answer: float(answer["user_requested_aux_info"].startswith("unscored")),
    ),
    Trainer(
        "sagemaker", "/sagemaker/rlvr", _sagemaker, _take_nova, "/0/reference_answer",
        "/0/messages", _told_sagemaker,
    ),
    Trainer(
        "sagemaker", "/sagemaker/rlvr?envelope=oss", _sagemaker, _take_oss, "/0/reference_answer",
        "/0/messages", _told_sagemaker,
    ),
)  # fmt: skip
