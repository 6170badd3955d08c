"""Curvature of the training loss: what step size and momentum have to fit.

Everything here is in units of the training loss, loss = c * misfit + constant with
c = loss_scale / n, and includes the quadratic part of the penalty, c * l2_rate.
"""

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor

from bayeswd.errors import InputError
from bayeswd.estimate import linear_design
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
        return True
    outputs, columns = _table(problem, problem.initial).shape
    if is_quadratic(problem):
        return columns <= DENSE_COEFFICIENTS
    size = outputs * columns
    return size <= DENSE_COEFFICIENTS and problem.n * size**2 <= DENSE_WORK


def is_quadratic(problem: Problem) -> bool:
    """Whether the misfit has the same curvature everywhere."""
    return problem.linear is not None and isinstance(problem.likelihood, GaussianNoise)


def is_bounded(problem: Problem) -> bool:
    """Whether `largest` bounds the curvature everywhere, and not only near the start."""
    return problem.linear is not None and not isinstance(problem.likelihood, Poisson)


def spectrum(problem: Problem, params: Params) -> tuple[float, float]:
    """Smallest non-zero curvature where an L1 penalty leaves room, and the largest anywhere.

    The weights that an L1 penalty holds at zero take no part in the first number: once training
    has found them, it is the rest that decides how fast it comes to rest. A model that is not
    linear: by Lanczos's method, of which only the second number is precise; the first may be < 0.
    """
    if problem.linear is None:
        return _extremes_at(problem, params, only_free=True)[0], largest(problem, params)
    params = {name: value.detach() for name, value in params.items()}
    free = (_table(problem, params) != 0) | (linear_design.rates(problem)[0] == 0)
    if is_quadratic(problem):
        hessian = _scatter(problem) + torch.diag(_decays(problem))
        blocks = [hessian[mask][:, mask] for mask in torch.unique(free, dim=0)]
    else:
        hessian = _hessian(problem, params)
        hessian += torch.diag(_decays(problem).repeat(len(free)))
        blocks = [hessian[free.flatten()][:, free.flatten()]]
    highest = float(torch.linalg.eigvalsh(hessian)[-1])
    curvatures = torch.cat([torch.linalg.eigvalsh(block) for block in blocks])
    curvatures = curvatures[curvatures > 1e-10 * highest]  # a shift of softmax biases has none
    return float(curvatures.min()) if len(curvatures) else highest, highest


def largest(problem: Problem, params: Params, batch_size: int | None = None) -> float:
    """Largest curvature: exact for squared error, a bound for log odds and classes.

    Poisson counts have no bound: the curvature where the rate equals the largest count stands
    in. batch_size: a bound for every batch of that many rows. A model that is not linear: the
    largest absolute curvature at `params`.
    """
    if problem.linear is None:
        return max(map(abs, _extremes_at(problem, params, only_free=False))) or 1.0
    rows = _rows(problem)
    of_inputs = _largest_of_inputs(problem, rows)
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
    targets = problem.targets.double() if problem.targets.is_floating_point() else problem.targets
    outputs = outputs.detach().requires_grad_()
    loss = problem.n * problem.likelihood.loss(outputs, targets)  # summed: rows do not mix
    (slopes,) = torch.autograd.grad(loss, outputs, create_graph=True)
    columns = [
        torch.autograd.grad(slopes[:, k].sum(), outputs, retain_graph=True)[0]
        for k in range(outputs.shape[1])
    ]
    return torch.stack(columns, 1)


def _extremes_at(problem: Problem, params: Params, only_free: bool) -> tuple[float, float]:
    """Smallest and largest curvature at `params` that Lanczos's method finds, for any model.

    `only_free` leaves out the weights that an L1 penalty holds at zero.
    """
    leaves = {name: value.detach().clone().requires_grad_() for name, value in params.items()}
    variables = list(leaves.values())
    priors = [problem.priors[name] for name in leaves]
    loss = loss_unit(problem) * problem.misfit(leaves)
    slopes = torch.autograd.grad(loss, variables, create_graph=True)
    held = [(v == 0) & (p.l1_rate > 0) for v, p in zip(variables, priors, strict=True)]
    free = ~_flat(held) if only_free else torch.ones_like(_flat(held))
    decays = [torch.full_like(v, p.l2_rate) for v, p in zip(variables, priors, strict=True)]
    decay = loss_unit(problem) * _flat(decays)

    def curve(vector: Tensor) -> Tensor:
        parts = vector.split([v.numel() for v in variables])
        shaped = [part.view_as(v) for part, v in zip(parts, variables, strict=True)]
        curved = torch.autograd.grad(
            slopes, variables, shaped, retain_graph=True, allow_unused=True, materialize_grads=True
        )
        return free * (_flat(curved) + decay * vector)

    return _lanczos(curve, free.to(decay))


def _lanczos(curve: Callable[[Tensor], Tensor], mask: Tensor) -> tuple[float, float]:
    """Smallest and largest eigenvalue of a symmetric map, from 40 rounds of Lanczos's method.

    Both lie within the spectrum, the largest soon at its end. mask: 0 where vectors are 0.
    """
    generator = torch.Generator().manual_seed(0)
    start = mask * torch.randn(len(mask), generator=generator, dtype=torch.float64).to(mask)
    if not start.any():
        return 0.0, 0.0
    basis = (start / start.norm())[None]
    images = [curve(basis[0])]
    for _ in range(min(40, int(mask.sum())) - 1):
        rest = images[-1]
        for _ in range(2):  # orthogonal to rounding only after the second time
            rest = rest - (basis @ rest) @ basis
        if rest.norm() <= 1e-10 * images[0].norm():
            break
        basis = torch.cat([basis, (rest / rest.norm())[None]])
        images.append(curve(basis[-1]))
    found = torch.linalg.eigvalsh(basis @ torch.stack(images, 1))
    return float(found[0]), float(found[-1])


def _flat(tensors: Iterable[Tensor]) -> Tensor:
    return torch.cat([tensor.flatten() for tensor in tensors])


def _rows(problem: Problem) -> Tensor:
    """Inputs with a column of ones where there is a bias, [n, p], float64."""
    assert problem.linear is not None
    inputs = problem.inputs.flatten(1).double()
    if problem.linear.bias is None:
        return inputs
    return torch.cat([inputs, inputs.new_ones(len(inputs), 1)], 1)


def _largest_of_inputs(problem: Problem, rows: Tensor) -> float:
    """Largest eigenvalue of X'X / n; XX' / n has the same one."""
    n, columns = rows.shape
    if min(n, columns) > DENSE_COEFFICIENTS:
        return _lanczos(lambda v: rows.T @ (rows @ v) / n, torch.ones_like(rows[0]))[1]
    if is_quadratic(problem) and columns <= n:
        gram = _scatter(problem)
    else:
        gram = (rows @ rows.T if n < columns else rows.T @ rows) / n
    return float(torch.linalg.eigvalsh(gram)[-1])


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


def _decays(problem: Problem) -> Tensor:
    """weight_decay of each column, [p]."""
    return loss_unit(problem) * linear_design.rates(problem)[1]
