"""BFCL's decoder of Python-style calls and its `ast_checker`, as its simple category uses them.

It checks names, types and possible answers; no JSON Schema, nothing is executed. Its completions
are the right ones of the corpus in the form that it reads, `[f(a=1)]`. Its registry of models is
replaced by one entry: importing the real one takes the clients of a hundred APIs.
"""

from __future__ import annotations

import itertools
import sys
import types
from collections.abc import Callable
from typing import Any

from benchmarks.contender import take_turns
from benchmarks.corpus import Call, mixed
from benchmarks.measure import Tree, cpu_us_each

SAMPLES = 1024
MODEL = "one"
TYPES = {str: "string", int: "integer", float: "float"}


def registry() -> types.ModuleType:
    """In place of `bfcl_eval.constants.model_config`."""
    module = types.ModuleType("bfcl_eval.constants.model_config")
    entry = types.SimpleNamespace(underscore_to_dot=False)
    vars(module)["MODEL_CONFIG_MAPPING"] = {MODEL: entry}
    return module


def checked() -> Callable[[str, Call], bool]:
    """The peer's verdict on a completion."""
    sys.modules["bfcl_eval.constants.model_config"] = registry()
    from bfcl_eval.constants.enums import Language  # noqa: PLC0415 - after the registry
    from bfcl_eval.eval_checker.ast_eval.ast_checker import ast_checker  # noqa: PLC0415
    from bfcl_eval.model_handler.utils import default_decode_ast_prompting  # noqa: PLC0415

    def check(text: str, call: Call) -> bool:
        decoded = default_decode_ast_prompting(text)
        answer = {call["name"]: {name: [value] for name, value in call["arguments"].items()}}
        found = ast_checker(
            [described(call)], decoded, [answer], Language.PYTHON, "simple_python", MODEL
        )
        return bool(found["valid"])

    return check


def described(call: Call) -> dict[str, Any]:
    """The function as BFCL describes one."""
    arguments = call["arguments"]
    properties = {name: {"type": TYPES[type(value)]} for name, value in arguments.items()}
    parameters = {"type": "dict", "properties": properties, "required": list(arguments)}
    return {"name": call["name"], "parameters": parameters}


def written(call: Call) -> str:
    arguments = ", ".join(f"{name}={value!r}" for name, value in call["arguments"].items())
    return f"[{call['name']}({arguments})]"


def main() -> None:
    check = checked()

    def measured(number: int) -> Tree:
        calls = [sample.calls[0] for sample in itertools.islice(mixed(number), SAMPLES)]
        texts = [written(call) for call in calls]
        valid: list[bool] = []
        us = cpu_us_each(lambda: valid.extend(map(check, texts, calls)), SAMPLES)
        assert all(valid), "all of them are right"
        return {"us": us}

    take_turns(measured)


if __name__ == "__main__":
    main()
