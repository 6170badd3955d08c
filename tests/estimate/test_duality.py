"""The gap bounds the true gap from above, for every likelihood, prior and bias, at every distance.

The optimum comes from scipy's L-BFGS-B on w = p - q with p, q >= 0, polished by Newton steps on
its support: a road that meets the certificate's only in the problem's objective.
"""

from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import nn

import bayeswd as bw
from bayeswd.estimate import certificate

certify: Any = certificate.certify  # Any: a gap may be None, and is compared as the number it is
duality_gap: Any = certificate.duality_gap

LIKELIHOODS = {
    "gaussian": (bw.GaussianNoise(0.7), 1),
    "gaussian-2": (bw.GaussianNoise(0.7), 2),
    "bernoulli": (bw.Bernoulli(), 1),
    "categorical": (bw.Categorical(), 3),
    "poisson": (bw.Poisson(), 1),
}
WEIGHTS: dict[str, Any] = {
    "l2": bw.Gaussian(0.6),
    "l1": bw.Laplace(0.4),
    "elastic-net": bw.ElasticNet(0.5, 0.8),
    "flat": bw.Flat(),
}
BIASES: dict[str, Any] = {
    "none": None,
    "flat": bw.Flat(),
    "l2": bw.Gaussian(0.9),
    "l1": bw.Laplace(0.3),
}
SHAPES = {"tall": (30, 3), "wide": (8, 12)}
CASES = [
    case
    for case in product(LIKELIHOODS, WEIGHTS, BIASES, SHAPES)
    if case[1] != "flat" or case[3] == "tall"
]


def targets_for(likelihood, outputs, generator):
    """Targets with every class present, so that a flat bias has an optimum."""
    if isinstance(likelihood, bw.Categorical):
        return torch.arange(len(outputs)) % outputs.shape[1]
    targets = likelihood.draw(0.5 * outputs, generator)
    if isinstance(likelihood, (bw.Bernoulli, bw.Poisson)):
        targets[0], targets[1] = 0, 1
    return targets


def build(likelihood, weight, bias, shape, seed=0):
    """A random problem from the keys of the tables above."""
    generator = torch.Generator().manual_seed(seed)
    (n, d), (family, k) = SHAPES[shape], LIKELIHOODS[likelihood]
    inputs = torch.randn(n, d, generator=generator, dtype=torch.float64)
    truth = torch.randn(d, k, generator=generator, dtype=torch.float64)
    targets = targets_for(family, inputs @ truth, generator)
    model = nn.Linear(d, k, bias=bias != "none", dtype=torch.float64)
    priors = {"weight": WEIGHTS[weight], "bias": BIASES[bias]}
    if bias == "none":
        del priors["bias"]
    return bw.Problem(model, family, priors, inputs, targets)


@dataclass
class Flattened:
    """A problem as a function of one numpy vector."""

    problem: bw.Problem

    def __post_init__(self):
        shapes = {name: value.shape for name, value in self.problem.initial.items()}
        self.sizes = {name: shape.numel() for name, shape in shapes.items()}
        self.shapes = shapes
        self.l1 = self.rates("l1_rate")
        self.l2 = self.rates("l2_rate")

    def rates(self, kind):
        priors = self.problem.priors
        return np.concatenate([np.full(m, getattr(priors[k], kind)) for k, m in self.sizes.items()])

    def params(self, vector):
        parts = torch.as_tensor(vector).split(list(self.sizes.values()))
        return {k: part.reshape(self.shapes[k]) for k, part in zip(self.sizes, parts, strict=True)}

    def misfit(self, vector):
        return self.problem.misfit(self.params(vector))

    def gradient(self, vector):
        gradient = self.problem.misfit_gradient(self.params(vector))
        return torch.cat([part.flatten() for part in gradient.values()]).numpy()

    def hessian(self, vector):
        """Of misfit and the quadratic part of the penalty."""
        curvature = torch.autograd.functional.hessian(self.misfit, torch.as_tensor(vector)).numpy()
        return curvature + np.diag(self.l2)

    def objective(self, vector):
        quadratic = 0.5 * (self.l2 * vector**2).sum()
        return float(self.misfit(vector)) + quadratic + (self.l1 * np.abs(vector)).sum()

    def optimum(self):
        half = len(self.l1)

        def split_value(pair):
            vector = pair[:half] - pair[half:]
            leaf = torch.as_tensor(vector).requires_grad_()
            misfit = self.misfit(leaf)
            (slope,) = torch.autograd.grad(misfit, leaf)
            value = misfit.item() + 0.5 * (self.l2 * vector**2).sum()
            slope = slope.numpy() + self.l2 * vector
            rising = np.concatenate([slope + self.l1, self.l1 - slope])
            return value + (self.l1 * (pair[:half] + pair[half:])).sum(), rising

        kinked = self.l1 > 0
        bounds: list[Any] = [(0, None) if k else (None, None) for k in kinked]
        bounds += [(0, None) if k else (0, 0) for k in kinked]
        options = {"maxiter": 2000, "maxfun": 4000, "ftol": 1e-14, "gtol": 1e-8}
        found = minimize(
            split_value, np.zeros(2 * half), jac=True, bounds=bounds, options=options
        ).x
        return self.polished(found[:half] - found[half:])

    def polished(self, vector):
        support = (self.l1 == 0) | (np.abs(vector) > 1e-5)
        vector = np.where(support, vector, 0.0)
        for _ in range(4):
            slope = self.gradient(vector) + self.l2 * vector + self.l1 * np.sign(vector)
            matrix = self.hessian(vector)[np.ix_(support, support)]
            vector[support] -= np.linalg.lstsq(matrix, slope[support], rcond=1e-12)[0]
        return vector


