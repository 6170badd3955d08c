"""The verdict in the reader's strengths, checked word by word against made-up criteria."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from bayeswd.analysis import selection, strength_verdict
from bayeswd.analysis.choice import Choice
from bayeswd.analysis.in_strengths import InStrengths
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Gaussian

N = 25
# tau = 1/(5 sqrt(lambda)): in d2l's convention, with sigma = 1 and 25 rows, lambda = 10, 3, 1, 0.1
STRENGTHS = (10.0, 3.0, 1.0, 0.1)
SCALES = tuple(0.2 / np.sqrt(STRENGTHS))


@pytest.fixture(scope="module")
def path():
    random = np.random.default_rng(0)
    x = random.standard_normal((N, 3))
    model = nn.Linear(3, 1, dtype=torch.float64)
    beliefs = {"weight": Gaussian(1.0), "bias": Flat()}
    problem = Problem(model, GaussianNoise(1.0), beliefs, x, x.sum(1))
    return selection.select(problem, SCALES, by=("evidence",))


def choice(by="evidence", best=2, first=1, last=2, **changed):
    """Best at one place of the grid and not told from those from `first` to `last`."""
    open_ = first == 0 or last == len(SCALES) - 1
    return Choice(
        by=by,
        scale=SCALES[best],
        interval=(SCALES[first], SCALES[last]),
        identified=not open_,
        prior_sd=SCALES[best],
        scales=SCALES,
        curve=changed.pop("curve", (-9.0, -1.0, 0.0, -9.0)),
        higher_is_better=changed.pop("higher_is_better", True),
        unit="nats",
        **changed,
    )


def loss(**changed):
    return choice(
        "validation",
        curve=(1.5, 1.05, 1.0, 3.5),
        higher_is_better=False,
        error=(0.2, 0.15, 0.14, 0.2),
        **changed,
    )


def said(path, *choices, asked=None):
    return strength_verdict.verdict(InStrengths(replace(path, choices=choices), "d2l", asked))


def test_a_settled_criterion_names_its_strength_and_what_is_left(path):
    assert said(path, choice()) == "The evidence chooses λ = 1 (prior sd 0.2) and leaves 1 to 3."


def test_losses_are_told_with_how_far_they_are_apart_and_their_standard_error(path):
    assert said(path, loss()) == (
        "The validation loss chooses λ = 1 (prior sd 0.2) and leaves 1 to 3: the losses differ by "
        "5 %, and the standard error of one is 14 %."
    )


def test_nothing_told_apart(path):
    text = said(path, loss(first=0, last=3))
    assert text.startswith("The validation loss cannot tell any λ of this grid from another: the ")
    assert "differ by 250 %" in text
    assert text.endswith("So these data do not name a λ on this grid: name a prior instead.")


@pytest.mark.parametrize(
    ("first", "last", "words"), [(1, 3, "λ up to 3 apart"), (0, 2, "λ from 1 on apart")]
)
def test_one_open_end(path, first, last, words):
    assert f"The evidence cannot tell {words}." in said(path, choice(first=first, last=last))


def test_criteria_at_the_end_of_the_grid_are_named_together(path):
    at_end = {"best": 3, "first": 2, "last": 3}
    text = said(path, choice(**at_end), choice("leave-one-out", **at_end))
    wanted = "The evidence and leave-one-out are best at the low end of the grid, λ = 0.1: extend"
    assert text.startswith(wanted)
    assert "name a prior instead" not in text
    (high,) = {said(path, choice(best=0, first=0, last=1))}
    assert high == "The evidence is best at the high end of the grid, λ = 10: extend it."


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (0.5, "λ = 0.5 is ruled out by the validation loss and the evidence."),
        (20.0, "λ = 20 is ruled out by the validation loss and the evidence."),
        (2.0, "None rules out λ = 2."),
    ],
)
def test_the_strength_asked_about_is_judged(path, asked, words):
    assert said(path, loss(), choice(), asked=asked).endswith(words)


def test_an_open_end_rules_nothing_out_beyond_the_grid(path):
    open_at_low = choice(first=1, last=3)
    assert said(path, open_at_low, asked=0.001).endswith("None rules out λ = 0.001.")
    assert said(path, open_at_low, asked=9.0).endswith("λ = 9 is ruled out by the evidence.")


def test_estimates_beyond_their_draws_are_not_believed(path):
    bad = choice("leave-one-out", k_hat=(0.1, 0.2, 0.9, 0.1))
    text = said(path, choice(), bad, asked=20.0)
    assert "Leave-one-out is not to be trusted here" in text
    assert "Leave-one-out chooses" not in text
    assert "λ = 20 is ruled out by the evidence." in text
    good = choice("leave-one-out", k_hat=(0.9, 0.2, 0.1, 0.1))
    assert "Leave-one-out chooses λ = 1" in said(path, good)


def test_fits_that_had_not_converged_are_named(path):
    estimates = [
        replace(each, converged=place != 2) for place, each in enumerate(path.path.estimates)
    ]
    unfinished = replace(path, path=replace(path.path, estimates=tuple(estimates)))
    text = said(unfinished, choice())
    assert text.endswith("The fits at λ = 1 had not converged: their losses are not the prior's.")
    none = [replace(each, converged=False) for each in estimates]
    unfinished = replace(path, path=replace(path.path, estimates=tuple(none)))
    assert "The fits at λ = 0.1, 1 and 3 and 1 more had not converged" in said(unfinished, choice())


def test_no_criterion(path):
    assert said(path) == "No criterion applies to these data."
