"""What a penalty as written becomes on given data."""

import math

import numpy as np
import pytest

from bayeswd.analysis import statement
from bayeswd.analysis.belief import Belief
from bayeswd.errors import InputError
from bayeswd.posterior import evidence
from bayeswd.problem import datasets
from bayeswd.problem.priors import ElasticNet, Flat, Gaussian, Laplace

BOTH = ("l2", "l1")


@pytest.fixture(scope="module")
def d2l():
    return datasets.split(datasets.load("d2l"))


@pytest.fixture(scope="module")
def diabetes():
    return datasets.split(datasets.load("diabetes"))


def scales(stated):
    return [problem.priors["weight"] for problem in stated.problems]


def test_the_book_default_is_lambda_3_and_l1_of_the_same_variance(d2l):
    stated = statement.state(d2l, BOTH, Belief())
    gaussian, laplace = scales(stated)
    assert gaussian.variance == pytest.approx(0.01**2 / (20 * 3), rel=1e-14)
    assert laplace.variance == pytest.approx(gaussian.variance, rel=1e-14)
    assert [p.strength for p in stated.penalties] == [
        pytest.approx(3, rel=1e-12),
        pytest.approx(0.01**2 / (20 * laplace.scale), rel=1e-12),
    ]
    assert (stated.data.noise_scale, stated.data.noise_from) == (0.01, "known")


@pytest.mark.parametrize(
    ("convention", "variance"),
    [
        ("d2l", 1e-4 / 60),
        ("torch.SGD+MSELoss", 2e-4 / 60),
        ("keras.L2", 1e-4 / 60),
        ("sklearn.Ridge", 1e-4 / 3),
    ],
)
def test_the_same_number_is_another_prior_in_another_convention(d2l, convention, variance):
    stated = statement.state(d2l, BOTH, Belief(strength=3, convention=convention))
    assert [prior.variance for prior in scales(stated)] == pytest.approx([variance] * 2, rel=1e-12)
    assert stated.penalties[0].convention == convention


def test_l1_of_a_convention_without_l1_is_written_in_the_books(d2l):
    stated = statement.state(d2l, BOTH, Belief(strength=3, convention="sklearn.Ridge"))
    assert [p.convention for p in stated.penalties] == ["sklearn.Ridge", "d2l"]


def test_the_strength_belongs_to_l1_when_l1_is_alone(d2l):
    (laplace,) = scales(statement.state(d2l, ("l1",), Belief(strength=0.02)))
    assert isinstance(laplace, Laplace)
    assert laplace.scale == pytest.approx(1e-4 / (20 * 0.02), rel=1e-12)


def test_prior_scale_is_pyros_scale_of_each_family(d2l):
    assert scales(statement.state(d2l, ("l2",), Belief(prior_scale=0.5))) == [Gaussian(0.5)]
    assert scales(statement.state(d2l, ("l1",), Belief(prior_scale=0.5)))[0].scale == pytest.approx(
        0.5, rel=1e-14
    )


def test_elastic_net_shares_one_strength_out(d2l):
    stated = statement.state(d2l, ("elastic-net",), Belief(strength=2, l1_ratio=0.25))
    (net,) = scales(stated)
    assert isinstance(net, ElasticNet)
    assert net.l1_scale == pytest.approx(1e-4 / (20 * 2 * 0.25), rel=1e-12)
    assert net.l2_scale**2 == pytest.approx(1e-4 / (20 * 2 * 0.75), rel=1e-12)
    assert stated.penalties[0].strength == pytest.approx(2, rel=1e-12)


def test_evidence_chooses_where_nothing_is_said(diabetes):
    stated = statement.state(diabetes, ("l2",), Belief())
    problem = stated.problems[0]
    best = evidence.log_evidence(problem)
    tau, sigma = problem.priors["weight"].scale, stated.data.noise_scale
    assert stated.data.noise_from == "estimated"
    for factor in (0.98, 1.02):
        moved = statement.state(diabetes, ("l2",), Belief(prior_scale=tau * factor, noise=sigma))
        assert evidence.log_evidence(moved.problems[0]) < best
        moved = statement.state(diabetes, ("l2",), Belief(prior_scale=tau, noise=sigma * factor))
        assert evidence.log_evidence(moved.problems[0]) < best