@cache
def solved(case):
    """The problem, its optimum, and the Hessian there."""
    flat = Flattened(build(*case))
    best = flat.optimum()
    return flat, best, flat.hessian(best)


def direction(best):
    return np.random.default_rng(1).standard_normal(len(best))


every_case = pytest.mark.parametrize("case", CASES, ids="/".join)
ridge_cases = pytest.mark.parametrize(
    "case", [case for case in CASES if case[1] == "l2" and case[2] != "l1"], ids="/".join
)


@every_case
def test_gap_vanishes_at_the_optimum(case):
    flat, best, _ = solved(case)
    assert 0 <= duality_gap(flat.problem, flat.params(best)) < 1e-11


@every_case
def test_gap_near_the_optimum_is_no_less_than_the_quadratic_part_of_the_true_gap(case):
    flat, best, hessian = solved(case)  # to that part the kinks of L1 only add
    for size in (1e-8, 1e-6, 1e-4):
        change = size * direction(best)
        gap = duality_gap(flat.problem, flat.params(best + change))
        assert 0.99 * 0.5 * change @ hessian @ change <= gap < 1e3 * size


@every_case
def test_gap_far_from_the_optimum_is_no_less_than_the_true_gap(case):
    flat, best, _ = solved(case)
    for size in (1e-2, 0.1, 1.0, 10.0):
        weights = best + size * direction(best)
        objective, gap = flat.objective(weights), duality_gap(flat.problem, flat.params(weights))
        assert objective - flat.objective(best) - 1e-10 <= gap <= objective * (1 + 1e-12)


@ridge_cases
def test_gap_under_gaussian_priors_is_within_the_stated_factor(case):
    flat, best, hessian = solved(case)
    largest_variance = 1 / flat.l2[flat.l2 > 0].min()
    factor = 1 + largest_variance * np.linalg.eigvalsh(hessian)[-1]
    for size in (1e-8, 1e-6, 1e-4):
        change = size * direction(best)
        gap = duality_gap(flat.problem, flat.params(best + change))
        assert gap <= 1.01 * factor * 0.5 * change @ hessian @ change


@every_case
def test_distance_bounds_the_distance_of_the_penalised_weights(case):
    flat, best, _ = solved(case)
    penalized = (flat.l1 + flat.l2) > 0
    for size in (1e-8, 1e-4, 0.1, 1.0):
        change = size * direction(best)
        distance = certify(flat.problem, flat.params(best + change)).distance
        if penalized.any() and flat.l2[penalized].all():
            assert distance >= 0.999 * np.linalg.norm(change[penalized])
        else:
            assert distance is None


@every_case
def test_a_good_witness_makes_the_gap_the_true_one_and_a_bad_one_cannot_falsify_it(case):
    flat, best, _ = solved(case)
    weights = best + 0.1 * direction(best)
    true = flat.objective(weights) - flat.objective(best)
    good = duality_gap(flat.problem, flat.params(weights), witness=flat.params(best))
    assert good == pytest.approx(true, rel=1e-9, abs=1e-10)
    for seed in range(5):
        liar = np.random.default_rng(seed).standard_normal(len(best))
        assert duality_gap(flat.problem, flat.params(weights), flat.params(liar)) >= true - 1e-10


def test_a_class_that_never_occurs_leaves_a_tight_bound():
    problem = build("categorical", "l2", "flat", "tall")
    targets = problem.targets.clamp(max=1)
    two = bw.Problem(
        nn.Linear(3, 2, dtype=torch.float64),
        bw.Categorical(),
        problem.priors,
        problem.inputs,
        targets,
    )
    best = Flattened(two).params(Flattened(two).optimum())
    third = {  # a class of weight 0 whose bias puts its probability at e^-40
        "weight": torch.cat([best["weight"], torch.zeros(1, 3)]),
        "bias": torch.cat([best["bias"], torch.tensor([-40.0])]),
    }
    problem = bw.Problem(problem.model, bw.Categorical(), problem.priors, problem.inputs, targets)
    assert 0 <= duality_gap(problem, third) < 1e-11
