"""What holds for all tests."""

from __future__ import annotations

import os

from hypothesis import settings

# The same examples on every run of CI: a finding of chance belongs to whoever looks for one.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
