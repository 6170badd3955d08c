"""What the criteria say of the strengths, in the reader's own numbers: a few sentences."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import isclose
from typing import TYPE_CHECKING

from bayeswd.analysis.choice import Choice
from bayeswd.analysis.leave_one_out import GOOD_K
from bayeswd.tables import number

if TYPE_CHECKING:
    from bayeswd.analysis.in_strengths import InStrengths

NAMES = {
    "validation": "the validation loss",
    "cross-validation": "the cross-validated loss",
    "leave-one-out": "leave-one-out",
    "evidence": "the evidence",
    "hyperprior": "the posterior of λ",
}
EDGE = 0.02  # of the end of the grid: at it
MOST_NAMED = 3  # strengths whose fits did not converge


def verdict(found: InStrengths) -> str:
    """Which strengths are settled on, which cannot be told apart, what of the one asked about."""
    choices = found.selection.choices
    if not choices:
        return "No criterion applies to these data."
    sound = [choice for choice in choices if is_sound(choice)]
    settled = [choice for choice in sound if choice.identified]
    loose = [choice for choice in sound if not choice.identified]
    sentences = [_settled(found, choice) for choice in settled]
    sentences += [_loose(found, choice) for choice in loose if not beyond(found, choice)]
    for end in sorted({beyond(found, choice) for choice in loose} - {""}):
        names = [NAMES[choice.by] for choice in loose if beyond(found, choice) == end]
        are = "are" if len(names) > 1 else "is"
        sentences.append(f"{_capital(_listed(names))} {are} best {end}: extend it.")
    if not settled and not any(beyond(found, choice) for choice in loose):
        sentences.append("So these data do not name a λ on this grid: name a prior instead.")
    if found.asked:
        sentences.append(_asked(found, found.asked))
    sentences += [_unsound(choice) for choice in choices if choice not in sound]
    sentences += _unconverged(found)
    return " ".join(sentences)


def is_sound(choice: Choice) -> bool:
    """Whether its estimates can be trusted at its best, as those by importance sampling may not."""
    return choice.k_hat is None or choice.k_hat[choice.best_index] <= GOOD_K


def _unsound(choice: Choice) -> str:
    return (
        f"{_capital(NAMES[choice.by])} is not to be trusted here: its draws do not reach far "
        f"enough (Pareto k above {GOOD_K:g})."
    )


def rules_out(found: InStrengths, choice: Choice, strength: float) -> bool:
    """Whether the criterion can tell this strength from its best."""
    low, high = found.interval(choice)
    at_low, at_high = found.open_ends(choice)
    return (strength < low and not at_low) or (strength > high and not at_high)


def _settled(found: InStrengths, choice: Choice) -> str:
    low, high = (number(end, 2) for end in found.interval(choice))
    best = number(found.strength(choice.scale), 2)
    sd = number(choice.prior_sd, 2)
    said = f"{NAMES[choice.by]} chooses λ = {best} (prior sd {sd})"
    if choice.by == "hyperprior":
        said = f"{NAMES[choice.by]} has its median at {best}"
    return f"{_capital(said)} and leaves {low} to {high}{_margin(choice)}."


def _loose(found: InStrengths, choice: Choice) -> str:
    low, high = (number(end, 2) for end in found.interval(choice))
    name = _capital(NAMES[choice.by])
    if all(found.open_ends(choice)):
        return f"{name} cannot tell any λ of this grid from another{_margin(choice)}."
    apart = f"up to {high}" if found.open_ends(choice)[0] else f"from {low} on"
    return f"{name} cannot tell λ {apart} apart{_margin(choice)}."


def beyond(found: InStrengths, choice: Choice) -> str:
    """`at the low end of the grid, λ = 1`, where a criterion is best and open there alone."""
    best, strengths = found.strength(choice.scale), sorted(found.strengths)
    low, high = found.open_ends(choice)
    near = partial(isclose, best, rel_tol=EDGE)
    if low and not high and near(strengths[0]):
        return f"at the low end of the grid, λ = {number(strengths[0], 2)}"
    if high and not low and near(strengths[-1]):
        return f"at the high end of the grid, λ = {number(strengths[-1], 2)}"
    return ""


def _margin(choice: Choice) -> str:
    """`: the losses differ by 5.7 %, and the standard error of one is 14 %`."""
    least = choice.curve[choice.best_index]
    if choice.error is None or choice.higher_is_better or least <= 0:
        return ""
    low, high = choice.interval
    pairs = zip(choice.scales, choice.curve, strict=True)
    inside = [value for scale, value in pairs if low <= scale <= high]
    spread, error = max(inside) / least - 1, choice.error[choice.best_index] / least
    return (
        f": the losses differ by {_percent(spread)}, and the standard error of one is "
        f"{_percent(error)}"
    )


def _percent(share: float) -> str:
    """`0.57 %`, `5.7 %`, `214 %`."""
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{number(100 * share, 2)} %"


def _asked(found: InStrengths, strength: float) -> str:
    """Whether any criterion rules out the strength that the reader had in mind."""
    sound = [choice for choice in found.selection.choices if is_sound(choice)]
    against = [NAMES[choice.by] for choice in sound if rules_out(found, choice, strength)]
    said = f"λ = {number(strength, 3)}"
    return f"{said} is ruled out by {_listed(against)}." if against else f"None rules out {said}."


def _unconverged(found: InStrengths) -> list[str]:
    path = found.selection.path
    pairs = zip(found.strengths, path.estimates, strict=True)
    bad = sorted(strength for strength, estimate in pairs if not estimate.converged)
    if not bad:
        return []
    named = _listed([number(strength, 2) for strength in bad[:MOST_NAMED]])
    more = f" and {len(bad) - MOST_NAMED} more" if len(bad) > MOST_NAMED else ""
    return [f"The fits at λ = {named}{more} had not converged: their losses are not the prior's."]


def _listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
