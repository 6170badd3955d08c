"""Second derivatives of the misfit of any model at given weights, in nats.

`full` is the Hessian itself. `ggn` is the generalised Gauss-Newton matrix sum_i J_i' C_i J_i,
with J_i the Jacobian of the outputs of row i and C_i the second derivative of its misfit by its
outputs: never indefinite, and the Hessian where the outputs are linear in the weights (Martens
2020, section 8). `diagonal` is the diagonal of the latter. All assume that rows do not mix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor
from torch.func import grad, jacrev, vmap

from bayeswd.errors import InputError
from bayeswd.problem.objective import Problem

Params = Mapping[str, Tensor]
Structure = Callable[[Problem, Params], Tensor]

MOST = 5000  # parameters of a dense matrix
_CHUNK = 2**23  # numbers held at a time, 64 MiB in float64


def full(problem: Problem, params: Params) -> Tensor:
    """The Hessian, [D, D]; parameters flattened in the order of `problem.priors`."""
    _require_small(problem, "full")
    vector = flat(problem, params)

    def misfit(weights: Tensor) -> Tensor:
        return problem.misfit(named(problem, weights))

    rows = max(1, _CHUNK // (problem.n * _widest(problem)))
    hessian: Tensor = jacrev(grad(misfit), chunk_size=rows)(vector)
    return 0.5 * (hessian + hessian.T).detach()


def ggn(problem: Problem, params: Params) -> Tensor:
    """The generalised Gauss-Newton matrix, [D, D]."""
    _require_small(problem, "ggn")
    size = sum(value.numel() for value in problem.initial.values())
    total = problem.inputs.new_zeros(size, size)
    for jacobian, curved in _rows(problem, params):
        pulled = curved @ jacobian
        total += jacobian.flatten(0, 1).T @ pulled.flatten(0, 1)
    return total


def diagonal(problem: Problem, params: Params) -> Tensor:
    """The diagonal of the generalised Gauss-Newton matrix, [D]."""
    total = torch.zeros_like(flat(problem, params))
    for jacobian, curved in _rows(problem, params):
        total += (jacobian * (curved @ jacobian)).sum((0, 1))
    return total


def flat(problem: Problem, params: Params) -> Tensor:
    """The parameters as one vector [D]."""
    return torch.cat([params[name].flatten() for name in problem.priors])


def named(problem: Problem, vectors: Tensor) -> dict[str, Tensor]:
    """Vectors [..., D] as parameters by name, [..., *parameter]."""
    shapes = {name: value.shape for name, value in problem.initial.items()}
    parts = vectors.split([shape.numel() for shape in shapes.values()], dim=-1)
    return {
        name: part.unflatten(-1, shape) if shape else part.squeeze(-1)
        for (name, shape), part in zip(shapes.items(), parts, strict=True)
    }


def _rows(problem: Problem, params: Params) -> Iterator[tuple[Tensor, Tensor]]:
    """Chunks of (Jacobian of the outputs [rows, K, D], misfit by outputs twice [rows, K, K])."""
    vector = flat(problem, params)

    def outputs(weights: Tensor, row: Tensor) -> Tensor:
        return problem.outputs(named(problem, weights), row[None])[0]

    def misfit(output: Tensor, target: Tensor) -> Tensor:
        return problem.likelihood.misfit(output[None], target[None])

    width = problem.outputs(params, problem.inputs[:1]).shape[-1]
    size = max(1, _CHUNK // (width * len(vector)))
    for start in range(0, problem.n, size):
        rows, targets = problem.inputs[start : start + size], problem.targets[start : start + size]
        jacobian = vmap(jacrev(outputs), (None, 0))(vector, rows)
        found = problem.outputs(params, rows)
        curved = vmap(jacrev(jacrev(misfit)))(found, targets)
        yield jacobian.detach(), curved.detach()


def _widest(problem: Problem) -> int:
    return max(max(value.shape[:1], default=1) for value in problem.initial.values())


def _require_small(problem: Problem, structure: str) -> None:
    size = sum(value.numel() for value in problem.initial.values())
    if size > MOST:
        raise InputError(
            f"laplace_approximation.{structure} is a matrix of {size} x {size} numbers; use "
            "structure=laplace_approximation.diagonal."
        )
