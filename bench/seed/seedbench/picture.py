"""The picture: a panel for each batch size and order, a bar for each number of workers and contestant."""

import pathlib
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from seedbench.results import Result

matplotlib.use("svg")
import matplotlib.pyplot as plt

# Okabe and Ito's colours: told apart with every kind of colour blindness, and printed in grey.
COLOURS = {"before": "#D55E00", "after": "#56B4E9", "holdfast": "#009E73"}
NAMES = {"before": "seed, before its correction", "after": "seed, after it", "holdfast": "Holdfast"}
ROOM_FOR_TEXT = 200.0  # the axis goes on so many times beyond the longest bar
BAR_INCHES = 0.21
PANEL_INCHES = 0.62  # around the bars of a panel

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "holdfast",
    "font.family": "sans-serif",
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def draw(results: list[Result], picture: pathlib.Path) -> None:
    matplotlib.rcParams.update(STYLE)
    batches = sorted({result.batch for result in results})
    orders = sorted({result.order for result in results}, reverse=True)
    bars = [max(len(_panel(results, batch, order)) for order in orders) for batch in batches]
    heights = [count * BAR_INCHES + PANEL_INCHES for count in bars]
    figure, panels = plt.subplots(
        len(batches), len(orders), squeeze=False, sharex=True, layout="constrained",
        figsize=(1.2 + 4.0 * len(orders), sum(heights) + 0.5), height_ratios=heights,
    )  # fmt: skip
    fastest = max(result.releases_per_s for result in results)
    slowest = min(result.releases_per_s for result in results if result.releases_per_s > 0)
    for row, batch in enumerate(batches):
        for column, order in enumerate(orders):
            panel = panels[row][column]
            _draw_panel(panel, _panel(results, batch, order))
            panel.set_title(_title(batch, order), loc="left", fontsize=8, fontweight="bold")
            panel.set_xlim(10 ** (len(str(slowest)) - 2), fastest * ROOM_FOR_TEXT)
    for panel in panels[-1]:
        panel.set_xlabel("releases a second (log scale); beside: the money lost")
    _draw_legend(figure, results)
    figure.savefig(picture, metadata={"Date": None})


def _panel(results: list[Result], batch: int, order: str) -> list[Result]:
    """Few workers first; the contestants in the order of the legend."""
    chosen = [result for result in results if (result.batch, result.order) == (batch, order)]
    return sorted(chosen, key=lambda result: (result.workers, list(COLOURS).index(result.contestant)))


def _title(batch: int, order: str) -> str:
    calls = "one escrow a call" if batch == 1 else f"{batch:,} escrows a call"
    return f"{calls}, ids {'at random' if order == 'random' else 'in order'}"


def _draw_panel(panel: Axes, results: list[Result]) -> None:
    """Bars from the top down, with a gap between numbers of workers, each named at the middle of its bars."""
    places: list[float] = []
    middles: dict[int, list[float]] = {}
    for result in results:
        place = 0.0 if not places else places[-1] + (1.0 if result.workers in middles else 1.5)
        places.append(place)
        middles.setdefault(result.workers, []).append(place)
    for place, result in zip(places, results, strict=True):
        panel.barh(place, result.releases_per_s, height=0.86, color=COLOURS[result.contestant])
        panel.annotate(
            f"{result.releases_per_s:,}/s, {_lost(result)}", (result.releases_per_s, place), (4, 0),
            textcoords="offset points", va="center", fontweight="bold" if result.money_lost else "normal",
        )  # fmt: skip
    labels = [f"{workers} worker{'' if workers == 1 else 's'}" for workers in middles]
    panel.set_yticks([sum(group) / len(group) for group in middles.values()], labels)
    panel.tick_params(axis="y", length=0)
    panel.set_xscale("log")
    panel.invert_yaxis()


def _lost(result: Result) -> str:
    if result.money_lost is None:
        return "not audited"
    return f"{result.money_lost:,} EUR lost" if result.money_lost else "nothing lost"


def _draw_legend(figure: Figure, results: list[Result]) -> None:
    there = [name for name in COLOURS if any(result.contestant == name for result in results)]
    handles = [Patch(color=COLOURS[name]) for name in there]
    figure.legend(
        handles, [NAMES[name] for name in there], loc="outside upper center", ncols=len(there), frameon=False
    )
