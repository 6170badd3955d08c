"""Draws to ArviZ's DataTree: the one door to its statistics, plots and files.

Dimensions: chain, draw, and those of `tree_labels`. ArviZ is imported when first used.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from torch import Generator

from bayeswd.errors import InputError
from bayeswd.files import whole
from bayeswd.posterior import rank_normal, tree_groups, tree_labels
from bayeswd.posterior.pointwise import (
    densities_and_replications,
    have_tails,
    log_mean_exp,
)
from bayeswd.problem.objective import Problem
from bayeswd.results import Draws

if TYPE_CHECKING:
    from xarray import DataTree


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
    posterior_predictive (a problem stated from moments has no rows, and observed_data neither);
    prior_draws=0 the group prior. log_prior and prior hold the penalised
    parameters alone: a flat one has no density to scale and none to draw from. Raises InputError.
    """
    import arviz_base

    dims, coords = tree_labels.of(problem, names)
    generator = Generator().manual_seed(seed)
    groups: dict[str, tree_groups.Arrays] = {"posterior": tree_groups.posterior(draws, problem)}
    if draws.sample_stats:
        groups["sample_stats"] = {k: tree_groups.array(v) for k, v in draws.sample_stats.items()}
    if pointwise and problem.has_rows:
        densities, replications = densities_and_replications(draws, problem, generator)
        groups["log_likelihood"] = {"y": tree_groups.array(densities)}
        replicated = tree_groups.without_single_output(tree_groups.array(replications), problem)
        groups["posterior_predictive"] = {"y": replicated}
    if problem.penalized:
        groups["log_prior"] = tree_groups.log_prior(draws, problem)
    if problem.penalized and prior_draws > 0:
        groups["prior"] = tree_groups.prior(problem, prior_draws, generator)
    if problem.has_rows:
        targets = tree_groups.without_single_output(tree_groups.array(problem.targets), problem)
        groups["observed_data"] = {"y": targets}
    groups["constant_data"] = tree_groups.constants(draws, problem, strength)
    attrs = tree_groups.attrs(draws, problem)
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
    elpd = -tree_groups.array(log_mean_exp(-densities))
    pareto_k = np.zeros(problem.n)
    tailed = tree_groups.array(have_tails(-densities))
    if tailed.any():
        found = {"y": tree_groups.array(densities[..., tailed])}
        groups = {"posterior": tree_groups.posterior(draws, problem), "log_likelihood": found}
        tree = arviz_base.from_dict(groups, check_conventions=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a large k, and of ties: k says both
            smooth = arviz_stats.loo(tree, pointwise=True)
        failed = np.isnan(smooth.elpd_i.values) | np.isnan(smooth.pareto_k.values)
        pareto_k[tailed] = np.where(failed, np.inf, smooth.pareto_k.values)
        elpd[tailed] = np.where(failed, elpd[tailed], smooth.elpd_i.values)
    return LeaveOneOut(elpd, pareto_k)
