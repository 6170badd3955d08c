"""λ ↔ prior variance: what the losses, leave-one-out and the evidence say along the strengths."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayeswd.analysis import held_out
from bayeswd.analysis.choice import Choice
from bayeswd.analysis.in_strengths import InStrengths
from bayeswd.analysis.strength_verdict import beyond, is_sound
from bayeswd.report import strength_axes, style

COLOURS = {
    "validation": style.METHOD_COLOURS["penalized-sgd"],
    "cross-validation": style.OTHER_COLOURS[0],
    "leave-one-out": style.METHOD_COLOURS["pyro-map"],
    "evidence": style.POSTERIOR,
    "hyperprior": style.OTHER_COLOURS[1],
}
LOSSES = ("validation", "cross-validation")
IN_NATS = ("leave-one-out", "evidence")
NATS_SHOWN = 12.0
TOLD_FIRST = ("evidence", "validation", "cross-validation", "leave-one-out", "hyperprior")
WIDTH, LEFT, KEY, TOP = 9.6, 1.55, 2.05, 0.95  # inches
HEIGHTS = {"losses": 2.0, "nats": 1.7, "weights": 0.95}
ROW = 0.34  # inches for each criterion's interval


@style.styled
def select(found: InStrengths) -> Figure:
    """Losses, nats, choices with their intervals, and the weights that count, over one axis."""
    choices = found.selection.choices
    shown = [choice for choice in choices if choice.by in IN_NATS]
    heights = [HEIGHTS["losses"], *([HEIGHTS["nats"]] if shown else [])]
    heights += [ROW * (len(choices) + 0.5)] if choices else []
    heights += [HEIGHTS["weights"]]
    figure = style.new_figure(WIDTH, strength_axes.total(heights, TOP))
    panels = strength_axes.stacked(figure, heights, left=LEFT, right=KEY, top=TOP)
    losses, *between, weights = panels
    draw_losses(losses, found)
    if shown:
        draw_nats(between[0], found, shown)
    if choices:
        draw_intervals(between[-1], found)
    draw_weights(weights, found)
    strength_axes.label(panels, found, strength_axes.window(found))
    for axes in panels:
        _guides(axes, found)
        axes.yaxis.set_label_coords(-0.105, 0.5)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.04), borderaxespad=0)
    style.headline(figure, finding(found), _reading(found))
    return figure


def draw_losses(axes: Axes, found: InStrengths) -> None:
    """Training and held-out losses, bands of one standard error."""
    path, x = found.selection.path, found.strengths
    errors = [
        held_out.row_losses(problem, estimate.params, problem.inputs, problem.targets)
        for problem, estimate in zip(path.problems, path.estimates, strict=True)
    ]
    deviation = [float(rows.std()) / math.sqrt(len(rows)) for rows in errors]
    _line(axes, x, path.train_losses, deviation, style.INK, "training rows")
    for choice in found.selection.choices:
        if choice.by in LOSSES:
            at = found.strengths_of(choice)
            _line(axes, at, choice.curve, choice.error, COLOURS[choice.by], choice.by)
    axes.set_ylabel(_loss_name(found))
    _frame_losses(axes, found)
    style.short_ticks(axes, 5)


def _frame_losses(axes: Axes, found: InStrengths) -> None:
    """From 0; held-out losses that run far off the top are cut there."""
    low, high = strength_axes.window(found)
    drawn = [low <= strength <= high for strength in found.strengths]
    highest = max(np.array(found.selection.path.train_losses)[drawn])
    for choice in found.selection.choices:
        if choice.by in LOSSES:
            curve = np.array(choice.curve)[drawn]
            highest = max(highest, min(curve.max(), 4 * curve.min()))
    axes.set_ylim(0, 1.15 * float(highest))


def _line(
    axes: Axes,
    x: Sequence[float],
    values: Sequence[float],
    error: Sequence[float] | None,
    colour: str,
    name: str,
    line: str = "-",
) -> None:
    middle = np.array(values)
    axes.plot(x, middle, line, color=colour, label=name)
    if error is not None:
        band = np.array(error)
        axes.fill_between(x, middle - band, middle + band, color=colour, alpha=0.15, linewidth=0)


def _loss_name(found: InStrengths) -> str:
    family = found.selection.problem.likelihood.family
    return "half mean\nsquared error" if family == "gaussian" else "mean −log p"


def draw_nats(axes: Axes, found: InStrengths, shown: Sequence[Choice]) -> None:
    """Leave-one-out and log evidence below their best, in nats."""
    for choice in shown:
        best = max(value for value in choice.curve if math.isfinite(value))
        below = [value - best for value in choice.curve]
        name = {"evidence": "log evidence", "leave-one-out": "LOO elpd"}[choice.by]
        name += "" if is_sound(choice) else ", not reliable"
        at, error = found.strengths_of(choice), choice.difference_error
        _line(axes, at, below, error, COLOURS[choice.by], name, "-" if is_sound(choice) else ":")
    axes.set_ylim(-NATS_SHOWN, 1.5)
    axes.set_ylabel("nats below\nthe best")
    style.short_ticks(axes, 5)


def draw_intervals(axes: Axes, found: InStrengths) -> None:
    """A row for each criterion: its choice, what cannot be told from it, the density of λ."""
    choices = found.selection.choices
    ends = strength_axes.window(found)
    for row, choice in enumerate(reversed(choices)):
        colour, (low, high) = COLOURS[choice.by], found.interval(choice)
        if choice.density is not None:
            heights = np.array(choice.density) / max(choice.density)
            look: style.Look = {"color": colour, "alpha": 0.25, "linewidth": 0}
            axes.fill_between(found.strengths_of(choice), row, row + 0.75 * heights, **look)
        shade = 1.0 if is_sound(choice) else 0.35
        span: style.Look = {"color": colour, "alpha": shade, "solid_capstyle": "butt"}
        axes.plot([low, high], [row, row], linewidth=3, **span)
        for end, is_open, marker in zip(ends, found.open_ends(choice), "<>", strict=True):
            if is_open:
                axes.plot(end, row, marker, markersize=8, clip_on=False, **span)
        axes.plot(found.strength(choice.scale), row, "o", markersize=7, **span)
        said = f"{style.brief(found.strength(choice.scale), 2)}: {found.span(choice)}"
        axes.annotate(
            said, (1.025, row), xycoords=("axes fraction", "data"), va="center", fontsize=8.5
        )
    axes.set_yticks(range(len(choices)), [choice.by for choice in reversed(choices)])
    axes.set_ylim(-0.5, len(choices))
    axes.tick_params(axis="y", length=0, pad=9)  # room for an arrow
    axes.annotate(
        "best: not told from it", (1.025, 1), xycoords="axes fraction", va="center", fontsize=8.5
    )


def draw_weights(axes: Axes, found: InStrengths) -> None:
    """How many weights are not exactly 0, and the effective degrees of freedom."""
    path = found.selection.path
    degrees = [math.nan if value is None else value for value in path.effective_degrees]
    total = path.weights[0].numel()
    if min(path.nonzero) < total:
        axes.step(
            found.strengths, path.nonzero, color=style.INK, where="mid", label="weights not 0"
        )
    if not all(map(math.isnan, degrees)):
        label = "effective degrees\nof freedom"
        axes.plot(found.strengths, degrees, color=style.PRIOR, linestyle="--", label=label)
    axes.set_ylim(0, None)
    axes.set_ylabel(f"of {total}\nweights")
    style.short_ticks(axes, 3)


def _guides(axes: Axes, found: InStrengths) -> None:
    """The strength that was asked about, and the evidence's and the validation's own."""
    for choice in found.selection.choices:
        if choice.by in ("validation", "evidence"):
            at = found.strength(choice.scale)
            axes.axvline(at, color=COLOURS[choice.by], linewidth=0.8, linestyle=":", zorder=0)
    if found.asked:
        axes.axvline(found.asked, color=style.INK, linewidth=0.9, linestyle="--", zorder=0)


def finding(found: InStrengths) -> str:
    """One line: what the evidence finds, and what the held-out rows do."""
    there = [found.selection.choice(by) for by in TOLD_FIRST]
    wanted = [choice for choice in there if choice is not None and is_sound(choice)][:2]
    if not wanted:
        return "No criterion can be relied on here: these data choose no λ"
    return "; ".join(f"{choice.by}: {_found(found, choice)}" for choice in wanted).capitalize()


def _found(found: InStrengths, choice: Choice) -> str:
    if choice.open_ends == (True, True):
        return "no λ of this grid told from another"
    if beyond(found, choice):
        return f"best {beyond(found, choice)}"
    return f"λ = {style.brief(found.strength(choice.scale), 2)} ({found.span(choice)})"


def _reading(found: InStrengths) -> str:
    said = "Bands: one standard error; of LOO, of its difference to the best."
    if found.selection.choices:
        said += (
            " Thick lines: what the criterion cannot tell from its best, arrows where the grid "
            "ends before it can; shaded: posterior density of log λ."
        )
    if found.asked:
        said += f" Dashed: the λ = {style.brief(found.asked)} that was asked about."
    return said
