"""What the door to ArviZ gives back: files, paths of fits, its statistics."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray
from scipy import stats
from sklearn.datasets import load_diabetes
from torch import nn

from bayeswd.errors import InputError
from bayeswd.posterior import conjugate, with_arviz
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Gaussian

SCALE = 0.3


def linear(scale=SCALE):
    random = np.random.default_rng(3)
    inputs = random.normal(size=(30, 6))
    targets = inputs @ random.normal(size=6) * SCALE + 1 + 0.7 * random.normal(size=30)
    priors = {"weight": Gaussian(scale), "bias": Flat()}
    return Problem(nn.Linear(6, 1), GaussianNoise(0.7), priors, inputs, targets)


def tree_of(problem, draws=5, **options):
    return with_arviz.to_datatree(conjugate.sample(problem, draws=draws), problem, **options)


def test_a_file_opens_with_xarray_alone(tmp_path):
    problem = linear()
    draws = conjugate.sample(problem, draws=5)
    stats = {**draws.sample_stats, "diverging": torch.zeros(4, 5, dtype=torch.bool)}
    draws = replace(draws, sample_stats=stats)
    tree = with_arviz.to_datatree(draws, problem, strength=3.0)
    file = with_arviz.save(tree, tmp_path / "fit.nc")
    assert [entry.name for entry in tmp_path.iterdir()] == ["fit.nc"]
    with xarray.open_datatree(file) as read:
        xarray.testing.assert_equal(read.load(), tree)
        assert read.attrs["engine"] == "conjugate"


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    tree = tree_of(linear())
    file = with_arviz.save(tree, tmp_path / "fit.nc")
    before = file.read_bytes()

    def interrupted(self, path, **_):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(xarray.DataTree, "to_netcdf", interrupted)
    with pytest.raises(KeyboardInterrupt):
        with_arviz.save(tree, file)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_that_is_not_there_is_said(tmp_path):
    tree = tree_of(linear())
    with pytest.raises(InputError, match="there is no folder"):
        with_arviz.save(tree, tmp_path / "nowhere" / "fit.nc")


def test_a_path_goes_to_one_file_and_back(tmp_path):
    trees = {}
    for strength in (10.0, 1.0, 0.1):
        problem = linear(scale=0.1 / strength)
        trees[f"λ={strength:g}"] = tree_of(problem, strength=strength)
    file = with_arviz.save(with_arviz.path_datatree(trees), tmp_path / "path.nc")
    with xarray.open_datatree(file) as whole:
        read = with_arviz.path_of(whole.load())
    assert list(read) == list(trees)
    for label, tree in trees.items():
        xarray.testing.assert_equal(read[label].copy(), tree)
    with pytest.raises(InputError, match="'a/b' cannot name a group"):
        with_arviz.path_datatree({"a/b": trees["λ=1"]})


def test_summary_and_convergence_are_arviz_own():
    problem = linear()
    exact = conjugate.posterior(problem)
    tree = with_arviz.to_datatree(conjugate.sample(problem, seed=2), problem)
    table = with_arviz.summary(tree, var_names=["weight"])
    means = exact.mean["weight"].numpy().ravel()
    errors = exact.sd["weight"].numpy().ravel() / math.sqrt(4000)
    assert (np.abs(table["mean"] - means) < 4 * errors).all()
    worst = with_arviz.convergence(tree)
    assert worst.ess_bulk > 3000
    assert 0.99 < worst.r_hat < 1.01
    apart = conjugate.sample(problem, seed=2)
    apart.params["bias"][0] += 10
    worst = with_arviz.convergence(with_arviz.to_datatree(apart, problem))
    assert worst.ess_bulk < 10
    assert worst.r_hat > 1.5


def test_raising_the_log_prior_to_a_power_is_another_strength():
    """p(w)^a is the prior of variance tau^2 / a: draws reweighted by log_prior must say so."""
    problem, power = linear(), 1.3
    draws = conjugate.sample(problem, draws=20_000, seed=4)
    tree = with_arviz.to_datatree(draws, problem, pointwise=False)
    weights = np.exp((power - 1) * tree["log_prior"]["weight"].sum("feature").values.ravel())
    weights /= weights.sum()
    drawn = tree["posterior"]["weight"].values.reshape(-1, 6)
    mean = weights @ drawn
    exact = conjugate.path(problem, [SCALE / math.sqrt(power)])[0].mean["weight"].numpy().ravel()
    errors = np.sqrt(weights**2 @ (drawn - mean) ** 2)
    assert (np.abs(mean - exact) < 4 * errors).all()
    here = conjugate.posterior(problem).mean["weight"].numpy().ravel()
    assert (np.abs(here - exact) > 4 * errors).any()  # the two strengths can be told apart


def test_loo_through_the_door_meets_leave_one_out_in_closed_form():
    import arviz_stats

    inputs, targets = load_diabetes(return_X_y=True)
    noise, scale = 54.15, 295.4
    model = nn.Linear(10, 1, bias=False, dtype=torch.float64)
    targets = targets - targets.mean()
    problem = Problem(model, GaussianNoise(noise), {"weight": Gaussian(scale)}, inputs, targets)
    tree = with_arviz.to_datatree(conjugate.sample(problem, seed=1), problem)
    precision = inputs.T @ inputs + (noise / scale) ** 2 * np.eye(10)
    hat = inputs @ np.linalg.solve(precision, inputs.T)
    left = 1 - np.diag(hat)  # targets of row i given the others ~ N(y - r / left, sigma^2 / left)
    exact = stats.norm(0, noise / np.sqrt(left)).logpdf((targets - hat @ targets) / left).sum()
    assert exact == pytest.approx(-2395.77, abs=0.05)
    assert arviz_stats.loo(tree).elpd == pytest.approx(exact, abs=0.2)
