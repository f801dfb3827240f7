"""Items into request bodies: each encoded once, packed up to the limits, in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from verifier_service.client.encoding import encode
from verifier_service.client.records import Json

Item = Mapping[str, Json]
"""An item as on the wire: `completion` or `completions`, `ground_truth`, and what is optional."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one request may hold. What is larger by itself travels alone."""

    completions: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Piece:
    """An item of a request: one of the caller's, or a run of the completions of one."""

    item: int
    """Index in the caller's list."""
    first: int
    """Index, within the caller's item, of the first completion here."""
    completions: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Request:
    """One POST /score and what is needed to put its answer in its place."""

    pieces: tuple[Piece, ...]
    body: bytes


def requests_for(
    items: Iterable[Item], fields: Mapping[str, Json], limits: Limits
) -> list[Request]:
    """The requests that score `items`, in order.

    Args:
        fields: The other members of the request; those that are None are left out.

    Raises:
        ValueError: An item or a field is not JSON.
    """
    pieces = [piece for index, item in enumerate(items) for piece in _pieces(index, item, limits)]
    rest = encode(given(fields), "the request")
    tail = b"," + rest[1:] if len(rest) > 2 else b"}"
    runs = _runs([(piece.completions, len(piece.body)) for piece in pieces], limits)
    return [_request(tuple(pieces[run.start : run.stop]), tail) for run in runs]


def caller_pointer(pointer: str, pieces: Sequence[Piece]) -> str:
    """A JSON Pointer into a request's body, as a pointer into the caller's items."""
    tokens = pointer.split("/")
    if len(tokens) < 3 or tokens[1] != "items" or not tokens[2].isdecimal():
        return pointer
    if int(tokens[2]) >= len(pieces):
        return pointer
    piece = pieces[int(tokens[2])]
    tokens[2] = str(piece.item)
    if len(tokens) > 4 and tokens[3] == "completions" and tokens[4].isdecimal():
        tokens[4] = str(piece.first + int(tokens[4]))
    return "/".join(tokens)


def given(fields: Mapping[str, Json]) -> dict[str, Json]:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def _request(pieces: tuple[Piece, ...], tail: bytes) -> Request:
    items = [part for piece in pieces for part in (b",", piece.body)]
    return Request(pieces, b"".join((b'{"items":[', *items[1:], b"]", tail)))


def _pieces(index: int, item: Item, limits: Limits) -> Iterator[Piece]:
    body = encode(item, f"items[{index}]")
    completions = _completions(item)
    if completions is None:
        yield Piece(index, 0, 1, body)
    elif len(completions) <= limits.completions and len(body) <= limits.bytes:
        yield Piece(index, 0, len(completions), body)
    else:
        shared = len(body) - len(encode(completions, f"items[{index}].completions"))
        sizes = [(1, len(encode(each, f"items[{index}]"))) for each in completions]
        for run in _runs(sizes, Limits(limits.completions, limits.bytes - shared)):
            part = {**item, "completions": completions[run.start : run.stop]}
            part_body = encode(part, f"items[{index}]")
            yield Piece(index, run.start, len(run), part_body)


def _completions(item: Item) -> Sequence[Json] | None:
    """The group of an item; None where it has a single completion, or none that can be counted."""
    group = item.get("completions") if isinstance(item, Mapping) else None
    return group if isinstance(group, list | tuple) else None


def _runs(sizes: Sequence[tuple[int, int]], limits: Limits) -> Iterator[range]:
    """Consecutive runs of (completions, bytes), each as long as the limits allow, at least one."""
    start = completions = size = 0
    for index, (more_completions, more_bytes) in enumerate(sizes):
        completions += more_completions
        size += more_bytes + 1
        if index > start and (completions > limits.completions or size > limits.bytes):
            yield range(start, index)
            start, completions, size = index, more_completions, more_bytes + 1
    if sizes:
        yield range(start, len(sizes))
