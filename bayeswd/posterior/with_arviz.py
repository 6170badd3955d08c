"""Draws to ArviZ's DataTree: the one door to its statistics, plots and files.

Dimensions: chain, draw, and those of `tree_labels`. ArviZ is imported when first used.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from torch import Generator, Tensor

from bayeswd import __version__
from bayeswd.errors import InputError
from bayeswd.files import whole
from bayeswd.posterior import rank_normal, tree_labels
from bayeswd.posterior.pointwise import (
    MOST_NUMBERS,
    densities_and_replications,
    have_tails,
    log_mean_exp,
)
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.results import Draws

if TYPE_CHECKING:
    from xarray import DataTree

Arrays = dict[str, np.ndarray]


def to_datatree(
    draws: Draws,
    problem: Problem,
    *,
    names: Sequence[str] | None = None,
    prior_draws: int = 1000,
    seed: int = 0,
    strength: float | None = None,
    pointwise: bool = True,
) -> DataTree:
    """All that ArviZ asks for: draws, their densities, replications, prior, data, constants.

    names: of the input columns of a linear model. strength: as the user wrote it, if one was.
    pointwise=False leaves out the groups of size draws x rows, log_likelihood and
    posterior_predictive; prior_draws=0 the group prior. log_prior and prior hold the penalised
    parameters alone: a flat one has no density to scale and none to draw from. Raises InputError.
    """
    import arviz_base

    dims, coords = tree_labels.of(problem, names)
    generator = Generator().manual_seed(seed)
    groups: dict[str, Arrays] = {"posterior": _posterior(draws, problem)}
    if draws.sample_stats:
        groups["sample_stats"] = {k: _array(v) for k, v in draws.sample_stats.items()}
    if pointwise:
        densities, replications = densities_and_replications(draws, problem, generator)
        groups["log_likelihood"] = {"y": _array(densities)}
        replicated = _without_single_output(_array(replications), problem)
        groups["posterior_predictive"] = {"y": replicated}
    if problem.penalized:
        groups["log_prior"] = _log_prior(draws, problem)
    if problem.penalized and prior_draws > 0:
        groups["prior"] = _prior(problem, prior_draws, generator)
    groups["observed_data"] = {"y": _without_single_output(_array(problem.targets), problem)}
    groups["constant_data"] = _constants(draws, problem, strength)
    attrs = _attrs(draws, problem)
    return arviz_base.from_dict(
        groups,
        dims=dims,
        coords=coords,
        attrs={"/": attrs, "posterior": attrs},
        check_conventions=False,  # it doubts that a sampler has more chains than draws
    )


def save(datatree: DataTree, path: str | os.PathLike[str]) -> Path:
    """Write netCDF that `xarray.open_datatree` opens; an interrupted write leaves no file."""
    target = Path(path)
    if not target.parent.is_dir():
        raise InputError(f"cannot write {str(target)!r}: there is no folder {str(target.parent)!r}")
    with whole(target) as unfinished:
        datatree.to_netcdf(unfinished, engine="h5netcdf")
    return target


def path_datatree(path: Mapping[str, DataTree]) -> DataTree:
    """A path of fits, label -> tree, as one tree to save; `path_of` takes it apart again."""
    from xarray import DataTree

    for label in path:
        if "/" in label or not label:
            raise InputError(f"the label {label!r} cannot name a group of a file: leave out '/'.")
    whole = DataTree(children={label: tree.copy() for label, tree in path.items()})
    whole.attrs["labels"] = json.dumps(list(path))
    return whole


def path_of(whole: DataTree) -> dict[str, DataTree]:
    """The trees by label, in the order in which `path_datatree` was given them."""
    return {label: whole.children[label] for label in json.loads(whole.attrs["labels"])}


def summary(datatree: DataTree, **options: Any) -> Any:
    """ArviZ's DataFrame of means, sds, intervals, ESS and R-hat, unrounded; options are ArviZ's."""
    import arviz_stats

    return arviz_stats.summary(datatree, **{"round_to": "none", **options})


class Convergence(NamedTuple):
    """The least bulk ESS and the largest rank R-hat over all parameters."""

    ess_bulk: float
    r_hat: float


def convergence(datatree: DataTree) -> Convergence:
    """How well the chains agree, in ArviZ's ESS and R-hat (nan for a single chain)."""
    draws = datatree["posterior"].to_dataset().data_vars.values()
    found = [ess_and_r_hat(each.to_numpy().reshape(*each.shape[:2], -1)) for each in draws]
    return Convergence(
        min(float(ess.min()) for ess, _ in found), max(float(r_hat.max()) for _, r_hat in found)
    )


