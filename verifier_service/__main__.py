"""`python -m verifier_service`: read the settings from the environment and serve."""

from __future__ import annotations

import sys

from pydantic import ValidationError

from verifier_service.serve import refuse, serve
from verifier_service.settings import Settings, settings_faults


def main() -> int:
    """Serve as the environment says; returns the exit code."""
    try:
        settings = Settings()
    except ValidationError as error:
        return refuse(settings_faults(error))
    return serve(settings)


if __name__ == "__main__":
    sys.exit(main())
