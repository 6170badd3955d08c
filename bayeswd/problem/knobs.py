"""The rows of knobs.toml: every framework's penalty as data, found by name."""

import difflib
import re
import tomllib
import warnings
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from bayeswd.errors import InputError
from bayeswd.problem.monomials import Monomial, parse

EXACT = "exact"
APPROXIMATE = "approximate"
NO_PRIOR = "not a Gaussian/Laplace prior"

# what a row does not take over from the row it is like: these were measured, or chosen, for one
_OWN = ("like", "residual", "wrong_residual", "checked", "headline", "aliases")


@dataclass(frozen=True)
class Symbol:
    """A number besides the strength that a knob may depend on."""

    letter: str  # in formulas
    option: str  # on the command line
    why: str  # the reason it is asked for
    default: float | None = None
    asks: str = ""  # the argument it is computed from, when it has another name


@dataclass(frozen=True)
class Loss:
    """`nats * sum(loss)` is a negative log likelihood."""

    text: str
    nats: Monomial


@dataclass(frozen=True)
class Knob:
    """One row: `data * sum(loss) + l1 |w|_1 + l2 |w|^2` and what there is to know about it."""

    name: str
    what: str
    knob: str
    words: str
    note: str
    source: str
    rescales: str
    status: str = EXACT
    default: str = ""
    l1_knob: str = ""
    likelihoods: tuple[str, ...] = ()
    loss: str = ""
    data: Monomial | None = None
    l1: Monomial | None = None
    l2: Monomial | None = None
    penalties: tuple[str, ...] = ()
    bias: bool = False
    bias_choice: str = ""
    sample_weight: str = ""
    instead: str = ""
    hidden: str = ""
    residual: float | None = None
    wrong_residual: float | None = None
    checked: str = ""
    headline: bool = False
    aliases: tuple[str, ...] = ()

    @property
    def framework(self) -> str:
        return self.name.split(".", 1)[0]

    @property
    def object(self) -> str:
        return self.name.split(".", 1)[1]

    def loss_for(self, likelihood: str) -> Loss:
        """The loss that this likelihood has in this framework."""
        own = likelihood == self.likelihoods[0] or self.loss == "nll"
        return losses()[self.loss if own else _table()["loss_of"][likelihood]]

    def knob_for(self, l1_share: float | None) -> str:
        """The name of the number: a term added to the loss where the knob itself is L2 only."""
        return self.l1_knob if self.l1_knob and l1_share != 0 else self.knob


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("knobs.toml").read_text(encoding="utf-8"))


@cache
def symbols() -> dict[str, Symbol]:
    """What a knob's factors may be made of, strength aside."""
    return {name: Symbol(**fields) for name, fields in _table()["symbol"].items()}


@cache
def losses() -> dict[str, Loss]:
    return {
        name: Loss(fields["text"], parse(fields["nats"]))
        for name, fields in _table()["loss"].items()
    }


def versions() -> dict[str, str]:
    """Framework -> the version its rows were checked with."""
    return dict(_table()["framework"])


@cache
def rows() -> dict[str, Knob]:
    """Every row by its name, in the order of the table."""
    return {name: _knob(name, _fields(name)) for name in _table()["knob"]}


def names() -> list[str]:
    """The names of all rows, in the order of the table."""
    return list(rows())


def _fields(name: str) -> dict[str, Any]:
    own = _table()["knob"][name]
    if "like" not in own:
        return dict(own)
    parent = {key: value for key, value in _fields(own["like"]).items() if key not in _OWN}
    return parent | {key: value for key, value in own.items() if key != "like"}


def _knob(name: str, fields: dict[str, Any]) -> Knob:
    for key in ("data", "l1", "l2"):
        fields[key] = parse(fields[key]) if fields.get(key) else None
    for key in ("likelihoods", "penalties", "aliases"):
        fields[key] = tuple(fields.get(key, ()))
    return Knob(name=name, **fields)


def find(name: str) -> Knob:
    """The row called `name`, whatever the case and punctuation.

    A near miss that can mean only one row is taken for it, with a warning; InputError offers the
    nearest names otherwise.
    """
    knob, guessed = nearest(name)
    if guessed:
        warnings.warn(f"read {name!r} as {knob.name}", stacklevel=2)
    return knob