@pytest.mark.parametrize("belief", [{"strength": 0.05}, {"prior_scale": 20.0}])
def test_unknown_noise_is_the_most_probable_with_the_rest_held(diabetes, belief):
    stated = statement.state(diabetes, ("l2",), Belief(**belief))
    best = evidence.log_evidence(stated.problems[0])
    for factor in (0.99, 1.01):
        noise = stated.data.noise_scale * factor
        moved = statement.state(diabetes, ("l2",), Belief(**belief, noise=noise))
        assert evidence.log_evidence(moved.problems[0]) < best


def test_other_likelihoods_start_from_prior_variance_1():
    stated = statement.state(datasets.split(datasets.load("breast-cancer")), BOTH, Belief())
    assert [prior.variance for prior in scales(stated)] == pytest.approx([1, 1])
    assert stated.data.noise_scale is None
    assert stated.penalties[0].strength == pytest.approx(1 / stated.data.n_train)


def test_the_bias_is_flat_unless_asked_otherwise(d2l):
    problem = statement.state(d2l, ("l2",), Belief()).problems[0]
    assert problem.priors["bias"] == Flat()
    problem = statement.state(d2l, ("l2",), Belief(penalize_bias=True)).problems[0]
    assert problem.priors["bias"] == problem.priors["weight"]


def test_the_start_is_the_books_and_follows_the_seed(d2l):
    first, again, other = (
        statement.state(d2l, ("l2",), Belief(), seed=seed).problems[0].initial for seed in (0, 0, 1)
    )
    assert (first["weight"] == again["weight"]).all()
    assert not (first["weight"] == other["weight"]).any()
    assert float(first["weight"].std()) == pytest.approx(0.01, rel=0.2)
    assert float(first["bias"]) == 0


def test_strength_0_is_flat(diabetes):
    stated = statement.state(diabetes, ("l2",), Belief(strength=0, noise=50))
    assert scales(stated) == [Flat()]
    assert math.isinf(scales(stated)[0].variance)
    assert stated.penalties[0].strength == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"strength": -1.0}, "strength = -1: it must be a finite number >= 0"),
        ({"strength": math.nan}, "strength = nan"),
        ({"prior_scale": 0.0}, "prior scale = 0: it must be a finite number > 0"),
        ({"noise": 0.0}, "noise scale sigma = 0"),
        ({"strength": 1.0, "prior_scale": 1.0}, "give one of them"),
        ({"l1_ratio": 1.0}, "between 0 and 1"),
        ({"convention": "sklearn.Rigde"}, "the nearest is sklearn.Ridge"),
        ({"convention": "nothing"}, "no knob is called 'nothing'"),
    ],
)
def test_a_belief_that_makes_no_sense_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        Belief(**arguments)


def test_an_elastic_net_needs_its_ratio(d2l):
    with pytest.raises(InputError, match="give --l1-ratio"):
        statement.state(d2l, ("elastic-net",), Belief())


def test_noise_is_refused_where_the_likelihood_has_none():
    split = datasets.split(datasets.load("breast-cancer"))
    with pytest.raises(InputError, match="bernoulli likelihood has none"):
        statement.state(split, ("l2",), Belief(noise=1.0))


def test_the_summary_says_on_which_scale_weights_are(diabetes):
    summary = statement.state(diabetes, ("l2",), Belief()).data
    rows = diabetes.data.inputs[diabetes.train_rows]
    np.testing.assert_allclose(summary.inputs_mean, rows.mean(0), rtol=1e-12)
    np.testing.assert_allclose(summary.inputs_sd, rows.std(0), rtol=1e-12)
    assert summary.n_train + summary.n_validation == 442
