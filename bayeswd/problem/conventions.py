"""A framework's strength <-> the prior it means: one algebra over the rows of knobs.toml.

A framework minimises `J = data * sum(loss) + l1 |w|_1 + l2 |w|^2`, and `nats * sum(loss)` is the
negative log likelihood of its loss. `J * nats / data` is then a negative log posterior, so

    1/b     = nats * l1 / data          Laplace scale b
    1/tau^2 = 2 * nats * l2 / data      Gaussian variance tau^2

Each factor is a product of powers, so the strength enters with one power and the map inverts
itself. Pure Python: no torch, no numpy.
"""

import math
from dataclasses import dataclass, replace

from bayeswd.errors import InputError
from bayeswd.problem import settings
from bayeswd.problem.formulas import precisions
from bayeswd.problem.knobs import Knob, find, names
from bayeswd.problem.readings import (
    FLAT,
    Reading,
    elastic_net,
    gaussian,
    gaussian_of_variance,
    laplace,
    laplace_of_variance,
)

__all__ = [
    "FLAT",
    "Elsewhere",
    "Reading",
    "elastic_net",
    "elsewhere",
    "find",
    "gaussian",
    "gaussian_of_variance",
    "laplace",
    "laplace_of_variance",
    "names",
    "reading",
    "strength",
    "strength_and_ratio",
]


def reading(
    name: str | Knob,
    strength: float,
    *,
    n: float | None = None,
    noise_scale: float | None = None,
    penalty: str | None = None,
    l1_ratio: float | None = None,
    likelihood: str | None = None,
    outputs: int = 1,
    batch_size: int | None = None,
    bias_penalized: bool | None = None,
    **others: float | None,
) -> Reading:
    """The prior that `strength` means in the framework and object called `name`.

    `n` counts training rows (never the batch size), `noise_scale` is sigma. `penalty` ("l2",
    "l1", "elastic-net") defaults to what the knob itself means; with the elastic net `l1_ratio`
    is its share of L1. `likelihood` defaults to that of the object's own loss. `bias_penalized`
    says that the bias was taken out of the knob, or put under it. `others`: batches, momentum,
    dispersion, sd_y, column_sd, ... as the row asks. Strength 0 is the flat prior.

    InputError: an unknown name, a knob without a prior (decoupled AdamW), a penalty or likelihood
    that the object does not have, a strength below 0, a number that is needed and not given.
    """
    knob = _row(name)
    settings.refuse_without_prior(knob, strength)
    likelihood = settings.likelihood(knob, likelihood)
    share = settings.l1_share(knob, penalty, l1_ratio)
    given = dict(n=n, noise_scale=noise_scale, outputs=outputs, batch_size=batch_size, **others)
    known = settings.values(given)
    known |= {"l1_ratio": share, "l2_ratio": 1 - share}
    known["strength"] = _checked(knob, strength) + known.get(knob.hidden, 0.0)
    bias = settings.bias_penalized(knob, bias_penalized, share)
    if known["strength"] in (0, math.inf):
        return replace(FLAT, bias_penalized=bias, status=knob.status)
    terms = precisions(knob, likelihood, share)
    inverses = {term: settings.value(knob, formula, known) for term, formula in terms.items()}
    return replace(_of_inverses(knob, inverses), bias_penalized=bias, status=knob.status)


def strength(
    name: str | Knob,
    reading: Reading,
    *,
    n: float | None = None,
    noise_scale: float | None = None,
    likelihood: str | None = None,
    outputs: int = 1,
    batch_size: int | None = None,
    **others: float | None,
) -> float:
    """The number that states this prior in `name`: the inverse of `reading`.

    inf where no penalty is written so (C = inf). For the elastic net this is the total strength;
    `strength_and_ratio` gives its l1_ratio too.
    """
    given = dict(n=n, noise_scale=noise_scale, outputs=outputs, batch_size=batch_size, **others)
    return strength_and_ratio(name, reading, likelihood=likelihood, **given)[0]


