"""Certificates against numbers worked out by hand, at the ends of their range, and on lies."""

import ast
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import bayeswd as bw
from bayeswd.estimate import certificate
from bayeswd.estimate.certificate import kkt_residual, largest_force

certify: Any = certificate.certify  # Any: a gap may be None, and is compared as the number it is
duality_gap: Any = certificate.duality_gap


def tensor(*values):
    return torch.tensor(values, dtype=torch.float64)


def one_weight(prior):
    """x = (1, 2), y = (1, 3), sigma = 1, no bias: X'X = 5, X'y = 7."""
    model = nn.Linear(1, 1, bias=False)
    noise = bw.GaussianNoise(1.0)
    return bw.Problem(model, noise, {"weight": prior}, tensor([1.0], [2.0]), tensor(1.0, 3.0))


def random_regression(prior, bias=None, n=15, d=4, dtype=torch.float64):
    generator = torch.Generator().manual_seed(3)
    inputs = torch.randn(n, d, generator=generator, dtype=dtype)
    targets = 3 + inputs[:, 0] - 2 * inputs[:, 1] + torch.randn(n, generator=generator, dtype=dtype)
    priors = {"weight": prior, "bias": bias or bw.Flat()}
    return bw.Problem(nn.Linear(d, 1), bw.GaussianNoise(0.8), priors, inputs, targets)


def ridge(problem):
    """The optimum under a Gaussian prior and a flat bias, from the normal equations."""
    inputs, targets = problem.inputs.double(), problem.targets.double()
    centred, residual = inputs - inputs.mean(0), targets - targets.mean()
    damping = problem.likelihood.scale**2 * problem.priors["weight"].l2_rate
    matrix = centred.T @ centred + damping * torch.eye(inputs.shape[1], dtype=torch.float64)
    weight = torch.linalg.solve(matrix, centred.T @ residual).T
    return {"weight": weight, "bias": targets.mean(0) - weight @ inputs.mean(0)}


def test_ridge_gap_in_one_dimension_by_hand():
    """At w = 1.1 (optimum 7/7 = 1): u = (0.1, -0.8), -x'u = 1.5, best scale 2.3 / 1.775."""
    problem = one_weight(bw.Gaussian(math.sqrt(0.5)))
    lower_bound = 2.3**2 / (2 * (0.65 + 1.5**2 / 2))
    expected = (0.5 * (0.1**2 + 0.8**2) + 1.1**2) - lower_bound
    assert duality_gap(problem, {"weight": tensor([1.1])}) == pytest.approx(expected, rel=1e-12)
    assert expected > 0.5 * 7 * 0.1**2  # the true gap
    assert duality_gap(problem, {"weight": tensor([1.0])}) < 1e-30


def test_lasso_gap_in_one_dimension_by_hand():
    """At w = 1.1 (optimum (7 - 2)/5 = 1): -x'u = 1.5 may be stretched by 4/3 up to 1/b = 2."""
    problem = one_weight(bw.Laplace(0.5))
    expected = (0.325 + 2.2) - (4 / 3 * 2.3 - (4 / 3) ** 2 * 0.65 / 2)
    assert expected == pytest.approx(0.325 / 9)
    assert duality_gap(problem, {"weight": tensor([1.1])}) == pytest.approx(expected, rel=1e-12)
    assert duality_gap(problem, {"weight": tensor([1.0])}) < 1e-15
    # at w = 3, u = (2, 3) points the wrong way: turned round and shortened by 2/8
    expected = (0.5 * 13 + 6) - (0.25 * 11 - 0.25**2 * 13 / 2)
    assert duality_gap(problem, {"weight": tensor([3.0])}) == pytest.approx(expected, rel=1e-12)


def test_elastic_net_gap_in_one_dimension_by_hand():
    """At w = 0.9 under |w| + w^2, u = (-0.1, -1.2) and v = 2.5: r*(v) = (2.5 - 1)^2 / 4."""
    problem = one_weight(bw.ElasticNet(1.0, math.sqrt(0.5)))
    objective = 0.5 * (0.1**2 + 1.2**2) + 0.9 + 0.81
    lower_bound = (0.1 * 1 + 1.2 * 3) - 0.5 * (0.1**2 + 1.2**2) - (2.5 - 1) ** 2 / 4
    gap = duality_gap(problem, {"weight": tensor([0.9])})
    assert gap == pytest.approx(objective - lower_bound, rel=1e-12)
    assert gap > 0.5 * 7 * (0.9 - 6 / 7) ** 2  # the true gap
    assert duality_gap(problem, {"weight": tensor([6 / 7])}) < 1e-30


