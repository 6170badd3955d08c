"""What a knob needs beside its strength: checked, completed, and asked for by name and reason."""

import math
from collections.abc import Callable, Mapping

from bayeswd.errors import InputError
from bayeswd.problem import knobs
from bayeswd.problem.knobs import Knob
from bayeswd.problem.monomials import Monomial

PENALTIES = ("l2", "l1", "elastic-net")
_INTEGERS = ("outputs", "batch_size", "batches", "accumulation")


def values(given: Mapping[str, float | None]) -> dict[str, float]:
    """The symbols a formula may use: those given, checked, with what follows from them."""
    accepted = {symbol.asks or name for name, symbol in knobs.symbols().items()}
    for name, value in given.items():
        if name not in accepted:
            raise InputError(f"no knob depends on {name!r}: {', '.join(sorted(accepted))}")
        if value is not None:
            _check(name, value)
    found = {name: s.default for name, s in knobs.symbols().items() if s.default is not None}
    found |= {name: value for name, value in given.items() if value is not None}
    if "momentum" in found:
        found["friction"] = 1 - found["momentum"]
    if "batches" not in found and {"n", "batch_size"} <= found.keys():
        found["batches"] = math.ceil(found["n"] / found["batch_size"])
    return found


def _check(name: str, value: float) -> None:
    if name == "l1_ratio":
        fits, kind = 0 <= value <= 1, "between 0 and 1"
    elif name == "momentum":
        fits, kind = 0 <= value < 1, "in [0, 1)"
    elif name == "lambd":
        fits, kind = 0 <= value < math.inf, "0 or more and finite"
    else:
        fits, kind = 0 < value < math.inf, "positive and finite"
    if not fits:
        raise InputError(f"{name} must be {kind}, got {value}")
    if name in _INTEGERS and value != int(value):
        raise InputError(f"{name} is a count, got {value}")


def value(knob: Knob, formula: Monomial, known: Mapping[str, float]) -> float:
    """The number a formula comes to; InputError asks for every symbol that is missing."""
    missing = [name for name in formula.powers if name not in known]
    if missing:
        raise InputError(f"{knob.name}: {'; '.join(map(asking, missing))}")
    return formula.value(known)


def asking(name: str) -> str:
    """`give noise_scale (--noise): a Gaussian loss fixes only sigma^2/tau^2`."""
    symbol = knobs.symbols()[name]
    return f"give {symbol.asks or name} ({symbol.option}): {symbol.why}"


def likelihood(knob: Knob, asked: str | None) -> str:
    """The likelihood asked for, or that of the knob's own loss."""
    if asked is None or asked in knob.likelihoods:
        return asked or knob.likelihoods[0]
    raise InputError(
        f"{knob.name} has a {' or '.join(knob.likelihoods)} likelihood, not {asked}"
        + _use(knob, lambda row: asked in row.likelihoods)
    )


def l1_share(knob: Knob, penalty: str | None, l1_ratio: float | None) -> float:
    """The share of L1 in the penalty asked for, or in what the knob itself means."""
    if l1_ratio is not None:
        _check("l1_ratio", l1_ratio)
    if penalty is None and l1_ratio is not None:
        penalty = "l2" if l1_ratio == 0 else "l1" if l1_ratio == 1 else "elastic-net"
    penalty = penalty or knob.penalties[0]
    check_penalty(knob, penalty)
    share = default_share(penalty, l1_ratio)
    if share is None:
        raise InputError(f"{knob.name}: {asking('l1_ratio')}")
    if l1_ratio is not None and l1_ratio != share:
        raise InputError(f"{knob.name}: penalty {penalty!r} has l1_ratio {share:g}, not {l1_ratio}")
    return share


def default_share(penalty: str, l1_ratio: float | None = None) -> float | None:
    """The l1_ratio of a penalty: 0 for L2, 1 for L1, the one given for the elastic net."""
    return {"l2": 0.0, "l1": 1.0}.get(penalty, l1_ratio)


def check_penalty(knob: Knob, penalty: str) -> None:
    """InputError, naming the row that does it, when this object has no such penalty."""
    if penalty not in PENALTIES:
        raise InputError(f"a penalty is 'l2', 'l1' or 'elastic-net', not {penalty!r}")
    if penalty not in knob.penalties:
        own = knob.likelihoods[0]
        raise InputError(
            f"{knob.name} states {' or '.join(knob.penalties)}, not {penalty}"
            + _use(knob, lambda row: penalty in row.penalties and own in row.likelihoods)
        )


def bias_penalized(knob: Knob, asked: bool | None = None, share: float | None = 0) -> bool:
    """Whether the bias is under the penalty, `asked` being the user's own choice.

    An L1 term that is added to the loss by hand is on the weights alone unless written otherwise.
    """
    by_hand = knob.knob_for(share) != knob.knob
    own = knob.bias and not by_hand
    if asked is None or asked == own:
        return own
    if knob.bias_choice or by_hand:
        return asked
    state = "penalises" if own else "does not penalise"
    raise InputError(f"{knob.name} {state} the bias and has no way to change that")


def refuse_without_prior(knob: Knob, strength: float | None = None) -> None:
    """InputError with what the knob is instead, when it is no Gaussian or Laplace prior."""
    if knob.status == knobs.NO_PRIOR:
        box = f" = {1 / strength:g}" if strength is not None and strength > 0 else ""
        raise InputError(f"{knob.name} is {knob.status}: {knob.instead.replace('{box}', box)}")


def _use(knob: Knob, fits: Callable[[Knob], bool]) -> str:
    """`: use sklearn.Lasso`, the first row of the same framework that fits."""
    rows = [row for row in knobs.rows().values() if row.framework == knob.framework and fits(row)]
    return f": use {rows[0].name}" if rows else ""