def nearest(name: str) -> tuple[Knob, bool]:
    """(row, whether its name had to be guessed); InputError when no row or several are near."""
    key, index = _plain(name), _index()
    if key in index:
        return index[key], False
    scores = sorted(((_likeness(key, other), other) for other in index), reverse=True)[:2]
    if scores[0][0] >= 0.8 and scores[0][0] - scores[1][0] > 0.03:
        return index[scores[0][1]], True
    raise InputError(f"no knob is called {name!r}; {_advice(key)}")


def _likeness(key: str, other: str) -> float:
    """How near two plain names are: only a slip of the pen counts as near.

    The framework, the variant after the colon and every digit must agree (L1 is not L2, and a
    sum is not a mean), and two letters at most may be missing.
    """
    if _digits_and_frame(key) != _digits_and_frame(other) or abs(len(key) - len(other)) > 2:
        return 0.0
    middle, other_middle = key.partition(".")[2], other.partition(".")[2]
    return difflib.SequenceMatcher(None, middle, other_middle).ratio()


def _digits_and_frame(key: str) -> tuple[str, str, str]:
    return re.sub(r"\D", "", key), key.partition(".")[0], key.partition(":")[2]


def _advice(key: str) -> str:
    close = difflib.get_close_matches(key, _index(), n=8, cutoff=0.6)
    inside = [
        row for plain, row in _index().items() if key and (key in plain or key == _plain(row.knob))
    ]
    offered = list(dict.fromkeys(row.name for row in [*(_index()[c] for c in close), *inside]))
    return f"nearest: {', '.join(offered[:6])}" if offered else "see bayeswd convert --list"


def _plain(name: str) -> str:
    """`framework.object:variant` in lower-case letters and digits, packages by their short names.

    Parentheses are read as a variant, `MSELoss(sum)`; `mean` is no variant, being the default.
    """
    lower = re.sub(r"\b(nn|optim)\.", "", name.lower()).replace("_", "")
    lower = re.sub(r"\(([^()]*)\)", r":\1", lower)
    framework, dot, rest = lower.partition(".")
    framework = re.sub(r"[^a-z0-9]", "", framework)
    framework = {"pytorch": "torch", "scikitlearn": "sklearn"}.get(framework, framework)
    parts = [re.sub(r"[^a-z0-9]", "", part) for part in rest.split(":")]
    return framework + dot + ":".join(part for part in parts if part not in ("", "mean"))


@cache
def _index() -> dict[str, Knob]:
    """Plain names, aliases and the torch optimisers that share another's optimum -> row."""
    found: dict[str, Knob] = {}
    for row in rows().values():
        for name in (row.name, *row.aliases):
            found[_plain(name)] = row
    for row in rows().values():
        for sibling in _siblings(row):
            found.setdefault(_plain(sibling.name), sibling)
    for plain, row in list(found.items()):
        if row.framework == "torch":  # torch.SGD+CrossEntropy is said as often
            found.setdefault(plain.replace("loss", ""), row)
    return found


def _siblings(row: Knob) -> list[Knob]:
    """torch.Adam+Loss has the optimum of torch.SGD+Loss; torch.AdamW+Loss has that of AdamW."""
    optimizers = _table()["torch_optimizers"]
    spelled = [
        replace(row, name=name, aliases=()) for name in (row.name, *row.aliases) if "SGD+" in name
    ]
    if row.framework != "torch":
        return []
    coupled = [
        replace(
            each,
            name=each.name.replace("SGD+", f"{optimizer}+"),
            what=each.what.replace("optim.SGD", f"optim.{optimizer}"),
            note="coupled: the optimum of SGD in full batch, moved by noisy mini-batches",
            residual=None,
            wrong_residual=None,
            checked=f"through {each.name} and torch.{optimizer}+MSELoss",
            headline=False,
        )
        for each in spelled
        for optimizer in optimizers["coupled"]
    ]
    decoupled = [
        replace(rows()[f"torch.{optimizer}"], name=each.name.replace("SGD+", f"{optimizer}+"))
        for each in spelled
        for optimizer in optimizers["decoupled"]
    ]
    return coupled + decoupled
