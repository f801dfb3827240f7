"""The exceptions of this package.

Exception
├── ToolError       the tool refuses a call: the policy's doing, a result like any other
├── SandboxError    a tool, or we, failed: never a reward
└── ToolsetError    a toolset file is wrong: its author's doing, found when it is loaded
"""

from __future__ import annotations


class ToolError(Exception):
    """A tool refuses a call, in words that the model may read: unknown ticker, no such order."""


class SandboxError(Exception):
    """A tool broke: any exception other than `ToolError`, or a result that is not JSON."""


class ToolsetError(Exception):
    """A toolset cannot be loaded.

    Its text names the file, the line where one is known, what is wrong and what to do.
    """

    def __init__(self, message: str, *, file: str, line: int | None = None, remedy: str) -> None:
        self.message, self.file, self.line, self.remedy = message, file, line, remedy
        where = file if line is None else f"{file}:{line}"
        super().__init__(f"{where}: {message}. {remedy}")
