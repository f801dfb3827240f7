"""Time of one assignment: ours, scipy's and munkres', on the shapes that completions have.

Run `python benchmarks/pairing.py`; libraries that are not installed are left out.
"""

from __future__ import annotations

import importlib
import timeit
from collections.abc import Callable
from random import Random

from verifier_service.scoring.pairing import pair

SHAPES = ((1, 1), (2, 2), (3, 3), (4, 8), (8, 8), (16, 16), (32, 32))
Matrix = list[list[float]]


def weights(rows: int, columns: int) -> Matrix:
    """As in scoring: equal pairs weigh most, near ones little, other tools nothing."""
    random = Random(0)
    draw = (lambda: 1000.0, lambda: 1.0 + random.random(), lambda: 0.0)
    return [[random.choice(draw)() for _ in range(columns)] for _ in range(rows)]


def scipys() -> Callable[[Matrix], object]:
    assign = importlib.import_module("scipy.optimize").linear_sum_assignment
    return lambda matrix: assign(matrix, maximize=True)


def munkres() -> Callable[[Matrix], object]:
    library = importlib.import_module("munkres")
    return lambda matrix: library.Munkres().compute([[-w for w in row] for row in matrix])


def microseconds(assign: Callable[[Matrix], object], matrix: Matrix) -> float:
    timer = timeit.Timer(lambda: assign(matrix))
    number, _ = timer.autorange()
    return min(timer.repeat(5, number)) / number * 1e6


def main() -> None:
    contenders: dict[str, Callable[[Matrix], object]] = {"own": pair}
    for name, load in (("scipy", scipys), ("munkres", munkres)):
        try:
            contenders[name] = load()
        except ImportError:
            print(f"{name} is not installed")
    print("calls x expected", *(f"{name:>12}" for name in contenders), "  µs")
    for rows, columns in SHAPES:
        matrix = weights(rows, columns)
        times = (microseconds(assign, matrix) for assign in contenders.values())
        print(f"{rows:>5} x {columns:<8}", *(f"{time:12.1f}" for time in times))


if __name__ == "__main__":
    main()
