"""The best assignment of calls to expected calls."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]  # no stubs

from verifier_service.scoring.pairing import Pairs, Weights, pair

# Eighths add up without rounding; few distinct values make many ties.
weights = st.integers(0, 40).map(lambda n: n / 8) | st.sampled_from([0.0, 1.0, 1000.0])


@st.composite
def matrices(draw: st.DrawFn, largest: int = 9) -> list[list[float]]:
    rows, columns = draw(st.integers(1, largest)), draw(st.integers(1, largest))
    row = st.lists(weights, min_size=columns, max_size=columns)
    return draw(st.lists(row, min_size=rows, max_size=rows))


def total(matrix: Weights, pairs: Pairs) -> float:
    return sum(matrix[i][j] for i, j in pairs)


@given(matrices())
def test_the_total_weight_is_scipys(matrix: list[list[float]]) -> None:
    rows, columns = linear_sum_assignment(np.array(matrix), maximize=True)
    assert total(matrix, pair(matrix)) == np.array(matrix)[rows, columns].sum()


@given(matrices())
def test_every_row_or_every_column_is_paired_once(matrix: list[list[float]]) -> None:
    pairs = pair(matrix)
    assert len(pairs) == min(len(matrix), len(matrix[0]))
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
    assert list(pairs) == sorted(pairs)


@pytest.mark.parametrize("shape", [(32, 32), (32, 20), (20, 32)])
def test_the_largest_matrices_are_assigned_as_by_scipy(shape: tuple[int, int]) -> None:
    matrix = np.random.default_rng(0).integers(0, 5, shape).astype(float)
    rows, columns = linear_sum_assignment(matrix, maximize=True)
    assert total(matrix.tolist(), pair(matrix.tolist())) == matrix[rows, columns].sum()


def test_greed_would_lose() -> None:
    assert pair([[3.0, 2.0], [2.0, 0.0]]) == ((0, 1), (1, 0))


@pytest.mark.parametrize("matrix", [[], [[]], [[], []]])
def test_nothing_is_paired_with_nothing(matrix: list[list[float]]) -> None:
    assert pair(matrix) == ()


def test_one_call_is_paired_with_the_only_expected_one_whatever_its_weight() -> None:
    assert pair([[0.0]]) == ((0, 0),)
