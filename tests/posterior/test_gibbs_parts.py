"""What a sweep is made of, each part against a closed form: factors, moments, random numbers."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from bayeswd.errors import InputError
from bayeswd.posterior import gaussian_step, gibbs_design, random_numbers, triangles
from bayeswd.posterior.gaussian_step import Blend
from bayeswd.posterior.gibbs_design import Rows, Scatter
from bayeswd.posterior.random_numbers import RandomNumbers
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import ElasticNet, Flat, Gaussian, Laplace

CPU = torch.device("cpu")
BIASES = {
    "flat": Flat(),
    "absent": None,
    "gaussian": Gaussian(2.0),
    "laplace": Laplace(0.7),
    "elastic net": ElasticNet(0.7, 2.0),
}


def tensor(*shape, seed=0):
    return torch.tensor(np.random.default_rng(seed).normal(size=shape))


def state(n, d, bias=None, prior=None):
    inputs = tensor(n, d, seed=n + d) + torch.linspace(-1, 2, d)
    priors = {"weight": prior or Laplace(0.4)} | ({"bias": bias} if bias else {})
    model = nn.Linear(d, 1, bias=bias is not None, dtype=torch.float64)
    return Problem(model, GaussianNoise(0.8), priors, inputs, inputs.sum(1) + tensor(n) + 1)


@pytest.mark.parametrize("kind", [triangles.Together, triangles.OneByOne])
@pytest.mark.parametrize("size", [1, 2, 7])
def test_factors_are_those_of_linear_algebra(kind, size):
    batch, sides = 5, 2
    root = tensor(batch, size, size + 1)
    matrix, right = root @ root.mT, tensor(sides, size, batch)
    found = kind(size, sides, batch, CPU)
    found.matrix.copy_(matrix.permute(1, 2, 0))
    found.diagonal.add_(1)
    found.right.copy_(right)
    found.factor()
    factor = torch.linalg.cholesky(matrix + torch.eye(size))
    wanted = torch.linalg.solve_triangular(factor, right.permute(2, 1, 0), upper=False)
    torch.testing.assert_close(found.right, wanted.permute(2, 1, 0))
    values = tensor(size, batch, seed=1)
    wanted = torch.linalg.solve_triangular(factor.mT, values.T[..., None], upper=True)[..., 0].T
    found.values.copy_(values)
    torch.testing.assert_close(found.solve_transposed(), wanted)


def test_the_way_of_factoring_goes_by_size():
    limit = triangles.LARGEST_TOGETHER
    assert isinstance(triangles.of_size(limit, 1, 1, CPU), triangles.Together)
    assert isinstance(triangles.of_size(limit + 1, 1, 1, CPU), triangles.OneByOne)


class UnitNormals:
    """In place of random numbers: chain c sees the c-th unit vector, the last chain zeros."""

    def fleeting_normal(self, rows):
        return torch.eye(rows, rows + 1, dtype=torch.float64)


def law_of_step(data, precision):
    """Mean [m], covariance [m, m] and squares of the Gaussian step, read off unit vectors."""
    sides = len(precision) + (len(data.targets) if isinstance(data, Rows) else 0)
    step = gaussian_step.of(data, 1, sides + 1)
    step.factor(precision[:, None, None].expand(-1, 1, sides + 1), UnitNormals())
    out = torch.empty(len(precision), 1, sides + 1, dtype=torch.float64)
    none, one = (torch.full((1, sides + 1), value, dtype=torch.float64) for value in (0.0, 1.0))
    step.draw(out, torch.zeros_like(out), Blend(none, one, one))
    mean, deviations = out[:, 0, -1], out[:, 0, :-1] - out[:, 0, -1:]
    again = torch.empty_like(out)
    step.factor(precision[:, None, None].expand(-1, 1, sides + 1), UnitNormals())
    step.draw(again, out, Blend(-0.5 * one, 1.5 * one, 2 * one))  # m - (out - m) / 2 + 2 deviations
    torch.testing.assert_close(again[:, 0, :-1], mean[:, None] + 1.5 * deviations)
    return mean, deviations @ deviations.T, step.squares()[0, 0]


@pytest.mark.parametrize(("n", "d"), [(9, 3), (3, 9), (3, 3), (40, 45), (50, 36)])
def test_both_forms_of_the_step_have_the_textbook_law(n, d):
    columns, targets = tensor(n, d), tensor(n, seed=1)
    precision = 0.1 + tensor(d, seed=2) ** 2
    scatter = Scatter(columns.T @ columns, columns.T @ targets, float(targets @ targets))
    covariance = torch.linalg.inv(scatter.gram + precision.diag())
    mean = covariance @ scatter.cross
    for data in (scatter, Rows(columns, targets)):
        found_mean, found_covariance, squares = law_of_step(data, precision)
        torch.testing.assert_close(found_mean, mean, rtol=1e-9, atol=1e-11)
        torch.testing.assert_close(found_covariance, covariance, rtol=1e-9, atol=1e-11)
        assert float(squares) == pytest.approx(scatter.square - float(mean @ scatter.cross))
        weights = tensor(2, d, 4, seed=3)
        residuals = ((targets[:, None] - columns @ weights) ** 2).sum(-2)
        torch.testing.assert_close(data.residual_squares(weights), residuals)


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("shape", [(9, 3), (4, 6), (5, 5), (1, 3)])
def test_a_design_has_the_products_of_the_columns(shape, bias):
    problem = state(*shape, BIASES[bias])
    design = gibbs_design.of([problem], "gibbs.sample")
    columns, targets = problem.inputs, problem.targets[:, 0]
    if bias == "flat":
        columns, targets = columns - columns.mean(0), targets - targets.mean()
    elif bias != "absent":
        columns = torch.cat([columns, torch.ones_like(columns[:, :1])], 1)
    assert isinstance(design.data, Rows if columns.shape[1] > len(columns) else Scatter)
    assert design.rows == shape[0] - (bias == "flat")
    assert design.l1.shape == design.l2.shape == (columns.shape[1], 1)
    assert design.mixed == columns.shape[1] - (bias == "gaussian")
    weights = tensor(columns.shape[1], 2)
    wanted = ((targets[:, None] - columns @ weights) ** 2).sum(0)
    torch.testing.assert_close(design.data.residual_squares(weights), wanted)
    assert design.data.square == pytest.approx(float(targets @ targets))


@pytest.mark.parametrize(
    ("n", "d", "bias", "exact"),
    [(9, 3, None, False), (4, 6, None, True), (5, 4, Flat(), True), (5, 3, Flat(), False)],
)
def test_an_exact_fit_is_told_from_a_good_one(n, d, bias, exact):
    design = gibbs_design.of([state(n, d, bias)], "gibbs.sample")
    assert design.exact_fit is exact
    problem = state(9, 3)
    fitted = replace(problem, targets=problem.inputs @ tensor(3, 1))
    assert gibbs_design.of([fitted], "gibbs.sample").exact_fit


def test_random_numbers_do_not_depend_on_how_many_are_taken_at_a_time():
    many, one, few = (RandomNumbers(7, chains, CPU) for chains in (300, 1, 130))
    rows = torch.cat([many.normal(count) for count in (3, 1, 700)])
    torch.testing.assert_close(one.normal(704), rows[:, :1], rtol=0, atol=0)
    few.uniform(5)
    torch.testing.assert_close(few.normal(704), rows[:, :130], rtol=0, atol=0)
    assert not torch.equal(RandomNumbers(8, 1, CPU).normal(3), rows[:3, :1])


def test_random_numbers_outlast_as_many_as_are_made_at_a_time():
    random = RandomNumbers(7, 256, CPU)
    random.normal(random_numbers._AHEAD // 256 - 5)
    kept = random.fleeting_normal(5)
    copied = kept.clone()
    random.normal(random_numbers._AHEAD // 256)
    assert torch.equal(kept, copied)
    random.normal(2 * random_numbers._AHEAD // 256)
    assert not torch.equal(kept, copied)


@pytest.mark.parametrize(
    ("draw", "law"),
    [
        (lambda random: random.normal(400), stats.norm),
        (lambda random: random.uniform(400), stats.uniform),
        (lambda random: torch.stack([random.gamma(2.5) for _ in range(400)]), stats.gamma(2.5)),
    ],
    ids=["normal", "uniform", "gamma"],
)
def test_random_numbers_have_their_law_and_chains_are_independent(draw, law):
    values = draw(RandomNumbers(3, 260, CPU)).numpy()
    assert stats.kstest(values.ravel(), law.cdf).pvalue > 1e-3
    across = np.corrcoef(values.T)
    np.fill_diagonal(across, 0)
    assert abs(across).max() < 5.5 / 400**0.5  # 33,670 pairs


def test_what_has_no_mixture_is_refused():
    with pytest.raises(InputError, match=r"found Gaussian\(scale=0.4\) on 'weight'.*conjugate"):
        gibbs_design.of([state(5, 2, prior=Gaussian(0.4))], "gibbs.sample")
