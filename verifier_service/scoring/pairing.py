"""Which call of the completion stands for which expected call.

Source of `pair`: the Hungarian algorithm with potentials and shortest augmenting paths (Kuhn 1955;
Jonker and Volgenant 1987), O(n² m) for n rows and m columns. See docs/decisions/0002.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Weights = Sequence[Sequence[float]]
"""A row for each call of the completion, a column for each expected call, all finite."""

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


def align(weights: Weights) -> Pairs:
    """The pairs with the greatest total weight among those that keep the order of both sides.

    Pairs of weight 0 or less are left out.
    """
    rows, columns = len(weights), len(weights[0]) if weights else 0
    best = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows - 1, -1, -1):
        for j in range(columns - 1, -1, -1):
            paired = weights[i][j] + best[i + 1][j + 1]
            best[i][j] = max(paired, best[i + 1][j], best[i][j + 1])
    pairs, i, j = [], 0, 0
    while i < rows and j < columns:
        if best[i][j] == best[i + 1][j]:
            i += 1
        elif best[i][j] == best[i][j + 1]:
            j += 1
        else:
            pairs.append((i, j))
            i, j = i + 1, j + 1
    return tuple(pairs)


def _assign(weights: Weights) -> list[int]:
    """The column of each row; there are no more rows than columns."""
    columns = len(weights[0]) if weights else 0
    free = -1
    row_of = [free] * (columns + 1)  # one column more stands for "not yet assigned"
    row_potential, column_potential = [0.0] * len(weights), [0.0] * (columns + 1)
    for start in range(len(weights)):
        row_of[columns] = start
        column, visited = columns, [False] * (columns + 1)
        distance, previous = [math.inf] * columns, [columns] * columns
        while row_of[column] != free:
            visited[column] = True
            row = row_of[column]
            for j in range(columns):
                slack = row_potential[row] - weights[row][j] - column_potential[j]
                if not visited[j] and slack < distance[j]:
                    distance[j], previous[j] = slack, column
            nearest = min((j for j in range(columns) if not visited[j]), key=distance.__getitem__)
            step = distance[nearest]
            for j in range(columns):
                if visited[j]:
                    row_potential[row_of[j]] -= step
                    column_potential[j] -= step
                else:
                    distance[j] -= step
            row_potential[start] -= step
            column = nearest
        while column != columns:
            row_of[column] = row_of[previous[column]]
            column = previous[column]
    assigned = [free] * len(weights)
    for column, row in enumerate(row_of[:columns]):
        if row != free:
            assigned[row] = column
    return assigned
