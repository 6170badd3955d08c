"""Curvature of the training loss: what step size and momentum have to fit.

Everything here is in units of the training loss, loss = c * misfit + constant with
c = loss_scale / n, and includes the quadratic part of the penalty, c * l2_rate.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from bayeswd.errors import InputError
from bayeswd.problem.likelihoods import Bernoulli, Categorical, GaussianNoise, Poisson
from bayeswd.problem.objective import Problem

Params = Mapping[str, Tensor]

DENSE_COEFFICIENTS = 1500  # above this the full spectrum costs more than the steps it saves
DENSE_WORK = 2e10  # multiplications for one Hessian


def loss_unit(problem: Problem) -> float:
    """c of loss = c * misfit + constant: nats times c are units of the training loss."""
    return problem.likelihood.loss_scale / problem.n


def has_spectrum(problem: Problem) -> bool:
    """Whether `spectrum` is defined for the problem and cheap enough to be asked for."""
    if problem.linear is None:
        return False
    outputs, columns = _table(problem, problem.initial).shape
    if is_quadratic(problem):
        return columns <= DENSE_COEFFICIENTS
    size = outputs * columns
    return size <= DENSE_COEFFICIENTS and problem.n * size**2 <= DENSE_WORK


def is_quadratic(problem: Problem) -> bool:
    """Whether the misfit has the same curvature everywhere."""
    return problem.linear is not None and isinstance(problem.likelihood, GaussianNoise)


def spectrum(problem: Problem, params: Params) -> tuple[float, float]:
    """Smallest non-zero curvature where an L1 penalty leaves room, and the largest anywhere.

    The weights that an L1 penalty holds at zero take no part in the first number: once training
    has found them, it is the rest that decides how fast it comes to rest. For a linear model.
    """
    free = (_table(problem, params) != 0) | (_rates(problem, "l1_rate") == 0)
    if is_quadratic(problem):
        hessian = _scatter(problem) + torch.diag(_decays(problem))
        blocks = [hessian[mask][:, mask] for mask in free]
    else:
        hessian = _hessian(problem, params)
        hessian += torch.diag(_decays(problem).repeat(len(free)))
        blocks = [hessian[free.flatten()][:, free.flatten()]]
    largest = float(torch.linalg.eigvalsh(hessian)[-1])
    curvatures = torch.cat([torch.linalg.eigvalsh(block) for block in blocks])
    curvatures = curvatures[curvatures > 1e-10 * largest]  # a shift of softmax biases has none
    return float(curvatures.min()) if len(curvatures) else largest, largest


def largest(problem: Problem, params: Params, batch_size: int | None = None) -> float:
    """Largest curvature: exact for squared error, a bound for log odds and classes.

    Poisson counts have no bound: the curvature where the rate equals the largest count stands
    in. batch_size: a bound for every batch of that many rows. A model that is not linear: the
    largest absolute curvature at `params`, by power iteration.
    """
    if problem.linear is None:
        return _power_iteration(problem, params)
    rows = _rows(problem)
    of_inputs = float(torch.linalg.eigvalsh(_gram(problem, rows))[-1])
    if batch_size is not None:
        of_inputs = min(of_inputs * problem.n / batch_size, float((rows**2).sum(1).max()))
    return _largest_of_outputs(problem) * of_inputs + float(_decays(problem).max())


def _largest_of_outputs(problem: Problem) -> float:
    """Bound on the second derivative of one example's loss by its outputs."""
    likelihood = problem.likelihood
    if isinstance(likelihood, Poisson):
        return max(1.0, float(problem.targets.max()))
    # p(1 - p) <= 1/4; diag(p) - pp' <= 1/2 (Boehning 1992)
    bounds = {GaussianNoise: 1.0, Bernoulli: 0.25, Categorical: 0.5}
    if type(likelihood) not in bounds:
        raise InputError(f"{likelihood!r} has no known curvature: give lr (and momentum).")
    return bounds[type(likelihood)]


