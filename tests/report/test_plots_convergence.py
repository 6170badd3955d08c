"""The way down to the optimum: what is drawn, and what may be said about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

from bayeswd.analysis.comparison import Comparison, Comparisons
from bayeswd.report import plots
from bayeswd.report.convergence_words import above_optimum, floor_of, steps_until, trainings

Results = Callable[[str], Comparisons]


def with_history(one: Comparison, above: list[float]) -> Comparison:
    """A comparison whose training was this many nats above the reference, every tenth step."""
    lowest = min(row.objective for row in one.methods)
    history = tuple((10 * place, lowest + value) for place, value in enumerate(above))
    methods = [
        replace(row, history=history if row.method == "penalized-sgd" else (), converged=True)
        for row in one.methods
    ]
    return replace(one, methods=tuple(methods))


def test_the_curve_is_the_objective_above_the_lowest_one(results: Results) -> None:
    one = with_history(results("d2l").comparisons[0], [100.0, 1.0, 0.04, 0.06, 0.01, 1e-30])
    row = next(row for row in one.methods if row.method == "penalized-sgd")
    steps, above = above_optimum(one, row)
    assert steps.tolist() == [0, 10, 20, 30, 40, 50]
    np.testing.assert_allclose(above[:5], [100.0, 1.0, 0.04, 0.06, 0.01], rtol=1e-9)
    assert above[5] == floor_of(one)
    result = replace(results("d2l"), comparisons=(one,))
    curve = plots.convergence(result).axes[0].lines[0]
    np.testing.assert_array_equal(curve.get_xydata(), np.column_stack([steps, above]))


def test_the_same_fit_is_dated_from_the_last_time_outside(results: Results) -> None:
    one = with_history(results("d2l").comparisons[0], [100.0, 0.04, 0.06, 0.01, 0.0])
    (row,) = trainings(one)
    assert steps_until(one, row) == 30
    assert steps_until(one, row, nats=1e3) == 0
    assert steps_until(one, row, nats=0.0) is None
    figure = plots.convergence(replace(results("d2l"), comparisons=(one,)))
    assert figure.get_suptitle() == (
        "The training came within 0.05 nats of the optimum, at step 30"
    )


def test_the_floor_is_the_certified_gap_or_what_rounding_hides(results: Results) -> None:
    one = results("d2l").comparisons[0]
    loose = replace(one.methods[0], gap=1e-3)
    assert floor_of(replace(one, methods=(loose, *one.methods[1:]))) == 1e-3
    assert 1e-14 < floor_of(one) < 1e-11
    axes = plots.convergence(results("d2l")).axes[0]
    heights = [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == "-"]
    assert floor_of(one) in heights


def legend_of(figure: Figure, panel: int = 0) -> list[str]:
    texts = figure.axes[panel].get_legend().get_texts()
    return [" ".join(text.get_text().split()) for text in texts]


def headline(figure: Figure) -> str:
    return " ".join(figure.get_suptitle().split())


def stopped(one: Comparison, **changes: object) -> Comparison:
    """The same fits, none of them converged; the reference too where `changes` say so."""
    return replace(one, methods=tuple(replace(row, **changes) for row in one.methods))


def test_stopped_trainings_of_a_network_claim_nothing(results: Results) -> None:
    """Both end within 0.05 nats of the lowest objective: they define it."""
    (one,) = results("network").comparisons
    late = stopped(one, converged=False, steps=200, gap=None, objective=one.reference.objective)
    figure = plots.convergence(replace(results("network"), comparisons=(late,)))
    said = headline(figure)
    assert said.startswith("No certificate: lowest objective found ")
    assert said.endswith("; every training stopped after 200 steps, not converged")
    lines = legend_of(figure)
    assert lines[:2] == [
        "penalised SGD: stopped after 200 steps, not converged",
        "Pyro MAP: stopped after 200 steps, not converged",
    ]
    assert lines[2] == "0.05 nats above the lowest found"
    assert lines[3] == "lowest found: not convex, no certificate"
    assert not any("same fit" in text for text in [said, *lines])


def test_converged_trainings_of_a_network_have_no_certificate(results: Results) -> None:
    (one,) = results("network").comparisons
    there = replace(stopped(one, converged=True), verdict=one.verdict)
    figure = plots.convergence(replace(results("network"), comparisons=(there,)))
    assert headline(figure).startswith("No certificate: lowest objective found ")
    assert "every training converged" in headline(figure)
    assert not any("same fit" in text for text in [headline(figure), *legend_of(figure)])


def test_a_training_that_stopped_near_the_optimum_is_not_the_same_fit(results: Results) -> None:
    """One step, within the tolerance, certified: and still not converged."""
    one = with_history(results("d2l").comparisons[0], [100.0, 0.01])
    late = stopped(one, converged=False, steps=1, objective=one.reference.objective + 0.01)
    late = replace(late, methods=(one.methods[0], *late.methods[1:]))
    figure = plots.convergence(replace(results("d2l"), comparisons=(late,)))
    assert headline(figure) == "The training stopped after 1 step, not converged"
    expected = "penalised SGD: stopped after 1 step, not converged, 0.01 nats above"
    assert legend_of(figure)[0] == expected


def test_the_headline_counts_converged_trainings_only(results: Results) -> None:
    near = with_history(results("d2l").comparisons[0], [100.0, 0.01])
    rows = [replace(r, converged=r.method != "penalized-sgd", steps=10) for r in near.methods]
    both = (near, replace(near, methods=tuple(rows)))
    figure = plots.convergence(replace(results("d2l"), comparisons=both))
    assert headline(figure) == (
        "1 of 2 trainings came within 0.05 nats of the optimum, the first at step 10; "
        "1 of 2 trainings stopped after 10 steps, not converged"
    )


def test_an_exact_solvers_sweeps_are_no_training(results: Results) -> None:
    for one in results("d2l").comparisons:
        assert [row.method for row in trainings(one)] == ["penalized-sgd", "pyro-map"]


def test_a_training_that_converged_elsewhere_is_counted_out(results: Results) -> None:
    one = with_history(results("d2l").comparisons[0], [100.0, 3.0])
    figure = plots.convergence(replace(results("d2l"), comparisons=(one,)))
    assert headline(figure) == "No training came within 0.05 nats of the optimum"
