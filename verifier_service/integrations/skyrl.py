"""SkyRL: an environment that runs the policy's calls in the service's sandbox.

    python -m verifier_service.integrations.skyrl_main \\
      environment.env_class=toolcall \\
      environment.skyrl_gym.max_env_workers=32 \\
      data.train_data="['train.parquet']" …

or, in a main script of your own, inside the Ray task:

    from skyrl_gym.envs import register

    register(id="toolcall", entry_point="verifier_service.integrations.skyrl:ToolCallEnv")

A row's `reward_spec.ground_truth`, or its column `carrier`, holds the carrier
(`verifier_service.carrier`); columns such as `toolset` fill in what it leaves out. The environment
names the service: see `connection`. With `max_env_workers=0` every step blocks SkyRL's event loop.

With `generator.max_turns=1`, SkyRL's default, the first message is the episode. With more, the
policy is told what its calls return, as Qwen's and Hermes' templates do, until it calls no more or
its turns are spent; the last step has the reward of the whole episode, and those before it 0.
Nothing is executed where a task brings `tools` of its own.

SkyRL decodes without special tokens: docs/formats.md says what that leaves of a call.

Source: skyrl-gym 0.4, `skyrl_gym/envs/base_text_env.py`, `skyrl_gym/envs/registration.py`; SkyRL,
`skyrl/train/generators/skyrl_gym_generator.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

from verifier_service.carrier import Json
from verifier_service.client import Verdict
from verifier_service.integrations.columns import row_sample
from verifier_service.integrations.connection import reward_of, score
from verifier_service.integrations.verdicts import measures_of


def __getattr__(name: str) -> Any:
    if name == "ToolCallEnv":
        return _environment()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def _environment() -> type:
    text_environment: Any = import_module("skyrl_gym.envs.base_text_env").BaseTextEnv

    class ToolCallEnv(text_environment):  # type: ignore[misc]  # known when SkyRL is installed
        """Judges an episode at its end; the measures are its metrics."""

        __qualname__ = "ToolCallEnv"

        def __init__(self, env_config: Any, extras: Mapping[str, Any]) -> None:  # noqa: ARG002  SkyRL's signature
            super().__init__()
            self.max_turns = extras.get("max_turns") or 1
            self._row = {**extras, **(extras.get("reward_spec") or {})}
            self._messages: list[dict[str, str]] = []
            self._n_results = 0
            self._measures: dict[str, float] = {}

        def step(self, action: str) -> dict[str, Any]:
            """What the calls of a message return, or at the end of an episode its reward.

            Raises:
                Unscored: There is none.
                NotConfigured, VerifierError: As `connection.score`.
            """
            self.turns += 1
            self._messages.append({"role": "assistant", "content": action})
            verdict = self._verdict()
            reward, self._measures = reward_of(verdict), measures_of(verdict)
            heard = [] if self.turns >= self.max_turns else self._new_results(verdict)
            self._messages += heard
            return {
                "observations": heard,
                "reward": 0.0 if heard else reward,
                "done": not heard,
                "metadata": dict(self._measures),
            }

        def get_metrics(self) -> dict[str, float]:
            return dict(self._measures)

        def _verdict(self) -> Verdict:
            single = len(self._messages) == 1
            completion = self._messages[0]["content"] if single else self._messages
            (verdict,) = score([row_sample(completion, self._row)], detail="full")
            return verdict

        def _new_results(self, verdict: Verdict) -> list[dict[str, str]]:
            """What the calls of the last message returned, in one message; none if it had none."""
            results = verdict.raw.get("results") or []
            new, self._n_results = results[self._n_results :], len(results)
            return [{"role": "user", "content": "\n".join(map(_shown, new))}] if new else []

    return ToolCallEnv


def _shown(result: Mapping[str, Json]) -> str:
    """A result as templates show it, which is also how the service knows it again."""
    said = result.get("value", result)
    return f"<tool_response>\n{json.dumps(said, ensure_ascii=False)}\n</tool_response>"
