"""The plots of docs/performance.md."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib import pyplot as plt

from benchmarks.measure import Tree

INK: Final = "#333333"
COLOURS: Final = ("#4269d0", "#efb118", "#3ca951", "#ff725c", "#9498a0")
THROUGHPUT: Final = ("new", "mixture", "seen", "scoring taken out")
STATES: Final = ("new", "known task", "seen")


def draw(results: Tree, folder: Path) -> None:
    """Write every plot that the results have the numbers for."""
    mpl.use("Agg")
    plt.rcParams.update({"font.size": 9, "text.color": INK, "axes.edgecolor": INK})
    if "throughput" in results:
        throughput(results["throughput"], folder / "performance-throughput.png")
    kinds(results["in_process"]["core"]["kinds"], folder / "performance-kinds.png")


def throughput(found: Tree, file: Path) -> None:
    """Completions a CPU second by size of request, both axes logarithmic."""
    figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
    sizes = [int(size) for size in found]
    for name, colour in zip(THROUGHPUT, COLOURS, strict=False):
        each = [found[str(size)][name]["completions_per_cpu_s"]["median"] for size in sizes]
        style = "--" if name == "scoring taken out" else "-"
        axes.plot(sizes, each, style, marker="o", color=colour, label=name)
    axes.set(xscale="log", yscale="log", xlabel="completions a request")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.set_title("Completions a second of the service's CPU, one worker", loc="left")
    axes.grid(visible=True, axis="y", alpha=0.3)
    axes.legend(frameon=False)
    _save(figure, file)


def kinds(found: Tree, file: Path) -> None:
    """Microseconds a completion by kind, one bar for each state of the memory."""
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    names, height = list(found), 0.27
    for index, (state, colour) in enumerate(zip(STATES, COLOURS, strict=False)):
        places = [place + (index - 1) * height for place in range(len(names))]
        axes.barh(
            places,
            [found[name][state]["median"] for name in names],
            height,
            color=colour,
            label=state,
        )
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_title("CPU microseconds a completion, in process, 64 a request", loc="left")
    axes.grid(visible=True, axis="x", alpha=0.3)
    axes.legend(frameon=False)
    _save(figure, file)


def _save(figure: plt.Figure, file: Path) -> None:
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=120, metadata={"Software": None})
    plt.close(figure)
