"""SkyRL: an environment in which one message of the policy is an episode.

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

SkyRL decodes without special tokens: docs/formats.md says what that leaves of a call.

Source: skyrl-gym 0.4, `skyrl_gym/envs/base_text_env.py`, `skyrl_gym/envs/registration.py`; SkyRL,
`skyrl/train/generators/skyrl_gym_generator.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

from verifier_service.integrations.connection import reward_of, score
from verifier_service.integrations.rows import channel_sample
from verifier_service.integrations.verdicts import measures_of


def __getattr__(name: str) -> Any:
    if name == "ToolCallEnv":
        return _environment()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def _environment() -> type:
    text_environment: Any = import_module("skyrl_gym.envs.base_text_env").BaseTextEnv

    class ToolCallEnv(text_environment):  # type: ignore[misc]  # known when SkyRL is installed
        """Judges the first message and ends; the measures are the episode's metrics."""

        __qualname__ = "ToolCallEnv"

        def __init__(self, env_config: Any, extras: Mapping[str, Any]) -> None:  # noqa: ARG002  SkyRL's signature
            super().__init__()
            self._row = {**extras, **(extras.get("reward_spec") or {})}
            self._measures: dict[str, float] = {}

        def step(self, action: str) -> dict[str, Any]:
            """The reward of the policy's message.

            Raises:
                Unscored: There is none.
                NotConfigured, VerifierError: As `connection.score`.
            """
            self.turns += 1
            (verdict,) = score([channel_sample(action, self._row)])
            reward = reward_of(verdict)
            self._measures = measures_of(verdict)
            return {
                "observations": [],
                "reward": reward,
                "done": True,
                "metadata": dict(self._measures),
            }

        def get_metrics(self) -> dict[str, float]:
            return dict(self._measures)

    return ToolCallEnv
