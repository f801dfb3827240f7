"""The reward event for Agent Lightning, received by a server that speaks its protocol."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from tests.integrations.reference import (
    GARBAGE,
    PROMPT,
    RIGHT,
    TASK,
    UNSCORABLE,
    Example,
    assistant,
)
from verifier_service.integrations.agent_lightning import post_reward, post_reward_async
from verifier_service.integrations.connection import Unscored


class StandInServer(ThreadingHTTPServer):
    """Agent Lightning's server: it keeps the events of the rollouts that it knows."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Events)
        self.events: list[tuple[str, dict[str, Any]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Events(BaseHTTPRequestHandler):
    server: StandInServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        known = "unknown" not in self.path
        if known:
            self.server.events.append((self.path, body))
        self.send_response(200 if known else 404)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def server() -> Iterator[StandInServer]:
    with StandInServer() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_each_rollout_gets_the_services_reward(chats: list[Example], server: StandInServer) -> None:
    found = [
        post_reward(server.url, "r1", each.messages, each.carrier, turns="all") for each in chats
    ]
    assert found == [each.reward for each in chats]
    assert [event["data"]["value"] for _, event in server.events] == found


async def test_an_agent_on_an_event_loop_sends_the_same(
    texts: list[Example], server: StandInServer
) -> None:
    for each in texts:
        await post_reward_async(server.url, "r1", each.completion, each.carrier)
    assert [event["data"]["value"] for _, event in server.events] == [e.reward for e in texts]


def test_the_event_stands_in_its_attempt_and_says_why(server: StandInServer) -> None:
    post_reward(f"{server.url}/", "a/b", "It was 3.", TASK, attempt_id="2")
    [(path, event)] = server.events
    assert path == "/rollouts/a%2Fb/attempt/2/events"
    assert (event["event_type"], event["data"]["source"]) == ("reward", "agent")
    assert "behavior.mismatch" in event["data"]["message"]


@pytest.mark.parametrize("text", GARBAGE)
def test_garbage_is_scored(text: str, server: StandInServer) -> None:
    assert post_reward(server.url, "r1", [*PROMPT, assistant(text)], TASK) == 0.0
    # Agent Lightning takes a boolean, or anything that is no number, for a missing reward.
    assert [type(event["data"]["value"]) for _, event in server.events] == [float]


def test_a_rollout_without_a_reward_sends_nothing(server: StandInServer) -> None:
    with pytest.raises(Unscored, match="no_such_tool"):
        post_reward(server.url, "r1", RIGHT, UNSCORABLE)
    assert server.events == []


def test_a_rollout_that_the_server_does_not_know_raises(server: StandInServer) -> None:
    with pytest.raises(httpx.HTTPStatusError, match="404"):
        post_reward(server.url, "unknown", RIGHT, TASK)
