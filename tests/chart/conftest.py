"""Each value set, rendered once."""

from __future__ import annotations

from functools import cache

import pytest

from tests.chart.rendering import Release, release
from tests.chart.value_sets import LONGEST_RELEASE, VALUE_SETS

_rendered = cache(lambda name: release(VALUE_SETS[name], release=LONGEST_RELEASE))


@pytest.fixture(params=VALUE_SETS)
def rendered(request: pytest.FixtureRequest) -> Release:
    """A value set's objects, for a release whose name is as long as Helm allows."""
    return _rendered(request.param)
