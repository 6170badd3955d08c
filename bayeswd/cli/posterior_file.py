"""posterior.nc: the draws of a run for ArviZ, whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bayeswd.cli import arguments as shared

if TYPE_CHECKING:
    from bayeswd.analysis.comparison import Penalty
    from bayeswd.problem.objective import Problem
    from bayeswd.results import Draws

NAME = "posterior.nc"
MANY, FEWER = 2**21, 2**20  # numbers in a group: 16 and 8 MiB


class Sampled(NamedTuple):
    """What goes into the file of one posterior."""

    draws: Draws
    problem: Problem
    penalty: Penalty
    names: Sequence[str]


def write(folder: Path, posteriors: Sequence[Sampled], seed: int, most: int) -> list[str]:
    """One tree at the root, or two as groups l2 and l1; a line that says what is in the file.

    Draws are thinned so that no group of the file has more than `most` numbers.
    """
    if not posteriors:
        return []
    from bayeswd.posterior import thinning, with_arviz

    shared.say(NAME)
    trees, kept = {}, []
    for one in posteriors:
        draws, step = thinning.thinned(one.draws, one.problem, most)
        kind = one.penalty.kind
        if step > 1:
            kept.append(f"of {kind} one draw in {step}, to keep it small")
        trees[kind] = with_arviz.to_datatree(
            draws, one.problem, names=one.names, seed=seed, strength=one.penalty.strength
        )
    several = len(trees) > 1
    tree = with_arviz.path_datatree(trees) if several else next(iter(trees.values()))
    folder.mkdir(parents=True, exist_ok=True)
    with_arviz.save(tree, folder / NAME)
    inside = [f"groups {' and '.join(trees)}"] if several else []
    return ["; ".join([f"{folder / NAME}, for xarray.open_datatree", *inside, *kept])]
