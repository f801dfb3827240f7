"""Which call of the completion stands for which expected call.

Source of `pair`: the Hungarian algorithm with potentials and shortest augmenting paths (Kuhn 1955;
Jonker and Volgenant 1987), O(n² m) for n rows and m columns. See docs/decisions/0002.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

Weights = Sequence[Sequence[float]]
"""A row for each call of the completion, a column for each expected call, all finite."""

FREE: Final = -1
"""Stands for the row of a column, or the column of a row, that is not assigned yet."""

Pairs = tuple[tuple[int, int], ...]
"""Pairs of row and column, by row; no row and no column twice."""


def pair(weights: Weights) -> Pairs:
    """The min(rows, columns) pairs with the greatest total weight.

    The same weights give the same pairs; which of several equal optima is not specified.
    """
    rows, columns = len(weights), len(weights[0]) if weights else 0
    if rows == 1 and columns == 1:
        return ((0, 0),)
    if rows > columns:
        transposed = [[weights[i][j] for i in range(rows)] for j in range(columns)]
        return tuple(sorted((i, j) for j, i in enumerate(_assign(transposed))))
    return tuple(enumerate(_assign(weights)))


def _assign(weights: Weights) -> list[int]:
    """The column of each row; there are no more rows than columns.

    Potentials keep every slack, `row_potential + column_potential - weight`, at 0 or more, and that
    of every assigned pair at 0: then no assignment weighs more.
    """
    columns = len(weights[0]) if weights else 0
    row_potential, column_potential = [max(row) for row in weights], [0.0] * columns
    column_of, row_of = [FREE] * len(weights), [FREE] * columns
    for row, best in enumerate(row_potential):
        for column, weight in enumerate(weights[row]):
            if weight == best and row_of[column] == FREE:
                column_of[row], row_of[column] = column, row
                break
    for start in range(len(weights)):
        if column_of[start] == FREE:
            end, reached_from = _shortest_path(
                start, weights, row_potential, column_potential, row_of
            )
            while end != FREE:
                row = reached_from[end]
                row_of[end], column_of[row], end = row, end, column_of[row]
    return column_of


def _shortest_path(
    start: int,
    weights: Weights,
    row_potential: list[float],
    column_potential: list[float],
    row_of: Sequence[int],
) -> tuple[int, list[int]]:
    """The free column nearest to a row, and the row before each column on the way to it.

    Moves the potentials such that all slacks on the way become 0.
    """
    distance, reached_from = [math.inf] * len(row_of), [start] * len(row_of)
    ahead, visited = list(range(len(row_of))), []
    row, walked = start, 0.0
    while True:
        base = walked + row_potential[row]
        for column in ahead:
            far = base + column_potential[column] - weights[row][column]
            if far < distance[column]:
                distance[column], reached_from[column] = far, row
        nearest = min(ahead, key=distance.__getitem__)
        walked, row = distance[nearest], row_of[nearest]
        if row == FREE:
            break
        ahead.remove(nearest)
        visited.append(nearest)
    row_potential[start] -= walked
    for column in visited:
        column_potential[column] += walked - distance[column]
        row_potential[row_of[column]] -= walked - distance[column]
    return nearest, reached_from
