"""From data and a penalty as people write it to problems: the linear model of these data."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bayeswd.analysis import belief as beliefs
from bayeswd.analysis.belief import Belief
from bayeswd.analysis.comparison import DataSummary, Penalty
from bayeswd.errors import InputError
from bayeswd.problem import conventions
from bayeswd.problem.conventions import Reading
from bayeswd.problem.likelihoods import (
    Bernoulli,
    Categorical,
    GaussianNoise,
    Likelihood,
    Poisson,
)
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Gaussian, Prior, from_reading
from bayeswd.problem.splits import Split

NOISELESS = {"bernoulli": Bernoulli, "categorical": Categorical, "poisson": Poisson}
BOOK_START = 0.01  # the book draws its first weights from N(0, 0.01^2)


@dataclass(frozen=True, eq=False)
class Statement:
    """Problems on the same data, how their penalties were written, and what the data are."""

    problems: tuple[Problem, ...]
    penalties: tuple[Penalty, ...]
    data: DataSummary
    validation: tuple[Tensor, Tensor]


def state(
    split: Split,
    kinds: tuple[str, ...],
    belief: Belief,
    *,
    seed: int = 0,
    device: str = "cpu",
) -> Statement:
    """One problem for each kind of penalty ("l2", "l1", "elastic-net") on the same data.

    With several kinds the strength belongs to the first and the others take its variance.
    """
    if "elastic-net" in kinds and belief.l1_ratio is None:
        raise InputError("an elastic net needs l1_ratio, the share of the L1 part: give --l1-ratio")
    noise, noise_from = _noise(split, kinds[0], belief)
    first = beliefs.prior_of(split, kinds[0], belief, noise, lambda *scales: _ridge(split, *scales))
    readings = [first] + [beliefs.same_variance(kind, first) for kind in kinds[1:]]
    base = linear_problem(split, noise, seed, device)
    return Statement(
        problems=tuple(_under(base, reading, belief.penalize_bias) for reading in readings),
        penalties=tuple(
            _as_written(kind, reading, belief, base, given=place == 0)
            for place, (kind, reading) in enumerate(zip(kinds, readings, strict=True))
        ),
        data=_summary(split, noise, noise_from),
        validation=(
            torch.from_numpy(split.validation_inputs).to(device),
            torch.from_numpy(split.validation_targets).to(device),
        ),
    )


def linear_problem(split: Split, noise: float | None, seed: int, device: str) -> Problem:
    """The linear model of these data under flat priors, started as the book starts it."""
    family = split.data.likelihood
    likelihood: Likelihood
    likelihood = NOISELESS[family]() if noise is None else GaussianNoise(noise)
    outputs = len(split.data.classes or ()) if family == "categorical" else 1
    model = nn.Linear(split.train_inputs.shape[1], outputs, dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        model.weight.normal_(0, BOOK_START, generator=generator)
        model.bias.zero_()
    return Problem(
        model.to(device),
        likelihood,
        {"weight": Flat(), "bias": Flat()},
        torch.from_numpy(split.train_inputs).to(device),
        torch.from_numpy(split.train_targets).to(device),
    )


def _noise(split: Split, kind: str, belief: Belief) -> tuple[float | None, str | None]:
    if split.data.likelihood == "gaussian":
        return beliefs.noise_of(split, kind, belief, lambda *scales: _ridge(split, *scales))
    if belief.noise is not None or belief.estimate_noise:
        raise InputError(
            f"a noise scale was given, but a {split.data.likelihood} likelihood has none; "
            "drop --noise."
        )
    return None, None


def _ridge(split: Split, noise: float, scale: float) -> Problem:
    base = linear_problem(split, noise, 0, "cpu")
    return base.with_priors(lambda name, prior: Gaussian(scale) if name == "weight" else prior)


def _under(base: Problem, reading: Reading, penalize_bias: bool) -> Problem:
    believed = from_reading(reading)

    def change(name: str, prior: Prior) -> Prior:
        return believed if penalize_bias or name == "weight" else prior

    return base.with_priors(change)


def _as_written(kind: str, reading: Reading, belief: Belief, base: Problem, given: bool) -> Penalty:
    """The number in front of this penalty, in the convention asked for if it can say it.

    given: this penalty is the one that the belief's own strength, if any, belongs to.
    """
    asked = belief.convention
    if given and belief.strength is not None:
        return Penalty(kind, belief.strength, asked)
    noise = base.likelihood.scale if isinstance(base.likelihood, GaussianNoise) else None
    names = [conventions.find(asked).name, beliefs.BOOK]
    found = [
        conventions.elsewhere(
            name, reading, n=base.n, noise_scale=noise, likelihood=base.likelihood.family
        )
        for name in names
    ]
    name, said = next(
        (name, each) for name, each in zip(names, found, strict=True) if each.strength is not None
    )
    assert said.strength is not None  # the book's convention states every prior of ours
    return Penalty(kind, said.strength, asked if name == names[0] else name)


def _summary(split: Split, noise: float | None, noise_from: str | None) -> DataSummary:
    return DataSummary(
        name=split.data.name,
        names=tuple(split.data.names),
        n_train=len(split.train_inputs),
        n_validation=len(split.validation_inputs),
        d=split.train_inputs.shape[1],
        noise_scale=noise,
        noise_from=noise_from,
        inputs_mean=tuple(split.inputs_mean.tolist()),
        inputs_sd=tuple(split.inputs_sd.tolist()),
    )
