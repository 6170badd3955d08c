"""bw.select: all criteria at once, what is skipped, and the words."""

from dataclasses import replace

import numpy as np
import pytest
from torch import nn

import bayeswd as bw
from bayeswd.analysis import choice_words, selection
from bayeswd.analysis.choice import Choice
from bayeswd.errors import InputError
from bayeswd.problem.likelihoods import Categorical
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Gaussian, Laplace

GRID = np.geomspace(5e-4, 0.5, 30)


def choice(**changed):
    """A validation choice among four scales, the middle two of them not told apart."""
    made = Choice(
        by="validation",
        scale=0.2,
        interval=(0.1, 0.2),
        identified=True,
        prior_sd=0.2,
        scales=(0.05, 0.1, 0.2, 0.4),
        curve=(1.5, 1.05, 1.0, 1.3),
        higher_is_better=False,
        unit="half squared error",
        error=(0.2, 0.15, 0.14, 0.2),
        difference=(0.5, 0.05, 0.0, 0.3),
        difference_error=(0.1, 0.05, 0.0, 0.1),
    )
    return replace(made, **changed)


def test_the_d2l_data_in_one_call(given):
    problem, rows = given.d2l(Gaussian(0.01), seed=0)
    stages = []
    found = bw.select(problem, GRID, validation=rows, progress=stages.append)
    assert [each.by for each in found.choices] == list(selection.CRITERIA)
    assert stages == ["the path: 30 prior scales", *selection.CRITERIA]
    assert found.skipped == {}
    assert found.path.scales == found.choices[0].scales
    known = found.choice("evidence")
    assert known.identified
    assert known.interval[0] < 0.01 < known.interval[1]
    alone = selection.by_evidence(problem, GRID)
    assert (known.scale, known.interval) == (alone.scale, alone.interval)
    assert found.choice("validation").curve == selection.by_validation(problem, GRID, rows).curve
    assert not found.choice("validation").identified
    assert "The evidence is highest at prior scale 0.0" in found.verdict
    assert "validation loss is least" in found.verdict
    assert "not identified" in found.verdict


def test_with_the_noise_unknown_nothing_is_identified_by_evidence(given):
    problem, _ = given.d2l(Gaussian(0.01), seed=0)
    found = bw.select(problem, GRID, by=["evidence", "hyperprior"], unknown_noise=True)
    assert not found.choice("evidence").identified
    assert "No criterion identifies a strength" in found.verdict
    assert found.choice("validation") is None


def test_a_laplace_prior_with_its_posteriors(given):
    problem = given.state(*given.draw(60, 4), Laplace(1.0), 0.7, Flat())
    found = bw.select(problem, np.geomspace(0.01, 10, 12), posterior=True)
    assert found.skipped.keys() == {"validation"}
    assert "give validation=" in found.skipped["validation"]
    assert len(found.path.posteriors) == 12
    assert found.path.bands.lower.shape == (12, 1, 4)
    by_name = {each.by: each for each in found.choices}
    assert len(by_name["leave-one-out"].k_hat) == len(by_name["leave-one-out"].scales)
    low, high = by_name["evidence"].interval
    assert low < by_name["hyperprior"].scale < high


def test_what_does_not_apply_is_said(given):
    """Softmax: the flat biases have no proper posterior, so that losses alone remain."""
    inputs, _ = given.draw(60, 3)
    targets = np.arange(60) % 3
    priors = {"weight": Laplace(1.0), "bias": Flat()}
    problem = Problem(nn.Linear(3, 3), Categorical(), priors, inputs, targets)
    found = bw.select(problem, [0.1, 1.0], by=["cross-validation", "evidence"], folds=3)
    assert [each.by for each in found.choices] == ["cross-validation"]
    assert "give a Gaussian prior" in found.skipped["evidence"]
    unasked = bw.select(problem, [0.1, 1.0], folds=3)
    assert "HMC draws at each scale" in unasked.skipped["leave-one-out"]


def test_unknown_criteria_are_refused(given):
    problem = given.state(*given.draw(9, 2), Gaussian(1.0))
    with pytest.raises(InputError, match="select by 'aic': give some of validation, cross"):
        bw.select(problem, by=["aic"])


def test_smoothing_has_a_coarser_grid_than_the_path(given):
    problem = given.diabetes(Laplace(1.0))
    scales = selection._loo_scales(problem, tuple(np.geomspace(1, 100, 60)))
    assert len(scales) == 9
    assert scales[0] == 1.0
    assert scales[-1] == pytest.approx(100)
    ridge = given.diabetes(Gaussian(1.0))
    assert len(selection._loo_scales(ridge, tuple(np.geomspace(1, 100, 60)))) == 60


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        ((0.1, 0.2), "those from prior scale 0.1 to prior scale 0.2 cannot be told from it"),
        ((0.05, 0.2), "it tells none up to prior scale 0.2 from that one: not identified"),
        ((0.1, 0.4), "it tells none from prior scale 0.1 on from that one: not identified"),
        ((0.05, 0.4), "it tells no scale of the grid from that one: not identified"),
    ],
)
def test_what_is_as_good_in_words(interval, words):
    said = choice_words.says(choice(interval=interval))
    assert said.startswith("The validation loss is least at prior scale 0.2 (prior sd 0.2); ")
    assert words in said


def test_the_margin_against_the_error_of_the_loss():
    """1.05 against 1.00 is 5 %; the standard error is 0.14."""
    said = choice_words.says(choice())
    assert "(they differ by 5 %, the standard error of the loss is 14 %)." in said
    exact = choice(by="evidence", error=None, difference=None, higher_is_better=True)
    assert "differ" not in choice_words.says(exact)


def test_names_are_the_readers():
    said = choice_words.says(choice(), lambda scale: f"lambda = {1 / scale:g}")
    assert "at lambda = 5" in said
    assert "from lambda = 10 to lambda = 5" in said
    assert choice_words.says(choice(note="two fits failed")).endswith(" Note: two fits failed.")
