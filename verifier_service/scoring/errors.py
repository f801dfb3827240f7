"""The one exception that scoring may raise: the task is wrong, and its caller must know where."""

from __future__ import annotations

from verifier_service.scoring.codes import Code
from verifier_service.scoring.types import Failure


class BadTask(Exception):
    """The caller's ground truth, tools or options are wrong: outcome `invalid_task`.

    Args:
        path: JSON Pointer into the item, such as `/ground_truth/calls/0/name`.
        message: What is wrong and what to do about it.
    """

    def __init__(self, code: Code, path: str, message: str) -> None:
        self.code, self.path, self.message = code, path, message
        super().__init__(f"{path}: {message}")

    @property
    def failure(self) -> Failure:
        return Failure(self.code, self.path, self.message)
