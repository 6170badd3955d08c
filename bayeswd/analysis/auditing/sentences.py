"""The first thing a reviewer says: which prior this program trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bayeswd.analysis.auditing.evidence import Evidence
from bayeswd.analysis.auditing.result import MEASURED, Finding, ParameterFinding, listed
from bayeswd.tables import number


def sentence(
    evidence: Evidence,
    parameters: Sequence[ParameterFinding],
    findings: Sequence[Finding],
    noise_scale: float | None,
    converged: Mapping[str, Any],
) -> str:
    """Priors by groups of parameters, the book's unit, and how far training got."""
    parts = _priors(parameters)
    said = f"This program trains {'; '.join(parts)}." if parts else "Nothing is trained."
    said += _unit(evidence, parameters, noise_scale)
    errors = [one for one in findings if one.severity == "error"]
    if errors:
        said += f" {len(errors)} error{'s' if len(errors) > 1 else ''} below."
    return said + _progress(converged)


def _priors(parameters: Sequence[ParameterFinding]) -> list[str]:
    groups: dict[str, list[str]] = {}
    for one in parameters:
        groups.setdefault(_prior(one), []).append(one.name)
    return [f"{listed(names)} {words}" for words, names in groups.items()]


def _prior(one: ParameterFinding) -> str:
    if one.status != MEASURED:
        return "under a prior that cannot be told" if one.status == "cannot tell" else "not at all"
    prior = one.prior
    family = prior.family
    if family == "flat":
        return "under no prior (flat)"
    if family == "unknown":
        return "under a penalty of unknown family"
    if not prior.proper and family != "decoupled":
        return f"under an improper prior: {family}, {_strength(one)}"
    centre = "" if prior.centre == "0" else f" around {prior.centre}"
    if family == "decoupled":
        return "under a decoupled decay, which is no prior"
    if family == "gaussian":
        mean = "0" if prior.centre == "0" else "w0"
        tau = _tau(prior.scale, prior.relative, "")
        words = f"~ N({mean}, {tau}^2)" if tau else f"under a Gaussian prior, {_strength(one)}"
        return words + centre
    if family == "box":
        return f"within |w| < {number(prior.scale)}, a uniform prior{centre}"
    if family == "max-norm":
        return f"within a ball of radius {number(prior.scale)}, a uniform prior"
    shape = {
        "laplace": "Laplace(0, {})",
        "spherical-exponential": "exp(-|w| / {}), the norm without its square",
        "group-lasso": "exp(-sum of group norms / {}), a group lasso",
    }.get(family)
    scale = _tau(prior.scale, prior.relative, "^2")
    if shape is None or not scale:
        return f"under a prior of the family {family}, {_strength(one)}{centre}"
    return f"~ {shape.format(scale)}{centre}"


def _strength(one: ParameterFinding) -> str:
    if one.shown:
        return f"penalty {one.shown}"
    return f"strength {number(one.strength)}" if one.strength is not None else "by weight"


def _tau(scale: float | None, relative: float | None, power: str) -> str:
    if scale is not None:
        return number(scale, 3)
    return f"({number(relative, 3)} sigma{power})" if relative is not None else ""


def _unit(
    evidence: Evidence, parameters: Sequence[ParameterFinding], noise_scale: float | None
) -> str:
    """The same strength as the book writes it: mean of half squared errors + lambda penalty."""
    penalised = [one for one in parameters if one.is_penalised and one.precision is not None]
    if not penalised or not evidence.n:
        return ""
    main = max(penalised, key=lambda one: one.count)
    assert main.precision is not None
    book = main.precision / evidence.n
    n = f"n = {evidence.n}"
    if evidence.term.likelihood != "gaussian":
        return (
            f" With {n}, its strength {number(main.strength)} on {main.name} is "
            f"lambda = {number(book)} beside a mean over examples."
        )
    half = evidence.term.says[1]
    why = " (the squared errors have no 1/2)" if half is False else ""
    known = "" if noise_scale is None else f" and sigma = {number(noise_scale)}"
    return (
        f" With {n}{known}, its strength {number(main.strength)} on {main.name} is the book's "
        f"lambda = {number(book)}{why}."
    )


def _progress(converged: Mapping[str, Any]) -> str:
    left = converged.get("initial_share")
    distance = converged.get("distance_sd")
    said = ""
    if left is not None and left > 0.05:
        said += f" {100 * left:.0f} % of the initial weights is still there."
    if distance is not None:
        said += f" Training ended {number(distance, 2)} posterior sd from the MAP."
    return said
