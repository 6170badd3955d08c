"""Certificates where optima are flat, repeated or infinitely far, and weights no weights."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from torch import nn

import bayeswd as bw
from bayeswd.estimate import certificate
from bayeswd.estimate.certificate import kkt_residual
from bayeswd.estimate.convex_losses import Classes

certify: Any = certificate.certify  # Any: a gap may be None, and is compared as the number it is
duality_gap: Any = certificate.duality_gap


def tensor(*values):
    return torch.tensor(values, dtype=torch.float64)


def test_flat_weights_are_projected_out_even_where_columns_repeat():
    generator = torch.Generator().manual_seed(0)
    column = torch.randn(12, 1, generator=generator, dtype=torch.float64)
    inputs = torch.cat([column, 2 * column, torch.ones(12, 1)], 1)
    targets = torch.randn(12, generator=generator, dtype=torch.float64)
    problem = bw.Problem(nn.Linear(3, 1), bw.GaussianNoise(1.0), {"*": bw.Flat()}, inputs, targets)
    solution = torch.as_tensor(np.linalg.lstsq(inputs.numpy(), targets.numpy(), rcond=None)[0])
    best = {"weight": solution[None], "bias": tensor(0.0)}
    assert duality_gap(problem, best) < 1e-25
    moved = {"weight": solution[None] + 0.1, "bias": tensor(0.3)}
    true = float(problem.misfit(moved) - problem.misfit(best))
    assert duality_gap(problem, moved) == pytest.approx(true, rel=1e-9)


@pytest.mark.parametrize("closeness", [1e-3, 1e-5, 0.0])
def test_flat_logistic_weights_on_nearly_repeated_columns_keep_a_tight_gap(closeness):
    """The columns (x, x + c e) span what (x, e) do, and x alone at c = 0."""
    generator = np.random.default_rng(0)
    column, extra = generator.standard_normal((2, 40, 1))
    targets = (generator.uniform(size=40) < 0.5).astype(float)
    basis = np.hstack([column, extra]) if closeness else column
    unpenalised = LogisticRegression(
        C=np.inf, fit_intercept=False, solver="newton-cholesky", tol=1e-12
    ).fit(basis, targets)
    lowest = log_loss(targets, unpenalised.predict_proba(basis), normalize=False)
    inputs = np.hstack([column, column + closeness * extra])
    model = nn.Linear(2, 1, bias=False)
    problem = bw.Problem(model, bw.Bernoulli(), {"weight": bw.Flat()}, inputs, targets)
    gap = duality_gap(problem, {"weight": tensor([0.0, 0.0])})
    assert gap == pytest.approx(40 * math.log(2) - lowest, rel=1e-9)


def test_softmax_curvature_survives_saturation():
    """p (1 - p) is the same for both of two classes, e^-40 apart or not."""
    curvature = Classes(tensor([1.0, 0.0])).curvature(tensor([40.0, 0.0], [0.3, 0.0]))
    odds = 1 / (1 + math.exp(-0.3))
    assert curvature[0].tolist() == pytest.approx([math.exp(-40)] * 2, rel=1e-12, abs=0)
    assert curvature[1].tolist() == pytest.approx([odds * (1 - odds)] * 2, rel=1e-12)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("family", "k"), [(bw.Bernoulli(), 1), (bw.Categorical(), 2)])
def test_separable_classes_under_a_flat_prior_have_the_misfit_as_gap(family, k, bias):
    """No optimum exists: the misfit can be brought as near 0 as one likes."""
    inputs, targets = tensor([-2.0], [-1.0], [1.0], [3.0]), torch.tensor([0, 0, 1, 1])
    problem = bw.Problem(nn.Linear(1, k, bias=bias), family, {"*": bw.Flat()}, inputs, targets)
    params = {name: torch.full_like(value, -0.3) for name, value in problem.initial.items()}
    gap = duality_gap(problem, params)
    assert gap == pytest.approx(float(problem.misfit(params)), rel=1e-9)


@pytest.mark.parametrize(
    ("family", "target", "k"),
    [
        (bw.Bernoulli(), 1, 1),
        (bw.Bernoulli(), 0, 1),
        (bw.Poisson(), 0, 1),
        (bw.Categorical(), 0, 3),
    ],
)
@pytest.mark.parametrize("start", [0.0, 30.0, -30.0])
def test_one_class_alone_drives_a_flat_bias_to_infinity(family, target, k, start):
    """The infimum is a misfit of 0 at zero weights: the gap is misfit + |w|^2/(2 tau^2)."""
    inputs, targets = tensor([-1.0], [0.5], [1.0], [2.0]), torch.full((4,), target)
    priors = {"weight": bw.Gaussian(0.5), "bias": bw.Flat()}
    problem = bw.Problem(nn.Linear(1, k), family, priors, inputs, targets)
    params = {"weight": 0.2 + torch.arange(k).double()[:, None], "bias": torch.zeros(k)}
    params["bias"][0] = start
    true = problem.misfit({name: value.double() for name, value in params.items()})
    true = true + (params["weight"] ** 2).sum() / (2 * 0.25)
    assert duality_gap(problem, params) == pytest.approx(float(true), rel=1e-9)


@pytest.mark.parametrize(
    ("family", "targets", "k"),
    [
        (bw.GaussianNoise(1.0), [0.0, 1, 0, 1], 1),
        (bw.Bernoulli(), [0, 1, 0, 1], 1),
        (bw.Poisson(), [0, 2, 0, 2], 1),
        (bw.Categorical(), [0, 1, 0, 1], 2),
    ],
)
@pytest.mark.parametrize("shift", [-40.0, -6.0, 6.0, 40.0])
def test_a_flat_bias_however_far_away_costs_no_tightness(family, targets, k, shift):
    """Inputs orthogonal to the targets: zero weights are optimal, and the gap is in the bias."""
    inputs, targets = tensor([1.0], [1.0], [-1.0], [-1.0]), torch.tensor(targets)
    priors = {"weight": bw.Gaussian(0.5), "bias": bw.Flat()}
    problem = bw.Problem(nn.Linear(1, k), family, priors, inputs, targets)
    at_best = 0.5 if isinstance(family, bw.GaussianNoise) else 0.0
    best = {"weight": tensor(*[[0.0]] * k), "bias": tensor(*[at_best] * k)}
    moved = {"weight": best["weight"], "bias": best["bias"].clone()}
    moved["bias"][0] += shift
    true = float(problem.misfit(moved) - problem.misfit(best))
    assert duality_gap(problem, best) < 1e-30
    assert duality_gap(problem, moved) == pytest.approx(true, rel=1e-12)


def test_flat_weights_too_far_to_come_back_from_have_the_misfit_as_gap():
    """At outputs of +-1000 the curvature is 0 and Newton cannot move: u = 0 is still feasible."""
    inputs, targets = tensor([1.0], [-1.0], [1.0]), torch.tensor([0, 0, 1])
    problem = bw.Problem(nn.Linear(1, 1), bw.Bernoulli(), {"*": bw.Flat()}, inputs, targets)
    params = {"weight": tensor([1000.0]), "bias": tensor(0.0)}
    true = 1000 - 2 * math.log(2)
    assert true < duality_gap(problem, params) <= 1000


@pytest.mark.parametrize("bad", [math.nan, math.inf, 1e300])
@pytest.mark.parametrize("prior", [bw.Gaussian(1.0), bw.Laplace(1.0), bw.Flat()])
def test_weights_that_are_not_finite_or_overflow_are_infinitely_far(bad, prior):
    data = torch.arange(8.0, dtype=torch.float64).reshape(4, 2)
    priors = {"weight": prior, "bias": bw.Flat()}
    problem = bw.Problem(nn.Linear(2, 1), bw.GaussianNoise(1.0), priors, data, data[:, 1] ** 2)
    params = {"weight": tensor([0.1, bad]), "bias": tensor(0.0)}
    assert duality_gap(problem, params) == math.inf
    if bad != 1e300:
        assert kkt_residual(problem, params) == math.inf


@pytest.mark.parametrize("weight", [bw.Flat(), bw.Gaussian(1.0)])
@pytest.mark.parametrize("bias", [bw.Flat(), bw.Gaussian(1.0)])
def test_means_that_overflow_are_infinitely_far(weight, bias):
    priors = {"weight": weight, "bias": bias}
    inputs, targets = torch.eye(6, 4, dtype=torch.float64), torch.arange(6)
    problem = bw.Problem(nn.Linear(4, 1), bw.Poisson(), priors, inputs, targets)
    found = certify(problem, {"weight": tensor([1000.0] * 4), "bias": tensor(0.0)})
    assert found.gap == found.kkt == math.inf


def test_weights_that_do_not_fit_the_problem_are_refused():
    data = torch.eye(4, dtype=torch.float64)
    priors = {"weight": bw.Gaussian(1.0), "bias": bw.Flat()}
    problem = bw.Problem(nn.Linear(4, 1), bw.GaussianNoise(1.0), priors, data, data[:, 1])
    with pytest.raises(
        bw.InputError, match=r"weights of shapes .*'bias': \(1,\).*found \{'weight'"
    ):
        certify(problem, {"weight": torch.zeros(1, 4)})
    with pytest.raises(bw.InputError, match=r"'weight': \(4,\)"):
        kkt_residual(problem, {"weight": torch.zeros(4), "bias": torch.zeros(1)})