def test_an_elastic_net_with_a_vast_gaussian_part_has_the_gap_of_the_lasso():
    lasso, net = one_weight(bw.Laplace(0.5)), one_weight(bw.ElasticNet(0.5, 1e5))
    for weight in (0.9, 1.1):  # the pull lies beyond 1/b, and within
        params = {"weight": tensor([weight])}
        expected = duality_gap(lasso, params)
        assert duality_gap(net, params) == pytest.approx(expected, rel=1e-6)
    rates = [bw.Problem(p.model, bw.Poisson(), p.priors, p.inputs, p.targets) for p in (lasso, net)]
    expected, found = (duality_gap(problem, {"weight": tensor([0.0])}) for problem in rates)
    assert found == pytest.approx(expected, rel=1e-6)


def test_kkt_in_two_dimensions_by_hand():
    """X = I, y = (3, 0.5), 1/b = 1: at (1.5, 0) the forces are (-1.5, -0.5), at zero (-3, -0.5)."""
    problem = bw.Problem(
        nn.Linear(2, 1, bias=False),
        bw.GaussianNoise(1.0),
        {"weight": bw.Laplace(1.0)},
        torch.eye(2, dtype=torch.float64),
        tensor(3.0, 0.5),
    )
    assert kkt_residual(problem, {"weight": tensor([1.5, 0.0])}) == pytest.approx(0.5 / 3)
    assert kkt_residual(problem, {"weight": tensor([2.0, 0.0])}) == 0
    assert kkt_residual(problem, {"weight": tensor([2.0, 0.01])}) == pytest.approx(0.51 / 3)
    assert kkt_residual(problem, {"weight": tensor([7.0, 0.0])}) == pytest.approx(5 / 4)
    assert largest_force(problem) == 3


def test_kkt_takes_the_gradient_and_the_force_at_zero_from_a_caller_who_has_them():
    problem = random_regression(bw.Laplace(0.1), bw.Gaussian(2.0))
    params = problem.initial
    given = kkt_residual(problem, params, problem.misfit_gradient(params), largest_force(problem))
    assert given == kkt_residual(problem, params)


def test_kkt_without_any_force_is_zero_at_zero_weights_and_infinite_elsewhere():
    problem = bw.Problem(
        nn.Linear(1, 1, bias=False),
        bw.GaussianNoise(1.0),
        {"weight": bw.Gaussian(1.0)},
        torch.zeros(3, 1),
        torch.zeros(3),
    )
    assert kkt_residual(problem, {"weight": tensor([0.0])}) == 0
    assert duality_gap(problem, {"weight": tensor([0.0])}) == 0
    assert kkt_residual(problem, {"weight": tensor([1.0])}) == math.inf


@pytest.mark.parametrize(("n", "d"), [(15, 4), (10, 40)])
def test_ridge_certificate_at_a_known_distance(n, d):
    problem = random_regression(bw.Gaussian(0.3), n=n, d=d)
    best = ridge(problem)
    exact = certify(problem, best)
    assert exact.gap < 1e-24
    assert exact.kkt < 1e-14
    assert exact.distance < 1e-12
    moved = {"weight": best["weight"] + 1e-5, "bias": best["bias"] - 1e-5}
    change = (
        problem.inputs @ torch.full((d, 1), 1e-5, dtype=torch.float64) - 1e-5
    ).square().sum() / 0.64
    true = 0.5 * float(change) + 0.5 * d * 1e-10 / 0.09
    near = certify(problem, moved)
    assert true * (1 - 1e-9) <= near.gap
    assert near.distance == pytest.approx(math.sqrt(2 * near.gap * 0.09))
    assert near.distance >= 1e-5 * math.sqrt(d)


def test_distance_takes_the_widest_prior_and_needs_a_gaussian_part_everywhere():
    both = random_regression(bw.Gaussian(0.3), bw.Gaussian(5.0))
    found = certify(both, both.initial)
    assert found.distance == pytest.approx(math.sqrt(2 * found.gap * 25))
    mixed = random_regression(bw.Gaussian(0.3), bw.Laplace(5.0))
    assert certify(mixed, mixed.initial).distance is None
    flat = random_regression(bw.Flat())
    assert certify(flat, flat.initial).distance is None


