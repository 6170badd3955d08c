"""In which conventions which numbers state one prior."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayeswd.problem import conventions
from bayeswd.problem.conventions import Reading
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Prior

TRAINING = (
    "d2l",
    "torch.SGD+MSELoss",
    "torch.SGD+CrossEntropyLoss",
    "torch.SGD+BCEWithLogitsLoss",
    "torch.SGD+PoissonNLLLoss",
)
SHOWN = {
    "gaussian": (
        *TRAINING,
        "keras.L2",
        "sklearn.Ridge",
        "sklearn.LogisticRegression",
        "sklearn.PoissonRegressor",
    ),
    "laplace": (*TRAINING, "keras.L1", "sklearn.Lasso", "sklearn.LogisticRegression"),
    "elastic-net": (*TRAINING, "keras.L1L2", "sklearn.ElasticNet", "sklearn.LogisticRegression"),
}
KINDS = {"gaussian": "l2", "laplace": "l1", "elastic-net": "elastic-net"}


def same_prior(problem: Problem, reading: Reading, *first: str) -> dict[float, list[str]]:
    """Strength -> the conventions in which that number states this prior, ascending.

    `first` are asked before the usual ones.
    """
    places: dict[float, list[str]] = {}
    for name in dict.fromkeys([*first, *SHOWN[reading.family]]):
        found = conventions.elsewhere(name, reading, **known_to(problem)).strength
        if found is None or not 0 < found < math.inf:
            continue
        same = next((s for s in places if math.isclose(s, found, rel_tol=1e-9)), found)
        places.setdefault(same, []).append(name)
    return dict(sorted(places.items()))


def as_reading(prior: Prior) -> Reading:
    """The plain numbers of a proper prior."""
    l1_scale = 1 / prior.l1_rate if prior.l1_rate else None
    l2_scale = prior.l2_rate**-0.5 if prior.l2_rate else None
    if l1_scale is not None and l2_scale is not None:
        return conventions.elastic_net(l1_scale, l2_scale)
    if l1_scale is not None:
        return conventions.laplace(l1_scale)
    assert l2_scale is not None
    return conventions.gaussian(l2_scale)


def variances(problem: Problem, reading: Reading, name: str, strengths: np.ndarray) -> np.ndarray:
    """Prior variance at each strength in the convention `name`, in the family of `reading`."""
    known = known_to(problem)
    share = conventions.strength_and_ratio(name, reading, **known)[1]
    if reading.family == "elastic-net":
        known["l1_ratio"] = share
    kind = KINDS[reading.family]
    return np.array(
        [conventions.reading(name, s, penalty=kind, **known).variance for s in strengths.tolist()]
    )


def known_to(problem: Problem) -> dict[str, Any]:
    """The numbers of a problem that a convention may ask for."""
    likelihood = problem.likelihood
    known: dict[str, Any] = {"n": problem.n, "likelihood": likelihood.family}
    if isinstance(likelihood, GaussianNoise):
        known["noise_scale"] = likelihood.scale
    if likelihood.family != "categorical" and problem.targets.ndim > 1:
        known["outputs"] = problem.targets.shape[1]
    return known
