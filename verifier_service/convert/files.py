"""Rows in files: JSON Lines, and Parquet where pyarrow is installed."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Final

from verifier_service.carrier import Json
from verifier_service.convert.task import BadRow

PARQUET: Final = ".parquet"
Write = Callable[[Mapping[str, Json]], None]


class NoParquet(Exception):
    """A file is Parquet, and cannot be read or written; says why and what to do."""


def parquet_rows(path: Path) -> Iterator[Mapping[str, Json]]:
    """The rows of a Parquet file, without the nulls (and NaN) that stand for what is missing.

    Raises:
        NoParquet: pyarrow is not installed, or the file is something else.
    """
    arrow, parquet = _pyarrow()
    try:
        for batch in parquet.ParquetFile(path).iter_batches():
            yield from map(_without_nulls, batch.to_pylist())
    except arrow.ArrowException as error:
        raise NoParquet(f"{path} cannot be read as Parquet: {_first_line(error)}") from None


@contextmanager
def parquet_writer(path: Path) -> Iterator[Write]:
    """A function that takes rows; they are written at the end, when all columns are known.

    Raises:
        NoParquet: pyarrow is not installed, or a column holds values of several types.
    """
    arrow, parquet = _pyarrow()
    rows: list[Mapping[str, Json]] = []
    yield rows.append
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: _column(arrow, name, [row.get(name) for row in rows]) for name in names}
    parquet.write_table(arrow.table(columns), path)


@contextmanager
def json_lines_writer(stream: BinaryIO) -> Iterator[Write]:
    """A function that writes one row as one line."""

    def write(row: Mapping[str, Json]) -> None:
        stream.write(json_line(row))

    yield write
    stream.flush()


def json_line(row: Mapping[str, Json]) -> bytes:
    """A row in UTF-8; what UTF-8 cannot say (half of a surrogate pair) stays escaped.

    Raises:
        BadRow: It holds what JSON has not: a date, bytes, infinity, endless nesting.
    """
    try:
        text = json.dumps(row, ensure_ascii=False, allow_nan=False)
        return text.encode("utf-8") + b"\n"
    except UnicodeEncodeError:
        return json.dumps(row).encode("ascii") + b"\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRow("", f"cannot be written as JSON: {error}") from None


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Where to write a file that takes its name once it is whole; else the old one stays."""
    target = path.resolve()
    if target.exists() and not target.is_file():  # a device or a pipe
        yield target
        return
    partial = target.with_name(f"{target.name}.partial")
    try:
        yield partial
        if target.exists():
            shutil.copymode(target, partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def decoded(lines: Iterable[bytes], value_of: Callable[[str], Json]) -> Iterator[Json | BadRow]:
    """Each line as an object, None for an empty one, or what is wrong with it."""
    for number, line in enumerate(lines):
        yield _decoded(line.removeprefix(b"\xef\xbb\xbf") if not number else line, value_of)


def _decoded(line: bytes, value_of: Callable[[str], Json]) -> Json | BadRow:
    if not line.strip():
        return None
    try:
        row = value_of(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return BadRow("", f"not UTF-8 at byte {error.start}; each line must be one JSON object")
    except ValueError as error:
        return BadRow("", f"{error}; each line must be one JSON object")
    return row if isinstance(row, dict) else BadRow("", "each line must be one JSON object")


def _column(arrow: Any, name: str, values: list[Json]) -> Any:
    try:
        return arrow.array(values)
    except arrow.ArrowException as error:
        message = f"Parquet has one type a column, {name} has several ({_first_line(error)})"
        raise NoParquet(f"{message}; write .jsonl") from None


def _without_nulls(value: Json) -> Json:
    if isinstance(value, dict):
        given = {key: member for key, member in value.items() if not _is_missing(member)}
        return {key: _without_nulls(member) for key, member in given.items()}
    if isinstance(value, list):
        return [_without_nulls(element) for element in value]
    return value


def _is_missing(value: Json) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _pyarrow() -> tuple[Any, Any]:
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        message = "Parquet needs pyarrow: pip install pyarrow, or write .jsonl"
        raise NoParquet(message) from None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