def _hessian(problem: Problem, params: Params) -> Tensor:
    """Hessian of the loss of a linear model, [K * p, K * p], outputs slowest."""
    rows = _rows(problem)
    outputs = problem.outputs(params).double()
    curved = _output_curvature(problem, outputs)
    count, columns = curved.shape[-1], rows.shape[1]
    hessian = rows.new_empty(count, columns, count, columns)
    for k in range(count):
        for j in range(k + 1):
            block = rows.T @ (curved[:, k, j, None] * rows) / problem.n
            hessian[k, :, j], hessian[j, :, k] = block, block
    return hessian.reshape(count * columns, -1)


def _output_curvature(problem: Problem, outputs: Tensor) -> Tensor:
    """Second derivative of each example's loss by its outputs, [n, K, K]."""

    def loss(row: Tensor, target: Tensor) -> Tensor:
        return problem.likelihood.loss(row[None], target[None])

    targets = problem.targets
    targets = targets.double() if targets.is_floating_point() else targets
    return torch.func.vmap(torch.func.hessian(loss))(outputs, targets)


def _power_iteration(problem: Problem, params: Params, rounds: int = 20) -> float:
    """Largest absolute eigenvalue of the Hessian at `params`, from below."""
    leaves = {name: value.detach().clone().requires_grad_() for name, value in params.items()}
    variables = list(leaves.values())
    decays = [loss_unit(problem) * problem.priors[name].l2_rate for name in leaves]
    loss = loss_unit(problem) * problem.misfit(leaves)
    slopes = torch.autograd.grad(loss, variables, create_graph=True)
    generator = torch.Generator().manual_seed(0)
    vector = [torch.randn(v.shape, generator=generator).to(v) for v in variables]
    size = 0.0
    for _ in range(rounds):
        norm = torch.linalg.vector_norm(torch.cat([part.flatten() for part in vector]))
        vector = [part / norm for part in vector]
        curved = torch.autograd.grad(
            slopes, variables, vector, retain_graph=True, allow_unused=True, materialize_grads=True
        )
        vector = [h + decay * v for h, decay, v in zip(curved, decays, vector, strict=True)]
        size = float(torch.linalg.vector_norm(torch.cat([part.flatten() for part in vector])))
    return size


def _rows(problem: Problem) -> Tensor:
    """Inputs with a column of ones where there is a bias, [n, p], float64."""
    assert problem.linear is not None
    inputs = problem.inputs.flatten(1).double()
    if problem.linear.bias is None:
        return inputs
    return torch.cat([inputs, inputs.new_ones(len(inputs), 1)], 1)


def _gram(problem: Problem, rows: Tensor) -> Tensor:
    """X'X / n or XX' / n, the smaller: they share their non-zero eigenvalues."""
    if is_quadratic(problem) and rows.shape[1] <= problem.n:
        return _scatter(problem)
    return (rows @ rows.T if len(rows) < rows.shape[1] else rows.T @ rows) / problem.n


def _scatter(problem: Problem) -> Tensor:
    """X'X / n from the moments, [p, p]."""
    assert problem.linear is not None
    moments = problem.moments
    scatter = moments.uncentred()[0] / moments.count
    if problem.linear.bias is None:
        return scatter
    mean = moments.inputs_mean
    bottom = torch.cat([mean, mean.new_ones(1)])
    return torch.cat([torch.cat([scatter, mean[:, None]], 1), bottom[None]])


def _table(problem: Problem, params: Params) -> Tensor:
    """Weights and bias of a linear model side by side, [K, p]."""
    assert problem.linear is not None
    weight = params[problem.linear.weight]
    if problem.linear.bias is None:
        return weight
    return torch.cat([weight, params[problem.linear.bias][:, None]], 1)


def _rates(problem: Problem, part: str) -> Tensor:
    """l1_rate or l2_rate of each column, [p], nats."""
    assert problem.linear is not None
    names = [problem.linear.weight] * problem.inputs.flatten(1).shape[1]
    names += [problem.linear.bias] if problem.linear.bias is not None else []
    rates = [getattr(problem.priors[name], part) for name in names]
    return torch.tensor(rates, dtype=torch.float64, device=problem.inputs.device)


def _decays(problem: Problem) -> Tensor:
    return loss_unit(problem) * _rates(problem, "l2_rate")