def strength_and_ratio(
    name: str | Knob, reading: Reading, *, likelihood: str | None = None, **given: float | None
) -> tuple[float, float]:
    """(strength, l1_ratio) that state this prior in `name`; l1_ratio is 0 for L2, 1 for L1.

    With strength s, 1/b = l1_ratio s^p/B and 1/tau^2 = (1 - l1_ratio) s^p/T, where B and T are
    read at s = 1 and p is 1, -1 or -2: two equations, linear in the two products.
    """
    knob = _row(name)
    settings.refuse_without_prior(knob)
    likelihood = settings.likelihood(knob, likelihood)
    known = settings.values(given) | {"strength": 1.0}
    if reading.family == "flat":
        return _flat_strength(knob, known), 0.0
    kind = {"gaussian": "l2", "laplace": "l1"}.get(reading.family, reading.family)
    settings.check_penalty(knob, kind)
    terms = precisions(knob, likelihood, settings.default_share(kind))
    wanted = {"l1": 1 / (reading.l1_scale or 1), "l2": 1 / (reading.l2_scale or 1) ** 2}
    products = {
        term: wanted[term] / settings.value(knob, formula.without("l1_ratio", "l2_ratio"), known)
        for term, formula in terms.items()
    }
    power = next(iter(terms.values())).powers["strength"]
    whole = sum(products.values())
    return _unhidden(knob, whole ** (1 / power), known), products.get("l1", 0.0) / whole


@dataclass(frozen=True)
class Elsewhere:
    """A prior's number in one framework; strength None with the reason in `note`.

    `l1_ratio` is None where it need not be written: the row's penalty is that of the prior.
    """

    row: Knob
    knob: str
    strength: float | None
    l1_ratio: float | None
    note: str


def elsewhere(
    name: str | Knob, reading: Reading, *, likelihood: str | None = None, **given: float | None
) -> Elsewhere:
    """The same prior's number in `name`, or why it has none there."""
    row = _row(name)
    try:
        value, ratio = strength_and_ratio(row, reading, likelihood=likelihood, **given)
    except InputError as reason:
        return Elsewhere(row, row.knob, None, None, str(reason).removeprefix(f"{row.name}: "))
    written = row.knob_for(ratio)
    chosen = settings.default_share(row.penalties[0]) != ratio
    said = chosen and reading.family != "flat" and not (ratio == 1 and written != row.knob)
    return Elsewhere(row, written, value, ratio if said else None, row.note)


def _row(name: str | Knob) -> Knob:
    return name if isinstance(name, Knob) else find(name)


def _is_prior_size(knob: Knob) -> bool:
    """Whether the number multiplies the data term (C) or is a prior's scale: larger is weaker."""
    return knob.data is not None and "strength" in knob.data.powers


def _checked(knob: Knob, strength: float) -> float:
    """The strength as a float, if it is one that has a prior."""
    what = f"{knob.name}: {knob.knob} = {strength}"
    if math.isnan(strength) or strength < 0:
        raise InputError(f"{what} has no prior: give a number that is 0 or more")
    if strength == (0 if _is_prior_size(knob) else math.inf):
        raise InputError(f"{what} is a point mass at w = 0, not a prior with a scale")
    return float(strength)


def _flat_strength(knob: Knob, known: dict[str, float]) -> float:
    return math.inf if _is_prior_size(knob) else _unhidden(knob, 0.0, known)


def _unhidden(knob: Knob, total: float, known: dict[str, float]) -> float:
    """The strength to write so that the knob's hidden second decay makes up the total."""
    left = total - known.get(knob.hidden, 0.0)
    if left < -1e-12 * total or (total == 0 and left < 0):
        raise InputError(
            f"{knob.name} always decays by {knob.hidden} = {known[knob.hidden]:g}, more than this"
            f" prior asks for: set {knob.hidden} = 0"
        )
    return max(left, 0.0)


def _of_inverses(knob: Knob, inverses: dict[str, float]) -> Reading:
    """{"l1": 1/b, "l2": 1/tau^2} as a prior."""
    if not all(0 < value < math.inf for value in inverses.values()):
        raise InputError(f"{knob.name}: this strength is beyond what float64 can hold as a prior")
    scales = {"l1": 1 / inverses.get("l1", 1), "l2": 1 / math.sqrt(inverses.get("l2", 1))}
    if len(inverses) == 2:
        return elastic_net(scales["l1"], scales["l2"])
    return laplace(scales["l1"]) if "l1" in inverses else gaussian(scales["l2"])
