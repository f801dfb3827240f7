"""NeMo Gym: its simple agent runs whole rollouts with the service as its resources server."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import uvicorn
from fastapi import FastAPI
from nemo_gym.config_types import BaseServerConfig
from nemo_gym.server_utils import (
    GlobalAIOHTTPAsyncClientConfig,
    ServerClient,
    set_global_aiohttp_client,
)
from omegaconf import OmegaConf
from responses_api_agents.simple_agent.app import SimpleAgent, SimpleAgentConfig

from tests.trainers.samples import CARRIER, MESSAGES, PROMPT, URL, passed, same_as_the_service
from verifier_service.convert import SHAPES, Task

HOST = "127.0.0.1"
TOOL = {"type": "function", "function": {"name": "get_stock_price"}}
"""No more than it has to say: `verifier convert` adds what Gym wants besides."""


async def main() -> None:
    set_global_aiohttp_client(GlobalAIOHTTPAsyncClientConfig())
    agent_at, model_at = free_port(), free_port()
    agent = simple_agent(agent_at, model_at)
    async with (
        serving(agent.setup_webserver(), agent_at),
        serving(policy(), model_at),
        httpx.AsyncClient(base_url=f"http://{HOST}:{agent_at}", timeout=60) as gym,
    ):
        results = [await rollout(gym, index) for index in range(len(MESSAGES))]
        summary = await gym.post("/aggregate_metrics", json={"verify_responses": results})
    same_as_the_service((result["reward"] for result in results), MESSAGES)
    numbers = [sorted(name for name, value in one.items() if is_number(value)) for one in results]
    assert all(names == numbers[0] for names in numbers), numbers
    members = summary.raise_for_status().json().keys()
    assert members >= {"group_level_metrics", "agent_metrics", "key_metrics"}, members
    passed("nemo-gym", "SimpleAgent /run: seed_session, a tool, verify, aggregate_metrics")


async def rollout(gym: httpx.AsyncClient, index: int) -> dict[str, Any]:
    row = SHAPES["nemo-gym"].row(Task(PROMPT, CARRIER, shown=[TOOL]))
    row["responses_create_params"]["user"] = str(index)
    answer = await gym.post("/run", json=row)
    assert answer.status_code == 200, answer.text
    return answer.json()


def is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def simple_agent(agent_at: int, model_at: int) -> SimpleAgent:
    """As Gym's launcher makes it from a configuration that names three servers."""
    service = urlsplit(URL)
    servers = {
        "agent": {"responses_api_agents": {"simple_agent": {"host": HOST, "port": agent_at}}},
        "policy": {"responses_api_models": {"policy": {"host": HOST, "port": model_at}}},
        "toolcall": {
            "resources_servers": {"toolcall": {"host": service.hostname, "port": service.port}}
        },
    }
    config = SimpleAgentConfig(
        name="agent",
        host=HOST,
        port=agent_at,
        entrypoint="app.py",
        resources_server={"type": "resources_servers", "name": "toolcall"},
        model_server={"type": "responses_api_models", "name": "policy"},
    )
    head = BaseServerConfig(host=HOST, port=1)
    client = ServerClient(head_server_config=head, global_config_dict=OmegaConf.create(servers))
    return SimpleAgent(config=config, server_client=client)


def policy() -> FastAPI:
    """A model server that makes the calls of one turn, and then says that it is done."""
    app = FastAPI()

    @app.post("/v1/responses")
    def respond(body: dict[str, Any]) -> dict[str, Any]:
        turn = MESSAGES[int(body["user"])]
        started = any(item.get("type") == "function_call" for item in body["input"])
        done = {"role": "assistant", "content": "Done."}
        output = items(done if started else turn)
        return {
            "id": "resp_1", "object": "response", "created_at": 0, "model": "policy",
            "output": output, "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
        }  # fmt: skip

    return app


def items(message: dict[str, Any]) -> list[dict[str, Any]]:
    """A turn in the items of the Responses API."""
    if calls := message.get("tool_calls"):
        return [
            {"type": "function_call", "call_id": call["id"], "id": "fc_1", **call["function"]}
            for call in calls
        ]
    text = {"type": "output_text", "text": message["content"], "annotations": []}
    return [
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
         "content": [text]}
    ]  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def serving(app: FastAPI, port: int) -> Any:
    server = uvicorn.Server(uvicorn.Config(app, host=HOST, port=port, log_level="warning"))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  uvicorn offers no event
        await asyncio.sleep(0.05)
    try:
        yield
    finally:
        server.should_exit = True
        await task


if __name__ == "__main__":
    asyncio.run(main())
