"""SkyRL's own main program, with the environment `toolcall` registered.

    python -m verifier_service.integrations.skyrl_main environment.env_class=toolcall …

Takes every argument that `python -m skyrl.train.entrypoints.main_base` takes. The variables
`VERIFIER_*` of this process go to the training task, wherever Ray runs it.

Source: SkyRL, `skyrl/train/entrypoints/main_base.py`, `examples/train/multiply/`.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any, Final

ENVIRONMENT: Final = "toolcall"
ENTRY_POINT: Final = "verifier_service.integrations.skyrl:ToolCallEnv"


def main() -> None:
    """Train as the command line says."""
    ray = import_module("ray")
    utils = import_module("skyrl.train.utils")
    configuration = import_module("skyrl.train.config").SkyRLTrainConfig
    settings = configuration.from_cli_overrides(sys.argv[1:])
    utils.validate_cfg(settings)
    utils.initialize_ray(settings)
    variables = {name: value for name, value in os.environ.items() if name.startswith("VERIFIER_")}
    task = ray.remote(num_cpus=1, runtime_env={"env_vars": variables})(train)
    ray.get(task.remote(settings))


def train(settings: Any) -> None:
    """One run, in the process that holds the environments."""
    import_module("skyrl_gym.envs").register(id=ENVIRONMENT, entry_point=ENTRY_POINT)
    import_module("skyrl.train.entrypoints.main_base").BasePPOExp(settings).run()


if __name__ == "__main__":
    main()
