"""What every callable is measured against: the examples, scored by a really running service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.running_service import running_service
from verifier_service.integrations import connection

EXAMPLES: Final = Path(__file__).parents[2] / "examples" / "completions.jsonl"
CARRIED: Final = ("id", "ground_truth", "toolset", "tools", "profile", "format", "options")
PROMPT: Final = (
    {"role": "system", "content": "Call tools."},
    {"role": "user", "content": "What was it?"},
)
MEASURES: Final = frozenset(
    ("tier", "parse", "name", "schema", "arguments", "execution", "text", "unscored")
)
OURS: Final = (
    "API_KEY", "FORMAT", "PROFILE", "RETRY_BUDGET_S", "TIMEOUT_S", "TOOLSET", "TURNS", "UNSCORED",
)  # fmt: skip
"""Variables that a developer may have set."""


@dataclass(frozen=True, slots=True)
class Example:
    """A completion, its task, and the reward that POST /score gives."""

    completion: Any
    carrier: dict[str, Any]
    reward: float
    tier: str

    @property
    def messages(self) -> list[Any]:
        """The episode as a conversation."""
        if isinstance(self.completion, str):
            return [*PROMPT, {"role": "assistant", "content": self.completion}]
        listed = isinstance(self.completion, list)
        return [*PROMPT, *(self.completion if listed else [self.completion])]


UNSCORABLE: Final = {
    "toolset": "finance",
    "ground_truth": [{"name": "no_such_tool", "arguments": {}}],
}
"""The carrier of a task that cannot be scored."""
GARBAGE: Final = ("", " ", "\x00\ud7ff", "<tool_call>", "{" * 100, "<tool_call>{]</tool_call>")
TASK: Final = {
    "toolset": "finance",
    "ground_truth": [
        {"name": "get_stock_price", "arguments": {"ticker": "AAPL", "date": "2025-01-03"}}
    ],
}
RIGHT: Final = f"<tool_call>\n{json.dumps(TASK['ground_truth'][0])}\n</tool_call>"  # type: ignore[index]


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_service(tmp_path_factory.mktemp("reference"), "--workers", "1") as service:
        yield service.url


@pytest.fixture(autouse=True)
def environment(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The service in the environment, and connections of its own for each test."""
    for name in OURS:
        monkeypatch.delenv(f"VERIFIER_{name}", raising=False)
    monkeypatch.setenv("VERIFIER_URL", url)
    yield
    for client in connection._blocking.values():
        client.close()
    connection._blocking.clear()


@pytest.fixture(scope="session")
def scored(url: str) -> list[Example]:
    """Every example that can be scored."""
    cases = [json.loads(line) for line in EXAMPLES.read_text("utf-8").split("\n") if line]
    items = [
        {name: case[name] for name in (*CARRIED, "completion") if name in case} for case in cases
    ]
    answer = httpx.post(f"{url}/score", json={"items": items}, timeout=60).raise_for_status()
    return [
        Example(item.pop("completion"), item, verdict["reward"], verdict["tier"])
        for item, verdict in zip(items, answer.json()["verdicts"], strict=True)
        if verdict["outcome"] == "scored"
    ]


@pytest.fixture(scope="session")
def texts(scored: list[Example]) -> list[Example]:
    """Examples whose completion is text: enough of them to meet every tier."""
    chosen = [example for example in scored if isinstance(example.completion, str)][::9]
    assert {example.tier for example in chosen} == {"full", "partial", "none"}
    return chosen


@pytest.fixture(scope="session")
def chats(scored: list[Example], texts: list[Example]) -> list[Example]:
    """The same and examples whose completion is messages with OpenAI's calls."""
    structured = [example for example in scored if "tool_calls" in json.dumps(example.completion)]
    messages = [example for example in structured if not isinstance(example.completion, str)]
    assert len(messages) > 20
    return [*texts, *messages]


def assistant(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}
