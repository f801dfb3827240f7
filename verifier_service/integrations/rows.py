"""Rows whose field `ground_truth` is the trainer's one channel, and so may hold a whole carrier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from verifier_service.carrier import NESTED
from verifier_service.integrations.columns import row_sample
from verifier_service.integrations.connection import Sample

CHANNEL: Final = "ground_truth"


def channel_sample(completion: Any, row: Mapping[str, Any]) -> Sample:
    """A completion with the carrier in `carrier` or `ground_truth`; other fields fill in the rest.

    A row that holds neither may hold a ground truth under another of its names.
    """
    sample = row_sample(completion, row)
    if row.get(NESTED) is not None or row.get(CHANNEL) is None or "expected_result" in row:
        return sample
    return Sample(completion, row[CHANNEL], sample.settings)
