"""Agent Lightning: send the reward of a rollout to the trainer's server.

At the end of your agent:

    from verifier_service.integrations.agent_lightning import post_reward

    post_reward(server_url, rollout_id, messages, row["carrier"])

`row["carrier"]` is the task (`verifier_service.carrier`); the environment names the service: see
`connection`. The last reward of an attempt counts, so that it may be sent again. A rollout that
cannot be scored gets no reward event: `Unscored` is raised.

The service compares tool messages with what the carrier's toolset returns, and one that differs
makes the reward 0 (docs/rewards.md). Where your tools are others, give the carrier their schemas as
`tools` in place of a `toolset`.

Source: agent-lightning 1.0, `agentlightning/schemas.py`, `agentlightning/server/routes/events.py`.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

import httpx

from verifier_service.carrier import Json
from verifier_service.client import Verdict
from verifier_service.conversation import Turns
from verifier_service.integrations.connection import Sample, reason, reward_of, score, score_async
from verifier_service.integrations.transcripts import answer

FIRST_ATTEMPT: Final = "0"
"""Agent Lightning's own default."""
_CONNECTION_ATTEMPTS: Final = 3
_TIMEOUT_S: Final = 30.0


def post_reward(
    server_url: str,
    rollout_id: str,
    completion: Any,
    carrier: Json,
    attempt_id: str = FIRST_ATTEMPT,
    *,
    turns: Turns | None = None,
) -> float:
    """Judge a rollout, send its reward and return it.

    Args:
        completion: The policy's text, or the messages of the rollout.
        turns: Which answers in the messages are the policy's: see `verifier_service.conversation`.
            Else `VERIFIER_TURNS`.

    Raises:
        Unscored: There is no reward, and none is sent.
        NotConfigured, VerifierError: As `connection.score`.
        httpx.HTTPError: Agent Lightning's server does not take it.
    """
    (verdict,) = score([_sample(completion, carrier, turns)])
    event = _event(verdict)
    transport = httpx.HTTPTransport(retries=_CONNECTION_ATTEMPTS)
    with httpx.Client(transport=transport, timeout=_TIMEOUT_S) as server:
        answer = server.post(_events_url(server_url, rollout_id, attempt_id), json=event)
    answer.raise_for_status()
    return reward_of(verdict)


async def post_reward_async(
    server_url: str,
    rollout_id: str,
    completion: Any,
    carrier: Json,
    attempt_id: str = FIRST_ATTEMPT,
    *,
    turns: Turns | None = None,
) -> float:
    """The same for agents on an event loop."""
    (verdict,) = await score_async([_sample(completion, carrier, turns)])
    event = _event(verdict)
    transport = httpx.AsyncHTTPTransport(retries=_CONNECTION_ATTEMPTS)
    async with httpx.AsyncClient(transport=transport, timeout=_TIMEOUT_S) as server:
        answer = await server.post(_events_url(server_url, rollout_id, attempt_id), json=event)
    answer.raise_for_status()
    return reward_of(verdict)


def _sample(completion: Any, carrier: Json, turns: Turns | None) -> Sample:
    said = completion if isinstance(completion, str) else answer(completion, turns)
    return Sample(said, carrier)


def _event(verdict: Verdict) -> dict[str, Json]:
    data = {"value": reward_of(verdict), "message": reason(verdict), "source": "agent"}
    return {"event_type": "reward", "data": data}


def _events_url(server_url: str, rollout_id: str, attempt_id: str) -> str:
    rollout, attempt = quote(rollout_id, safe=""), quote(attempt_id, safe="")
    return f"{server_url.rstrip('/')}/rollouts/{rollout}/attempt/{attempt}/events"
