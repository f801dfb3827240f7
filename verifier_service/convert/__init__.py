"""Dataset rows of every trainer, to and from ours.

The whole task (ground truth, tools, options, id) travels in the one field that the trainer passes
through to its reward, as a JSON string. Sources: `docs/trainers/`, a page for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from verifier_service.convert.columns import Columns, OneText, as_it_is, as_json, joined
from verifier_service.convert.gemini import Gemini
from verifier_service.convert.ours import Canonical
from verifier_service.convert.responses import NemoGym
from verifier_service.convert.task import PROMPTS, BadRow, Shape, Task

OURS: Final = "canonical"
NAME: Final = "toolcall"
"""What trainers know our tasks by: SkyRL's environment, ROLL's tag."""

_TRL: Final = Columns("prompt", ("carrier",), as_it_is)
_SLIME: Final = Columns("prompt", ("label",), as_it_is, tools="tools")
_AWS: Final = Columns("messages", ("reference_answer",), names_id=True)
_VERL: Final = Columns(
    "prompt",
    ("reward_model", "ground_truth"),
    constants={"data_source": NAME, "ability": NAME},
    beside={"style": "rule"},
)
_SKYRL: Final = Columns(
    "prompt",
    ("reward_spec", "ground_truth"),
    constants={"data_source": NAME, "env_class": NAME},
    beside={"method": "rule"},
)
_OPEN_INSTRUCT: Final = Columns("messages", ("ground_truth",), constants={"dataset": "tool_calls"})

SHAPES: Final[Mapping[str, Shape]] = MappingProxyType(
    {
        OURS: Canonical(),
        "trl": _TRL,
        "unsloth": _TRL,
        "axolotl": _TRL,
        "openrlhf": Columns("input", ("label",), as_it_is),
        "slime": _SLIME,
        "miles": _SLIME,
        "verl": _VERL,
        "easyr1": OneText("prompt", ("answer",), joined),
        "ms-swift": Columns("messages", ("carrier",), tools="tools"),
        "nemo-gym": NemoGym(),
        "verifiers": NemoGym(),
        "prime-rl": NemoGym(),
        "skyrl": _SKYRL,
        "areal": Columns("messages", ("carrier",)),
        "roll": Columns("messages", ("ground_truth",), as_json, constants={"tag": NAME}),
        "rllm": Columns("prompt", ("carrier",), as_it_is),
        "sagemaker": _AWS,
        "bedrock": _AWS,
        "gemini": Gemini(),
        "eval-protocol": Columns("messages", ("ground_truth",), tools="tools", tools_written=list),
        "open-instruct": _OPEN_INSTRUCT,
    }
)
"""By the trainer's name, as the command line has it."""

__all__ = ["OURS", "PROMPTS", "SHAPES", "BadRow", "Canonical", "Shape", "Task"]
