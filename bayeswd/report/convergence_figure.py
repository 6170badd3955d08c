"""How far above the optimum each road is, step by step, down to the certified floor."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayeswd.analysis.comparison import Comparison, Comparisons
from bayeswd.analysis.verdicts import NATS
from bayeswd.errors import InputError
from bayeswd.report import convergence_words as said
from bayeswd.report import style
from bayeswd.report.words import wrapped

UNEQUAL = 20  # step counts this far apart share a logarithmic axis
LINES = ((2.6, "-"), (1.4, "--"), (1.4, "-."))  # equal trajectories lie on each other: show both
# inches
LEFT, TOP, PANEL, GAP, FOOT = 0.9, 0.9, 2.65, 0.3, 0.95
LEGEND_LINE, HANDLE = 0.2, 0.45


@style.styled
def convergence(result: Comparisons) -> Figure:
    """Objective minus the optimum over steps, in nats on a log scale, one panel per comparison.

    Below the floor nothing can be known: it is the certified gap of the reference, or what
    rounding hides. Raises InputError where no method recorded its steps.
    """
    trained = [one for one in result.comparisons if said.trainings(one)]
    if not trained:
        raise InputError("no method recorded its steps: closed forms have none")
    width = 9.6 if len(trained) > 1 else 7.0
    room = (width - LEFT - style.RIGHT - GAP * (len(trained) - 1)) / len(trained) - HANDLE
    labels = [_labels(one, room) for one in trained]
    lines = max(sum(1 + label.count("\n") for label in texts) for texts in labels)
    bottom = FOOT + LEGEND_LINE * lines
    figure = style.new_figure(width, TOP + PANEL + bottom)
    panels = figure.subplots(1, len(trained), squeeze=False, sharey=True)[0]
    for axes, one, texts in zip(panels, trained, labels, strict=True):
        _draw_panel(axes, one, texts)
    panels[0].set_ylabel("objective above the lowest, nats")
    style.margins(figure, len(trained), left=LEFT, top=TOP, bottom=bottom, gap=GAP)
    style.headline(figure, said.finding(trained), said.reading(trained))
    return figure


def _labels(one: Comparison, room: float) -> list[str]:
    """One for each training, then the tolerance and the floor, broken to this many inches."""
    texts = [said.reached(one, row) for row in said.trainings(one)]
    texts += [said.tolerance(one), said.floor_words(one, said.floor_of(one))]
    return [wrapped(text, room, style.SMALL) for text in texts]


def _draw_panel(axes: Axes, one: Comparison, labels: list[str]) -> None:
    methods = said.trainings(one)
    others = [row.method for row in methods if row.method not in style.METHOD_COLOURS]
    for place, row in enumerate(methods):
        steps, above = said.above_optimum(one, row)
        width, line = LINES[min(place, len(LINES) - 1)]
        look: style.Look = {"linewidth": width, "linestyle": line, "label": labels[place]}
        axes.plot(steps, above, color=style.colour_of(row.method, others), **look)
    axes.axhline(NATS, color=style.POSTERIOR, linewidth=1, linestyle=":", label=labels[-2])
    ink = style.METHOD_COLOURS["exact"]
    axes.axhline(said.floor_of(one), color=ink, linewidth=1.2, label=labels[-1])
    longest = [row.history[-1][0] for row in methods]
    if max(longest) > UNEQUAL * max(1, min(longest)):
        axes.set_xscale("symlog", linthresh=max(1, min(longest) / 10))
        style.decade_ticks(axes.xaxis)
    else:
        style.short_ticks(axes, 6, vertical=False)
    axes.set(yscale="log", xlabel="step", title=style.strength(one))
    style.decade_ticks(axes.yaxis)
    axes.margins(x=0.02)
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.14), borderaxespad=0)
