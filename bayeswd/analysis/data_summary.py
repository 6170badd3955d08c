"""What is known of data that came with a problem, as tensors."""

from __future__ import annotations

from torch import Tensor

from bayeswd.analysis.comparison import DataSummary
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem


def of(problem: Problem, held_out: tuple[Tensor, Tensor] | None = None) -> DataSummary:
    """What can be said of data that came as tensors; columns are x1, x2, ..."""
    columns = problem.inputs[0].numel()
    noise = problem.likelihood.scale if isinstance(problem.likelihood, GaussianNoise) else None
    return DataSummary(
        name="data",
        names=tuple(f"x{column + 1}" for column in range(columns)),
        n_train=problem.n,
        n_validation=0 if held_out is None else len(held_out[0]),
        d=columns,
        noise_scale=noise,
        noise_from=None if noise is None else "given",
        inputs_mean=(0.0,) * columns,
        inputs_sd=(1.0,) * columns,
    )
