"""NeMo Gym's resources server `single_step_tool_use_with_argument_comparison`, at `/verify`.

It compares the first call's name and arguments; no JSON Schema, nothing is executed. Its app is
made as `run_webserver` makes it, without ray and the head server.

    python -m benchmarks.peers.nemo_gym PORT
"""

from __future__ import annotations

import json
import sys
from typing import Any

from benchmarks.corpus import TOOLSET, Call, Sample

PARAMETERS = {
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "model": "policy",
}


def body(sample: Sample) -> dict[str, Any]:
    """A rollout as its agent sends one: prompt, tools, and the answer read by a model server."""
    from sandbox_tools import shipped  # noqa: PLC0415 - not in NeMo Gym's environment

    prompt = [{"role": "user", "content": "Do what the task asks for, with the tools you have."}]
    said = _said(sample)
    tools = [
        {"type": "function", "strict": False, **tool["function"]}
        for tool in shipped()[TOOLSET].openai_tools()
    ]
    return {
        "responses_create_params": {"input": prompt, "tools": tools, **PARAMETERS},
        "response": {
            "id": "resp_0", "object": "response", "created_at": 0, "output": [said],
            "tools": tools, **PARAMETERS,
        },
        "expected_action": {"type": "function_call", **_function(sample.calls[0])},
    }  # fmt: skip


def _said(sample: Sample) -> dict[str, Any]:
    """What a model server makes of the completion: a call where it is JSON, else a message."""
    text = str(sample.completion).removeprefix("<tool_call>").removesuffix("</tool_call>")
    try:
        call = json.loads(text)
    except json.JSONDecodeError:
        content = [{"type": "output_text", "text": sample.completion, "annotations": []}]
        return {
            "type": "message", "id": "msg_0", "role": "assistant", "status": "completed",
            "content": content,
        }  # fmt: skip
    return {"type": "function_call", "call_id": "call_0", "id": "fc_0", **_function(call)}


def _function(call: Call) -> dict[str, str]:
    return {"name": call["name"], "arguments": json.dumps(call["arguments"])}


def main(port: int) -> None:
    import uvicorn  # noqa: PLC0415 - `body` is made without NeMo Gym
    from nemo_gym.config_types import BaseServerConfig  # noqa: PLC0415
    from nemo_gym.server_utils import ServerClient  # noqa: PLC0415
    from omegaconf import OmegaConf  # noqa: PLC0415
    from resources_servers.single_step_tool_use_with_argument_comparison import app  # noqa: PLC0415

    server_class = app.SingleStepToolUseArgumentComparisonResourcesServer
    config = app.SingleStepToolUseArgumentComparisonResourcesServerConfig(
        name="verifier",
        host="127.0.0.1",
        port=port,
        entrypoint="app.py",
        domain="agent",
        tool_call_comparator_config={"word_count_similarity_threshold": 0.0},
    )
    head = BaseServerConfig(host="127.0.0.1", port=1)
    client = ServerClient(head_server_config=head, global_config_dict=OmegaConf.create({}))
    server = server_class(config=config, server_client=client)
    web = server.setup_webserver()
    server.setup_exception_middleware(web)
    uvicorn.run(web, host="127.0.0.1", port=port, timeout_keep_alive=30, access_log=False)


if __name__ == "__main__":
    main(int(sys.argv[1]))
