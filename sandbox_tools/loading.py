"""Finding toolsets: one file, a directory of them, and those that are shipped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from sandbox_tools.errors import ToolsetError
from sandbox_tools.python_file import load_python
from sandbox_tools.tables import load_yaml
from sandbox_tools.toolset import Toolset

_READERS: Final[Mapping[str, Callable[[Path], Toolset]]] = MappingProxyType(
    {".py": load_python, ".yaml": load_yaml, ".yml": load_yaml}
)


def load(path: str | Path) -> Toolset:
    """The toolset in one `.py`, `.yaml` or `.yml` file.

    Raises:
        ToolsetError: The file is wrong; says where and what to do.
    """
    path = Path(path)
    reader = _READERS.get(path.suffix)
    if reader is None:
        remedy = f"A toolset is a file that ends in {', '.join(_READERS)}."
        raise ToolsetError("not a toolset file", file=str(path), remedy=remedy)
    return reader(path)


def load_directory(path: str | Path) -> dict[str, Toolset]:
    """All toolsets in a directory by name, in the order of the file names.

    Files of other kinds, names that start with `_` or `.` and subdirectories are left out.

    Raises:
        ToolsetError: No such directory, none in it, a wrong file, or two of one name.
    """
    path = Path(path)
    if not path.is_dir():
        raise ToolsetError("no such directory", file=str(path), remedy="Check the path.")
    toolsets: dict[str, Toolset] = {}
    for file in sorted(path.iterdir()):
        if file.suffix in _READERS and not file.name.startswith(("_", ".")):
            toolset = load(file)
            if toolset.name in toolsets:
                message = f"another file here names its toolset `{toolset.name}` too"
                raise ToolsetError(message, file=str(file), remedy="Rename one of the two.")
            toolsets[toolset.name] = toolset
    if not toolsets:
        remedy = f"Give a folder of files that end in {', '.join(_READERS)}."
        raise ToolsetError("no toolset is in this directory", file=str(path), remedy=remedy)
    return toolsets


def shipped() -> dict[str, Toolset]:
    """The toolsets that come with this package: assistant, assistant_heldout and finance."""
    return dict(_shipped())


@cache
def _shipped() -> Mapping[str, Toolset]:
    return load_directory(Path(__file__).parent / "catalog")
