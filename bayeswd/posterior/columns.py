"""A problem's objective for many chains at once: a column of numbers for each chain.

Here for linear models: with GaussianNoise from sufficient statistics, so that the cost does not
depend on n, and with other likelihoods by two products with the inputs. `module_columns` takes
any other model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from bayeswd.estimate import linear_design
from bayeswd.estimate.glm_misfit import Glm
from bayeswd.posterior import spectrum
from bayeswd.posterior.nearest_gaussian import Quadratic
from bayeswd.posterior.random_numbers import RandomNumbers
from bayeswd.problem.likelihoods import Bernoulli, Categorical, Likelihood, Poisson
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Gaussian

Params = Mapping[str, Tensor]
Named = Callable[[Tensor, RandomNumbers], tuple[dict[str, Tensor], Tensor | float]]


@dataclass(frozen=True, eq=False)
class Columns:
    """smooth(w) + sum_j l1_j |w_j| + constant = objective, for columns w of weights [D, C].

    smooth: the misfit and the quadratic part of the penalty, [C], float64; gradient: its
        gradient, [D, C].
    l1, l2: 1/b and 1/tau^2 of each weight, [D], float64. constant: nats.
    named: (draws [draw, D, C], random numbers) -> parameters [chain, draw, *parameter], and what
        parameters drawn there add to the objective, [draw, C].
    of_named: parameters [C, *parameter] -> columns [D, C].
    """

    smooth: Callable[[Tensor], Tensor]
    gradient: Callable[[Tensor], Tensor]
    l1: Tensor
    l2: Tensor
    constant: float
    named: Named
    of_named: Callable[[Params], Tensor]


def linear_gaussian(problem: Problem) -> tuple[Columns, Quadratic]:
    """A linear model with GaussianNoise, the bias integrated out where it has no L1 part.

    Columns are the weights of each output in turn, [K * d], or, with an L1 bias, of d + 1 columns.
    """
    noise = spectrum.noise_scale(problem)
    rows, aim, rest = _integrated(problem) if _integrates(problem) else _with_ones(problem)
    l1, l2 = _rates(problem, rows.shape[1])
    outputs = aim.shape[1]
    eye = torch.eye(outputs).to(rows)
    near = Quadratic(torch.kron(eye, rows / noise), (aim.T / noise).flatten())

    def smooth(weights: Tensor) -> Tensor:
        ridge = 0.5 * l2 @ weights.double() ** 2
        return near.value(weights.double()) + ridge

    def gradient(weights: Tensor) -> Tensor:
        away = near.rows @ weights.double() - near.aim[:, None]
        return (near.rows.T @ away + l2[:, None] * weights).to(weights)

    constant = problem.n * outputs * math.log(noise * math.sqrt(2 * math.pi))
    constant += 0.5 * float(rest.sum()) / noise**2 + _normalisers(problem)
    of_named = partial(_weights_of if _integrates(problem) else _table_of, problem)
    named = _named_with_drawn_bias if _integrates(problem) else _named
    return Columns(smooth, gradient, l1, l2, constant, named(problem), of_named), near


def generalised_linear(problem: Problem) -> tuple[Columns, Glm]:
    """A linear model with log odds, classes or log rates as outputs."""
    like = problem.inputs
    table = linear_design.columns(problem)
    l1, l2 = _rates(problem, table.shape[1])
    observed = _observed(problem)
    small, targets = table.to(like), observed.T[..., None].to(like)
    mean = MEANS[type(problem.likelihood)]

    def outputs(weights: Tensor) -> Tensor:
        return small @ weights.unflatten(0, (-1, small.shape[1]))  # [K, n, C]

    def smooth(weights: Tensor) -> Tensor:
        found = outputs(weights).permute(2, 1, 0)
        misfit = problem.likelihood.pointwise(found, problem.targets).sum(-1, dtype=torch.float64)
        return misfit + 0.5 * l2 @ weights.double() ** 2

    def gradient(weights: Tensor) -> Tensor:
        pulled = small.T @ (mean(outputs(weights)) - targets)
        return pulled.flatten(0, 1).addcmul_(l2[:, None].to(weights), weights)

    constant = _normalisers(problem)
    of_named = partial(_table_of, problem)
    columns = Columns(smooth, gradient, l1, l2, constant, _named(problem), of_named)
    width = table.shape[1]
    curved = Glm(problem.likelihood, table, problem.targets, observed, l1[:width], l2[:width])
    return columns, curved


# the mean of the target at outputs [K, n, C]
MEANS: dict[type[Likelihood], Callable[[Tensor], Tensor]] = {
    Bernoulli: torch.sigmoid,
    Categorical: lambda outputs: outputs.softmax(0),
    Poisson: torch.exp,
}


def _integrates(problem: Problem) -> bool:
    """Whether the bias given the weights is a normal, or absent."""
    bias = linear_design.bias_prior(problem)
    return bias is None or isinstance(bias, (Flat, Gaussian))


def _integrated(problem: Problem) -> tuple[Tensor, Tensor, Tensor]:
    """rows [r, d], aim [r, K] and rest [K]: |y - Xw|^2 = |aim - rows w|^2 + rest, bias gone."""
    found = spectrum.of(problem, spectrum.kept(problem))
    used = found.values > 0
    rows = found.values[used].sqrt()[:, None] * found.basis[:, used].T
    return rows, found.scores[used], found.rest


def _with_ones(problem: Problem) -> tuple[Tensor, Tensor, Tensor]:
    """The same for the inputs and a last column of ones."""
    moments = problem.moments
    gram, cross, square = moments.uncentred()
    total = moments.count * moments.inputs_mean[:, None]
    corner = torch.full_like(total[:1], moments.count)
    gram = torch.cat([torch.cat([gram, total], 1), torch.cat([total, corner]).T])
    cross = torch.cat([cross, moments.count * moments.targets_mean[None]])
    values, basis = torch.linalg.eigh(gram)
    used = values > values[-1] * 1e-14 * len(values)
    roots, basis = values[used].sqrt(), basis[:, used]
    aim = basis.T @ cross / roots[:, None]
    return roots[:, None] * basis.T, aim, (square - (aim**2).sum(0)).clamp(min=0)


def _rates(problem: Problem, width: int) -> tuple[Tensor, Tensor]:
    """1/b and 1/tau^2 of the columns, [K * width]."""
    outputs = len(problem.initial[linear_design.layout(problem).weight])
    l1, l2 = linear_design.rates(problem)
    return l1[:width].repeat(outputs), l2[:width].repeat(outputs)


def _normalisers(problem: Problem) -> float:
    """-log density of all penalised weights at 0: what l1 |w| + l2 w^2 / 2 leaves out."""
    return float(problem.penalty({k: torch.zeros_like(v) for k, v in problem.initial.items()}))


def _observed(problem: Problem) -> Tensor:
    """Targets as numbers [n, K], classes as rows of 0 and 1; float64."""
    if not isinstance(problem.likelihood, Categorical):
        return problem.targets.double()
    classes = len(problem.initial[linear_design.layout(problem).weight])
    return one_hot(problem.targets, classes).double()


def _named(problem: Problem) -> Named:
    """Draws of all columns, the last one of each output the bias where there is one."""
    names = linear_design.layout(problem)
    outputs, width = problem.initial[names.weight].shape

    def named(draws: Tensor, _: RandomNumbers) -> tuple[dict[str, Tensor], float]:
        table = draws.permute(2, 0, 1).unflatten(-1, (outputs, -1))
        found = {names.weight: table[..., :width].contiguous()}
        if names.bias is not None:
            centre = linear_design.centre(problem) if _centred(problem) else 0.0
            shift = (found[names.weight].double() * centre).sum(-1).to(draws)
            found[names.bias] = table[..., width] - shift
        return found, 0.0

    return named


def _centred(problem: Problem) -> bool:
    """Whether the columns of `generalised_linear` are centred: under a Flat bias."""
    return isinstance(linear_design.bias_prior(problem), Flat)


def _named_with_drawn_bias(problem: Problem) -> Named:
    """Draws of the weights; the bias is drawn here, from its normal given them."""
    names = linear_design.layout(problem)
    weights_alone = _named_weights(problem)
    if names.bias is None:
        return weights_alone
    bias_name, moments, share = names.bias, problem.moments, spectrum.bias_share(problem)
    sd = spectrum.noise_scale(problem) * math.sqrt(share / problem.n)

    def named(draws: Tensor, random: RandomNumbers) -> tuple[dict[str, Tensor], Tensor]:
        found, _ = weights_alone(draws, random)
        weight = found[names.weight]  # [C, N, K, d]
        normal = random.normal(weight[0, ..., 0].numel()).T.reshape(weight.shape[:-1])
        follows = moments.targets_mean - weight.double() @ moments.inputs_mean
        found[bias_name] = (share * follows + sd * normal).to(draws)
        return found, 0.5 * (normal**2).sum(-1).T

    return named


def _named_weights(problem: Problem) -> Named:
    name = linear_design.layout(problem).weight
    outputs = len(problem.initial[name])

    def named(draws: Tensor, _: RandomNumbers) -> tuple[dict[str, Tensor], float]:
        return {name: draws.permute(2, 0, 1).unflatten(-1, (outputs, -1)).contiguous()}, 0.0

    return named


def _weights_of(problem: Problem, params: Params) -> Tensor:
    return params[linear_design.layout(problem).weight].flatten(1).T


def _table_of(problem: Problem, params: Params) -> Tensor:
    names = linear_design.layout(problem)
    weight = params[names.weight]
    if names.bias is None:
        return weight.flatten(1).T
    centre = linear_design.centre(problem) if _centred(problem) else 0.0
    bias = params[names.bias] + (weight.double() * centre).sum(-1).to(weight)
    return torch.cat([weight, bias[..., None]], -1).flatten(1).T
