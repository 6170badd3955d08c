"""Misfit and penalty as functions of two weights, the others held where a fit left them.

On such a slice posterior = likelihood x prior holds point by point; a slice is no marginal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.interpolate import RectBivariateSpline
from torch import Tensor

from bayeswd.analysis.comparison import Comparison
from bayeswd.errors import InputError
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.report import windows
from bayeswd.report.weights import flat_weights, place, weight_parameters, weight_prior
from bayeswd.report.windows import Quadratic, Window

Params = Mapping[str, Tensor]
POINTS = 121  # of a map along each side
OUTPUTS = 1.5e6  # computed for one map that is not quadratic, about


@dataclass(frozen=True, eq=False)
class Slice:
    """Nats over a window: `misfit` and `penalty` are [second weight, first weight].

    fit: the two weights where the slice passes through the fit; fit_misfit, fit_penalty: there.
    likelihood_mode: the two weights of least misfit on the slice; nan where the map has none.
    """

    window: Window
    misfit: np.ndarray
    penalty: np.ndarray
    fit: np.ndarray
    fit_misfit: float
    fit_penalty: float
    likelihood_mode: np.ndarray


def choose_pair(comparisons: Sequence[Comparison]) -> tuple[int, int]:
    """The largest fitted weight, and the weight that the data tie to it most.

    Where a fit has exact zeros the second is one of them: there a corner of the penalty shows.
    """
    fits = [flat_weights(one.problem, one.reference.params) for one in comparisons]
    if len(fits[0]) < 2:
        raise InputError("the model has one weight: contours need two")
    sparse = next((fit for fit in fits if (fit == 0).any() and (fit != 0).any()), None)
    fit = fits[0] if sparse is None else sparse
    first = int(np.abs(fit).argmax())
    tie = np.abs(curvature_row(comparisons[0].problem, comparisons[0].reference.params, first))
    tie[first] = -1.0
    if sparse is not None:
        tie[fit != 0] = -1.0
    return first, int(tie.argmax())


def curvature_row(problem: Problem, params: Params, index: int) -> np.ndarray:
    """Row `index` of the misfit's Hessian in the weights, nats per squared unit."""
    leaves = {name: params[name].detach().clone().requires_grad_() for name in problem.priors}
    names = weight_parameters(problem)
    wanted = [leaves[name] for name in names]
    gradient = torch.autograd.grad(problem.misfit(leaves), wanted, create_graph=True)
    name, position = place(problem, index)
    entry = gradient[names.index(name)].flatten()[position]
    row = torch.autograd.grad(entry, wanted, allow_unused=True, materialize_grads=True)
    return np.concatenate([part.detach().cpu().double().numpy().ravel() for part in row])


def wide_and_close(
    problem: Problem, params: Params, pair: tuple[int, int]
) -> tuple[Slice, Slice | None]:
    """The slice through `params` along two weights, and a close-up of the posterior's peak.

    No close-up where the peak fills a third of the first window.
    """
    local = _quadratic(problem, params, pair)
    wide, close = windows.around(local, weight_prior(problem).variance)
    whole = through(problem, params, pair, local, wide)
    if (close.half > wide.half / 3).all():
        return whole, None
    return whole, through(problem, params, pair, local, close)


def through(
    problem: Problem, params: Params, pair: tuple[int, int], local: Quadratic, window: Window
) -> Slice:
    """The slice in a given window; the misfit exact if quadratic, else splined."""
    first, second = window.sides(POINTS)
    fit_misfit = float(problem.misfit(params))
    if _is_quadratic(problem):
        steps = np.meshgrid(first - local.fit[0], second - local.fit[1])
        misfit = fit_misfit + local.rise(*steps)
        likelihood_mode = local.minimum()
    else:
        misfit = _splined(problem, params, pair, local.fit, window)
        likelihood_mode = _lowest(misfit, first, second)
    return Slice(
        window=window,
        misfit=misfit,
        penalty=_penalty(problem, first)[None, :] + _penalty(problem, second)[:, None],
        fit=local.fit,
        fit_misfit=fit_misfit,
        fit_penalty=float(_penalty(problem, local.fit).sum()),
        likelihood_mode=likelihood_mode,
    )


def _quadratic(problem: Problem, params: Params, pair: tuple[int, int]) -> Quadratic:
    both = list(pair)
    gradient = flat_weights(problem, problem.misfit_gradient(params))
    bend = [curvature_row(problem, params, index)[both] for index in both]
    return Quadratic(flat_weights(problem, params)[both], gradient[both], np.array(bend))


def _lowest(misfit: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The map's lowest point; nan where that lies on the border."""
    row, column = np.unravel_index(int(misfit.argmin()), misfit.shape)
    if row in (0, len(second) - 1) or column in (0, len(first) - 1):
        return np.full(2, math.nan)
    return np.array([first[column], second[row]])


def _is_quadratic(problem: Problem) -> bool:
    return problem.linear is not None and isinstance(problem.likelihood, GaussianNoise)


def _splined(
    problem: Problem, params: Params, pair: tuple[int, int], fit: np.ndarray, window: Window
) -> np.ndarray:
    """The misfit on the window's points, from fewer evaluations: it is smooth where priors kink."""
    moved, each = _moved_anyhow, OUTPUTS / 225
    if problem.linear is not None:
        moved, each = _moved_linear, problem.n * problem.initial[problem.linear.weight].shape[0]
    nodes = int(min(max(math.sqrt(OUTPUTS / each), 9), 25))
    first, second = window.sides(nodes)
    values = moved(problem, params, pair, (first - fit[0], second - fit[1]))
    fine_first, fine_second = window.sides(POINTS)
    return RectBivariateSpline(second, first, values)(fine_second, fine_first)


def _penalty(problem: Problem, weights: np.ndarray) -> np.ndarray:
    return -weight_prior(problem).log_density(torch.from_numpy(weights)).numpy()


def _moved_linear(
    problem: Problem, params: Params, pair: tuple[int, int], steps: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Outputs are linear in the weights: three evaluations of the model are enough."""
    base = problem.outputs(params)
    along = [problem.outputs(_stepped(problem, params, index, 1.0)) - base for index in pair]
    across = torch.from_numpy(steps[0]).to(base)[:, None, None] * along[0]
    rows = [
        problem.likelihood.misfit(base + float(step) * along[1] + across, problem.targets)
        for step in steps[1]
    ]
    return torch.stack(rows).detach().cpu().double().numpy()


def _moved_anyhow(
    problem: Problem, params: Params, pair: tuple[int, int], steps: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    with torch.no_grad():
        values = [
            [
                float(problem.misfit(_stepped(problem, raised, pair[0], float(step))))
                for step in steps[0]
            ]
            for raised in (_stepped(problem, params, pair[1], float(up)) for up in steps[1])
        ]
    return np.array(values)


def _stepped(problem: Problem, params: Params, index: int, step: float) -> dict[str, Tensor]:
    """A copy of `params` with one weight moved by `step`."""
    name, position = place(problem, index)
    moved = params[name].detach().clone()
    moved.view(-1)[position] += step
    return {**params, name: moved}