def test_zero_weights_are_certified_from_lambda_max_on():
    """1/b >= |X'(y - mean y)|_inf / sigma^2; a share e below, the gap is e^2 |y - mean|^2/2."""
    noise = 0.8
    free = random_regression(bw.Laplace(1.0))
    residual = free.targets - free.targets.mean()
    largest = float((free.inputs.T @ residual).abs().max()) / noise**2
    zero = {"weight": torch.zeros(1, 4), "bias": free.targets.mean(0)}
    for factor in (1.0001, 1.5, 100):
        problem = random_regression(bw.Laplace(1 / (factor * largest)))
        assert duality_gap(problem, zero) < 1e-25
        assert kkt_residual(problem, zero) < 1e-15
    for share in (1e-2, 1e-4):
        problem = random_regression(bw.Laplace(1 / ((1 - share) * largest)))
        expected = 0.5 * share**2 * float((residual**2).sum()) / noise**2
        assert duality_gap(problem, zero) == pytest.approx(expected, rel=1e-6)
        assert kkt_residual(problem, zero) > 0.1 * share


def test_an_mlp_has_a_kkt_residual_and_no_gap():
    model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 1))
    data = random_regression(bw.Gaussian(1.0))
    priors = {"*.weight": bw.Gaussian(1.0), "*.bias": bw.Flat()}
    problem = bw.Problem(model, data.likelihood, priors, data.inputs, data.targets)
    params = {name: torch.full_like(value, 0.1) for name, value in problem.initial.items()}
    found = certify(problem, params)
    assert found.gap is None
    assert found.distance is None
    force = problem.misfit_gradient(params)
    pull = {k: problem.priors[k].stationarity(params[k], force[k]).max() for k in force}
    zero = problem.misfit_gradient({k: torch.zeros_like(v) for k, v in params.items()})
    scale = max(float(part.abs().max()) for part in (*force.values(), *zero.values()))
    assert found.kkt == pytest.approx(float(max(pull.values())) / scale)


def test_a_float32_problem_is_certified_in_float64():
    single = random_regression(bw.Gaussian(0.3), dtype=torch.float32)
    double = single.to("cpu", torch.float64)
    best = ridge(single)
    assert single.inputs.dtype == torch.float32
    assert certify(single, best) == certify(double, best)
    assert duality_gap(single, best) == duality_gap(double, best)
    assert kkt_residual(single, best) == kkt_residual(double, best)
    assert certify(single, best).gap < 1e-24
    rounded = {name: value.float() for name, value in best.items()}
    assert 1e-20 < certify(single, rounded).gap < 1e-10


def test_nothing_but_problem_and_weights_moves_a_certificate():
    """A solver may leave its claim in the model's own weights, or hand over a false witness."""
    problem = random_regression(bw.Gaussian(0.3))
    best = ridge(problem)
    wrong = {name: value + 0.1 for name, value in best.items()}
    honest = certify(problem, wrong)
    problem.model.load_state_dict(best)
    assert certify(problem, wrong) == honest
    nonsense = {name: torch.full_like(value, 1e6) for name, value in best.items()}
    assert certify(problem, wrong, witness=nonsense) == honest
    true = float(problem.objective(wrong) - problem.objective(best))
    assert honest.gap > true > 0.01
    assert certify(problem, wrong, witness=best).gap == pytest.approx(true)


def test_the_certificate_shares_no_code_with_a_solver():
    own = {"certificate", "duality", "convex_losses"}
    folder = Path(certificate.__file__).parent
    for name in own:
        for imported in imports(folder / f"{name}.py"):
            home = imported.split(".")[0]
            assert home in {
                "__future__",
                "collections",
                "dataclasses",
                "math",
                "torch",
                "typing",
                "bayeswd",
            }
            if imported.startswith("bayeswd.estimate"):
                assert imported.removeprefix("bayeswd.estimate").strip(".").split(".")[0] in own
            elif home == "bayeswd":
                assert imported.startswith(
                    ("bayeswd.problem.", "bayeswd.results.", "bayeswd.errors.")
                )


def imports(path):
    """Full dotted names imported by a file, `from a import b` as a.b."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
