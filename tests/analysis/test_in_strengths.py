"""A selection written as strengths: rows, choices and the record."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from bayeswd.analysis import in_strengths, selection
from bayeswd.analysis.comparison import Penalty
from bayeswd.analysis.in_strengths import InStrengths
from bayeswd.problem.likelihoods import Bernoulli, GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Gaussian, Laplace

N, D, SIGMA = 40, 6, 0.5


def problem(prior=None, likelihood=None):
    """A small regression whose weights are of size 1."""
    random = np.random.default_rng(3)
    x = random.standard_normal((N, D))
    y = x @ random.standard_normal(D) + SIGMA * random.standard_normal(N) + 0.3
    if isinstance(likelihood, Bernoulli):
        y = (y > 0).astype(float)
    model = nn.Linear(D, 1, dtype=torch.float64)
    beliefs = {"weight": prior or Gaussian(1.0), "bias": Flat()}
    return Problem(model, likelihood or GaussianNoise(SIGMA), beliefs, x, y)


def found(scales=(0.1, 0.3, 1.0, 3.0), convention="d2l", **options):
    by = options.pop("by", ("cross-validation", "leave-one-out", "evidence"))
    return InStrengths(selection.select(problem(), scales, by=by, folds=5), convention, **options)


@pytest.mark.parametrize(
    ("convention", "expected"),
    [
        ("d2l", lambda tau: SIGMA**2 / (N * tau**2)),
        ("torch.SGD+MSELoss", lambda tau: 2 * SIGMA**2 / (N * tau**2)),
        ("sklearn.Ridge", lambda tau: SIGMA**2 / tau**2),
    ],
)
def test_strengths_are_those_of_the_convention(convention, expected):
    one = found(convention=convention, by=("evidence",))
    np.testing.assert_allclose(one.strengths, [expected(t) for t in (0.1, 0.3, 1, 3)], rtol=1e-12)
    choice = one.selection.choice("evidence")
    assert one.strength(choice.scale) == pytest.approx(expected(choice.scale), rel=1e-12)
    low, high = one.interval(choice)
    assert (low, high) == pytest.approx(tuple(sorted(map(expected, choice.interval))), rel=1e-12)


@pytest.mark.parametrize(
    ("prior", "kind", "convention"),
    [
        (Gaussian(1.0), "l2", "torch.SGD+MSELoss"),
        (Laplace(1.0), "l1", "sklearn.Lasso"),
        (Gaussian(1.0), "l2", "sklearn.Ridge"),
    ],
)
def test_scales_of_strengths_and_back(prior, kind, convention):
    given = [0.02, 0.5, 7.0]
    one = problem(prior)
    scales = in_strengths.scales_of(one, Penalty(kind, 1.0, convention), given)
    back = InStrengths(selection.select(one, scales, by=("cross-validation",), folds=2), convention)
    np.testing.assert_allclose(sorted(back.strengths), given, rtol=1e-12)


def test_a_knob_that_rises_with_the_prior_turns_the_open_ends_around():
    """scikit-learn's C: more of it is a wider prior."""
    scales = (0.5, 1.0, 2.0)
    selected = selection.select(problem(likelihood=Bernoulli()), scales, by=("cross-validation",))
    (choice,) = selected.choices
    by_decay = InStrengths(selected, "torch.SGD+BCEWithLogitsLoss")
    by_c = InStrengths(selected, "sklearn.LogisticRegression")
    assert by_c.strengths == pytest.approx([scale**2 for scale in scales])
    assert by_c.open_ends(choice) == choice.open_ends
    assert by_decay.open_ends(choice) == choice.open_ends[::-1]


def test_the_record_is_the_schema_and_holds_the_numbers():
    one = found(asked=0.01)
    record = json.loads(json.dumps(one.to_dict(), allow_nan=False))
    assert set(record) == {"schema", "grid", "choices", "verdict"}
    assert record["schema"] == "bayeswd.select/1"
    names = "strength prior_scale train_loss validation_loss validation_se loo log_evidence"
    assert all(set(row) == {*names.split(), "nonzero", "edf"} for row in record["grid"])
    assert [row["prior_scale"] for row in record["grid"]] == [3.0, 1.0, 0.3, 0.1]
    assert all(row["validation_loss"] is None for row in record["grid"])
    evidence = one.selection.choice("evidence")
    assert [row["log_evidence"] for row in record["grid"]] == list(evidence.curve[::-1])
    keys = {"by", "strength", "prior_scale", "interval", "identified"}
    assert all(set(choice) == keys for choice in record["choices"])
    assert [choice["by"] for choice in record["choices"]] == [
        "cross-validation",
        "leave-one-out",
        "evidence",
    ]
    assert record["verdict"] == one.verdict


def test_criteria_on_fewer_scales_than_the_path_leave_gaps():
    """Leave-one-out from draws has some of the scales only."""
    from dataclasses import replace

    one = found()
    loo = one.selection.choice("leave-one-out")
    some = replace(
        loo,
        **{
            name: getattr(loo, name)[::2]
            for name in ("scales", "curve", "error", "difference", "difference_error")
        },
    )
    cut = replace(one, selection=replace(one.selection, choices=(some,)))
    values = [row["loo"] for row in cut.to_dict()["grid"]]
    assert [value is None for value in values] == [True, False, True, False]
    assert one.selection.path.scales[cut.best_place(some)] == some.scales[some.best_index]
    assert cut.strengths_of(some) == cut.strengths[::2]
    assert "—" in str(cut)


def test_the_table_shows_every_best_row_and_not_every_other():
    one = found(tuple(np.geomspace(0.03, 30, 60)))
    lines = str(one).splitlines()
    rows = lines[2 : lines.index("")]
    assert 14 <= len(rows) <= 17
    for choice in one.selection.choices:
        assert any(choice.by in row for row in rows)
    strengths = [float(row.split()[0]) for row in rows]
    assert strengths == sorted(strengths)
    assert one.verdict in str(one)


def test_reasons_for_criteria_that_do_not_apply_are_printed():
    one = found(by=("validation", "evidence"))
    assert "No validation: there are no validation rows" in str(one)