def ess_and_r_hat(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ArviZ's bulk ESS and rank R-hat of [chain, draw, k] numbers, each [k], all k at once.

    R-hat is nan for a single chain, both are nan for fewer than 4 draws. The ranks that both rest
    on are computed here, once and in one batch: most of the time goes into them.
    """
    from arviz_stats.base import array_stats

    axes = {"chain_axis": -2, "draw_axis": -1}
    each = np.ascontiguousarray(np.moveaxis(values, -1, 0))
    chains, length = each.shape[1:]
    if length < 8:  # ArviZ's estimators ask for 4 draws of what is split in two here
        r_hat = array_stats.rhat(each, method="rank", **axes)
        return array_stats.ess(each, method="bulk", **axes), r_hat
    scores, folded = rank_normal.scores(rank_normal.split(each))
    ess = array_stats.ess(scores, method="identity", **axes)
    if chains == 1:
        return ess, np.full(len(each), np.nan)
    r_hats = [array_stats.rhat(each, method="identity", **axes) for each in (scores, folded)]
    return ess, np.maximum(*r_hats)


def interval(values: np.ndarray, probability: float) -> np.ndarray:
    """ArviZ's equal-tailed intervals of [chain, draw, k] numbers, [k, 2]."""
    from arviz_stats.base import array_stats

    return array_stats.eti(values.reshape(-1, values.shape[-1]), probability, axis=0)


class LeaveOneOut(NamedTuple):
    """log p(targets of a row | all other rows) [n], nats, and the Pareto k of each row [n]."""

    elpd: np.ndarray
    pareto_k: np.ndarray


def leave_one_out(draws: Draws, problem: Problem) -> LeaveOneOut:
    """ArviZ's Pareto-smoothed importance sampling; only what it reads is put into a tree.

    Rows whose largest ratios are all alike have no tail to smooth: plain importance sampling is
    exact enough for them, and their k is 0. Where smoothing fails k is infinite.
    """
    import arviz_base
    import arviz_stats

    densities, _ = densities_and_replications(draws, problem, Generator().manual_seed(0))
    elpd = -_array(log_mean_exp(-densities))
    pareto_k = np.zeros(problem.n)
    tailed = _array(have_tails(-densities))
    if tailed.any():
        found = {"y": _array(densities[..., tailed])}
        groups = {"posterior": _posterior(draws, problem), "log_likelihood": found}
        tree = arviz_base.from_dict(groups, check_conventions=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a large k, and of ties: k says both
            smooth = arviz_stats.loo(tree, pointwise=True)
        failed = np.isnan(smooth.elpd_i.values) | np.isnan(smooth.pareto_k.values)
        pareto_k[tailed] = np.where(failed, np.inf, smooth.pareto_k.values)
        elpd[tailed] = np.where(failed, elpd[tailed], smooth.elpd_i.values)
    return LeaveOneOut(elpd, pareto_k)


def _posterior(draws: Draws, problem: Problem) -> Arrays:
    arrays = _named(draws.params, problem)
    if draws.noise_scale is not None:
        arrays["noise_scale"] = _array(draws.noise_scale)
    return arrays


def _log_prior(draws: Draws, problem: Problem) -> Arrays:
    """log density of each penalised weight, in the shape of its draws."""
    densities = {
        name: problem.priors[name].log_density(draws.params[name]) for name in problem.penalized
    }
    return _named(densities, problem)


def _prior(problem: Problem, count: int, generator: Generator) -> Arrays:
    """One chain of draws of each parameter under a proper prior."""
    values = {name: problem.initial[name] for name in problem.penalized}
    size = sum(value.numel() for value in values.values())
    if count * size > MOST_NUMBERS:
        raise InputError(
            f"prior_draws={count} of {size} parameters are too many numbers; "
            f"give at most {MOST_NUMBERS // size}, or 0 for no prior group."
        )
    drawn = {
        name: problem.priors[name].draw((1, count, *value.shape), generator, value.cpu())
        for name, value in values.items()
    }
    return _named(drawn, problem)


def _constants(draws: Draws, problem: Problem, strength: float | None) -> Arrays:
    constants: Arrays = {}
    if problem.penalized:
        variances = [problem.priors[name].variance for name in problem.penalized]
        constants["prior_variance"] = np.array(variances)
    if strength is not None:
        constants["strength"] = np.array(float(strength))
    if isinstance(problem.likelihood, GaussianNoise) and draws.noise_scale is None:
        constants["noise_variance"] = np.array(problem.likelihood.scale**2)
    return constants


def _named(values: Mapping[str, Tensor], problem: Problem) -> Arrays:
    """Arrays by parameter name, the single output of a linear model dropped."""
    arrays = {name: _array(value) for name, value in values.items()}
    if problem.linear is None or not tree_labels.has_single_output(problem):
        return arrays
    weight = problem.linear.weight
    return {k: v.squeeze(-2 if k == weight else -1) for k, v in arrays.items()}


def _attrs(draws: Draws, problem: Problem) -> dict[str, Any]:
    by_pyro = draws.engine.startswith("pyro")
    return {
        "inference_library": "pyro" if by_pyro else "bayeswd",
        "inference_library_version": metadata.version("pyro-ppl") if by_pyro else __version__,
        "modeling_interface": "bayeswd",
        "modeling_interface_version": __version__,
        "sampling_time": draws.seconds,
        "engine": draws.engine,
        "engine_why": draws.why,
        "priors": json.dumps({name: str(prior) for name, prior in problem.priors.items()}),
    }


def _array(value: Tensor) -> np.ndarray:
    return value.detach().cpu().numpy()


def _without_single_output(values: np.ndarray, problem: Problem) -> np.ndarray:
    """Targets [..., n, 1] as [..., n]."""
    return values.squeeze(-1) if problem.targets.ndim > 1 and values.shape[-1] == 1 else values
