"""The factors by which two penalties of one number differ: halves, means, batches, units."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from bayeswd.problem.likelihoods import Categorical, GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.tables import number

HALF = "a half is left out on one side: MSELoss and Keras' l2 have none, weight_decay has one"
ROWS = "the loss is a sum over the rows in one, their mean in the other"
BOTH = "a sum of squares in one (Ridge), a mean of half squares in the other (Lasso, the book)"
BATCH = "the loss is a sum over a batch in one, its mean in the other"
BATCHES = "the penalty is added to the summed loss of every batch, not once for all rows"
OUTPUTS = "the loss is a sum over the outputs in one, their mean in the other"
TARGET = "the target was divided by its sd in one (glmnet divides an L2 strength by it)"
NOISE = "sigma^2 is left out of the map from strength to prior, or in it twice"
AS_SCALE = "the variance was given for the scale, which Pyro's Normal and Laplace take"
AS_SD = "the standard deviation sqrt(2) b was given for the scale b, or the other way round"


@dataclass(frozen=True)
class Factor:
    """B's penalty is `value` times A's, relative to the data; `name` is how it is written."""

    name: str
    value: float
    why: str

    @property
    def written(self) -> str:
        """`2`, or `n = 20`."""
        has_symbol = any(letter.isalpha() for letter in self.name)
        return f"{self.name} = {number(self.value)}" if has_symbol else self.name


def named_factors(problem: Problem, batch_size: int | None = None) -> list[Factor]:
    """Every factor with a name that these data give, 1 left out, those of one value as one."""
    found: list[Factor] = []
    for factor in _all(problem, batch_size):
        if math.isclose(factor.value, 1.0, rel_tol=1e-9):
            continue
        same = next((i for i, f in enumerate(found) if _equal(f.value, factor.value)), None)
        if same is None:
            found.append(factor)
        else:
            found[same] = _merged(found[same], factor)
    return found


def _all(problem: Problem, batch_size: int | None) -> Iterator[Factor]:
    n = problem.n
    yield from _and_inverse("2", 2, HALF)
    yield from _and_inverse("n", n, ROWS)
    yield from _and_inverse("2n", 2 * n, BOTH, inverse="1/(2n)")
    yield from _and_inverse("n/2", n / 2, BOTH, inverse="2/n")
    if batch_size is not None:
        yield from _and_inverse("B", batch_size, BATCH)
        yield from _and_inverse("n/B", n / batch_size, BATCHES, inverse="B/n")
    outputs = problem.targets.shape[-1] if problem.targets.ndim > 1 else 1
    if outputs > 1 and not isinstance(problem.likelihood, Categorical):
        yield from _and_inverse("K", outputs, OUTPUTS)
    if isinstance(problem.likelihood, GaussianNoise):
        if outputs == 1:
            for correction, written in ((0, "sd_y"), (1, "sd_y with n-1")):
                yield from _and_inverse(written, sd_of_target(problem, correction), TARGET)
        yield from _and_inverse("sigma^2", problem.likelihood.scale**2, NOISE)
    yield from _of_scales(problem)


def sd_of_target(problem: Problem, correction: int) -> float:
    """The sd of the one target, with n (correction 0) or n - 1 below."""
    return float(problem.targets.std(correction=correction)) if problem.n > 1 else math.nan


def _of_scales(problem: Problem) -> Iterator[Factor]:
    """What a Pyro prior written with the wrong number does, for the one scale there is."""
    priors = [problem.priors[name] for name in problem.penalized]
    rates = {(prior.l1_rate, prior.l2_rate) for prior in priors}
    if len(rates) != 1:
        return
    ((l1_rate, l2_rate),) = rates
    if l1_rate == 0:
        yield Factor("1/tau^2", l2_rate, AS_SCALE)  # N(0, (tau^2)^2): 1/tau^4
    elif l2_rate == 0:
        yield Factor("1/(2b)", l1_rate / 2, AS_SCALE)  # Laplace(0, 2 b^2): 1/(2 b^2)
        yield from _and_inverse("sqrt(2)", math.sqrt(2), AS_SD)


def _and_inverse(name: str, value: float, why: str, inverse: str = "") -> Iterator[Factor]:
    if math.isfinite(value) and value > 0:
        yield Factor(name, float(value), why)
        yield Factor(inverse or f"1/{name}", 1 / value, why)


def _merged(one: Factor, other: Factor) -> Factor:
    if other.name in one.name.split(" = "):
        return one
    why = one.why if other.why == one.why else f"{one.why}; or {other.why}"
    return Factor(f"{one.name} = {other.name}", one.value, why)


def _equal(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-9)
