"""A knob's objective and prior in symbols, written from the factors that its map is made of."""

from bayeswd.problem import knobs, settings
from bayeswd.problem.knobs import Knob
from bayeswd.problem.monomials import Monomial


def precisions(knob: Knob, likelihood: str | None, l1_share: float | None) -> dict[str, Monomial]:
    """{"l1": 1/b, "l2": 1/tau^2}, the terms that a penalty with this share of L1 has.

    1/b = nats l1/data and 1/tau^2 = 2 nats l2/data; every map in this package is these two lines.
    """
    likelihood = settings.likelihood(knob, likelihood)
    over_data = knob.loss_for(likelihood).nats / _data(knob, likelihood)
    found = {}
    if knob.l1 is not None and l1_share != 0:
        found["l1"] = over_data * knob.l1
    if knob.l2 is not None and l1_share != 1:
        found["l2"] = Monomial(2.0) * over_data * knob.l2
    return found


def objective(knob: Knob, likelihood: str | None = None, l1_share: float | None = None) -> str:
    """What the framework minimises: `(1/(n K)) sum r^2 + (weight_decay/2) |w|^2`.

    Without a share of L1 it is that of the penalty the knob itself means.
    """
    if knob.data is None:
        return knob.words
    likelihood, l1_share = settings.likelihood(knob, likelihood), _own_share(knob, l1_share)
    parts = [(_data(knob, likelihood), f"sum {knob.loss_for(likelihood).text}")]
    if knob.l1 is not None and l1_share != 0:
        parts.append((_pure(knob.l1, l1_share), "|w|_1"))
    if knob.l2 is not None and l1_share != 1:
        parts.append((_pure(knob.l2, l1_share), "|w|^2"))
    letters = _letters(knob, l1_share)
    return " + ".join(_times(factor.text(letters), what) for factor, what in parts)


def prior(knob: Knob, likelihood: str | None = None, l1_share: float | None = None) -> str:
    """The prior it means: `tau^2 = 2 sigma^2/(n K weight_decay)`."""
    if knob.data is None:
        return knob.status
    l1_share = _own_share(knob, l1_share)
    heads = {"l1": "b", "l2": "tau^2"}
    return ", ".join(
        f"{heads[term]} = {(_pure(inverse, l1_share) ** -1).text(_letters(knob, l1_share))}"
        for term, inverse in precisions(knob, likelihood, l1_share).items()
    )


def depends_on(knob: Knob, likelihood: str | None = None) -> list[str]:
    """The symbols, strength aside, that the prior of this knob depends on."""
    if knob.data is None:
        return []
    share = _own_share(knob, None)
    terms = precisions(knob, likelihood, share).values()
    used = {name for inverse in terms for name in _pure(inverse, share).powers}
    return [name for name in knobs.symbols() if name in used]


def _data(knob: Knob, likelihood: str) -> Monomial:
    """The factor of the loss; a categorical row is one target, however many classes it has."""
    assert knob.data is not None  # rows without a prior are refused before
    return knob.data.without("outputs") if likelihood == "categorical" else knob.data


def _own_share(knob: Knob, l1_share: float | None) -> float | None:
    return settings.default_share(knob.penalties[0]) if l1_share is None else l1_share


def _pure(factor: Monomial, l1_share: float | None) -> Monomial:
    return factor.without("l1_ratio", "l2_ratio") if l1_share in (0, 1) else factor


def _times(factor: str, what: str) -> str:
    if factor == "1":
        return what
    return f"({factor}) {what}" if "/" in factor else f"{factor} {what}"


def _letters(knob: Knob, l1_share: float | None) -> dict[str, str]:
    letters = {name: symbol.letter for name, symbol in knobs.symbols().items()}
    own = knob.knob_for(l1_share)
    return letters | {"strength": f"({own} + {letters[knob.hidden]})" if knob.hidden else own}
