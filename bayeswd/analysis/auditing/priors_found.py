"""Measured pulls as priors: family, strength, and the scale that n and sigma make of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from bayeswd import tables
from bayeswd.analysis.auditing.evidence import Evidence
from bayeswd.analysis.auditing.force_families import Pull, shared
from bayeswd.analysis.auditing.result import (
    CANNOT_TELL,
    MEASURED,
    NOT_TRAINED,
    Measured,
    ParameterFinding,
    PriorFound,
)
from bayeswd.problem import readings

NAMES = {
    "l2": "gaussian",
    "l1": "laplace",
    "norm": "spherical-exponential",
    "norm-all": "spherical-exponential",
    "norm-rows": "group-lasso",
    "norm-columns": "group-lasso",
    "tilt": "tilt",
    "box": "box",
    "max-norm": "max-norm",
    "decoupled": "decoupled",
}
TERMS = {
    "l2": "|w|^2/2",
    "l1": "|w|_1",
    "norm": "|w|",
    "norm-all": "|w| of all",
    "norm-rows": "|w| by rows",
    "norm-columns": "|w| by columns",
    "tilt": "sum w",
    "decoupled": "a step",
}
WALLS = ("box", "max-norm", "decoupled")  # their number is no force


@dataclass(frozen=True, eq=False)
class Total:
    """All pulls on one parameter, added up. centre: None for 0."""

    parts: Mapping[str, Tensor]
    centre: Tensor | None
    unknown: tuple[Pull, ...]
    pulls: tuple[Pull, ...]


def added(pulls: list[Pull]) -> Total:
    """Strengths of one kind and centre add; pulls to several centres meet in between."""
    parts: dict[str, Tensor] = {}
    moment: Tensor | None = None
    for pull in pulls:
        for name, strength in pull.parts.items():
            if name == "l2" and pull.centre is not None:
                moment = strength * pull.centre + (0 if moment is None else moment)
            parts[name] = strength + parts[name] if name in parts else strength
    parts = {name: shared(torch.as_tensor(one)) if one.ndim else one for name, one in parts.items()}
    centre = None if moment is None else moment / parts["l2"]
    if centre is None:
        centre = next((one.centre for one in pulls if one.centre is not None), None)
    return Total(parts, centre, tuple(one for one in pulls if not one.known), tuple(pulls))


def parameters_found(evidence: Evidence, noise_scale: float | None) -> list[ParameterFinding]:
    """One finding for each parameter that the loss depends on, in the order met."""
    observation = evidence.observation
    used = sorted({i for graph in evidence.graphs for i in graph.used})
    return [_parameter(evidence, index, observation.names.of(index), noise_scale) for index in used]


def _parameter(
    evidence: Evidence, index: int, name: str, noise_scale: float | None
) -> ParameterFinding:
    param = evidence.observation.tape.params[index]
    pulls = [one for one in evidence.pulls if one.parameter == index]
    total = added(pulls)
    status, reason = _status(evidence, index, total)
    precision = _precision(evidence, total)
    prior = _prior(evidence, total, index, noise_scale)
    return ParameterFinding(
        name=name,
        count=param.numel(),
        shape=tuple(param.shape),
        role=evidence.roles.get(index, "weight"),
        prior=prior,
        strength=_strength(total) if status == MEASURED else None,
        status=status,
        reason=reason,
        strengths={key: float(one.mean()) for key, one in total.parts.items()},
        precision=precision,
        residual=max((one.residual for one in pulls), default=0.0),
        sources=tuple(dict.fromkeys(one.source for one in pulls)),
        measured=tuple(_measured(one) for one in pulls if one.table),
        shown=_shown(total) if status == MEASURED else "",
    )


def _measured(pull: Pull) -> Measured:
    return Measured(
        pull.source,
        {name: float(one.mean()) for name, one in pull.parts.items()},
        pull.table,
        uniform=all(one.ndim == 0 for one in pull.parts.values()),
        whole=len(pull.parts) == 1 and bool(set(pull.parts) & {"norm", "norm-all"}),
    )


def _status(evidence: Evidence, index: int, total: Total) -> tuple[str, str]:
    """Nothing is said that was not measured: of a clean loss, clean hooks and a clean update."""
    learned = evidence.learned
    if total.unknown:
        return MEASURED, total.unknown[0].note or "no known penalty has this force"
    if evidence.troubles:
        return CANNOT_TELL, evidence.troubles[0]
    if any(index in graph.undecided_parameters for graph in evidence.graphs):
        return CANNOT_TELL, "a penalty on it is multiplied by something that depends on the data"
    if any(index in graph.ambiguous_parameters for graph in evidence.graphs):
        return CANNOT_TELL, "a tensor of its shape beside it may be data or the centre of a prior"
    if learned is not None and index not in learned.moved:
        return NOT_TRAINED, "no update moves it"
    return MEASURED, ""


def _strength(total: Total) -> float | None:
    """The number in front of the penalty, where there is one."""
    forces = {name: one for name, one in total.parts.items() if name not in WALLS}
    if len(forces) == 1:
        (one,) = forces.values()
        return _one_number(one)
    if set(forces) == {"l1", "l2"}:
        return float(sum(one.mean() for one in forces.values()))
    return 0.0 if not total.parts and not total.unknown else None


def _one_number(strength: Tensor) -> float | None:
    """A strength that all weights share, or all of those that have any."""
    if strength.ndim == 0:
        return float(strength)
    some = shared(strength[strength.abs() > 1e-12 * strength.abs().max()])
    return float(some) if some.ndim == 0 else None


def _shown(total: Total) -> str:
    said = []
    for name, one in total.parts.items():
        if name in ("box", "max-norm"):
            continue
        text = tables.number(float(one.mean()), 6)
        if one.ndim:
            text = f"{tables.number(float(one.min()))} to {tables.number(float(one.max()))}"
        said.append(f"{text} {TERMS[name]}")
    return " + ".join(said) if len(said) > 1 or any(o.ndim for o in total.parts.values()) else ""


def _precision(evidence: Evidence, total: Total) -> float | None:
    strength, unit = _strength(total), evidence.unit
    return strength * unit if strength is not None and unit is not None else None


def _prior(evidence: Evidence, total: Total, index: int, noise_scale: float | None) -> PriorFound:
    names = dict.fromkeys(NAMES[name] for name in total.parts)
    family = " x ".join(names) or "flat"
    if set(total.parts) == {"l1", "l2"}:
        family = "elastic-net"
    if total.unknown:
        return PriorFound("unknown", None, None, proper=False)
    if "decoupled" in total.parts:
        full = evidence.rows >= evidence.n
        box = full and "box" in total.parts and set(total.parts) <= {"box", "decoupled"}
        family = "box" if box else " x ".join(n for n in names if n != "box")
    if family == "flat":
        return PriorFound("flat", math.inf, math.inf, proper=False)
    centre = _centre(evidence, total, index)
    proper = all(float(one.min()) > 0 for one in total.parts.values()) and "tilt" not in total.parts
    if "decoupled" in family:
        return PriorFound(family, None, None, proper=False, centre=centre)
    relative, scale, variance = _scales(evidence, total, family, index, noise_scale, proper)
    return PriorFound(family, scale, variance, proper, relative, centre)


def _scales(
    evidence: Evidence,
    total: Total,
    family: str,
    index: int,
    noise_scale: float | None,
    proper: bool,
) -> tuple[float | None, float | None, float | None]:
    """(scale in units of sigma, scale, variance of a weight)."""
    shape = tuple(evidence.observation.tape.params[index].shape)
    count = int(torch.Size(shape).numel())
    if family in ("box", "max-norm"):
        wall = float(total.parts[family])
        return None, wall, wall**2 / (3 if family == "box" else count + 2)
    unit = evidence.unit
    if unit is None or not proper:
        return None, None, None
    needs_noise = evidence.term.likelihood == "gaussian"
    sigma2 = 1.0 if not needs_noise else (noise_scale or math.nan) ** 2
    if family == "elastic-net":
        l1, l2 = (float(total.parts[key].mean()) * unit / sigma2 for key in ("l1", "l2"))
        known = math.isfinite(l1)
        variance = readings.elastic_net(1 / l1, l2**-0.5).variance if known else None
        return None, None, variance
    strength = _strength(total)
    if strength is None or " x " in family:
        return None, None, None
    precision = strength * unit
    relative = precision**-0.5 if family == "gaussian" else 1 / precision
    if needs_noise and noise_scale is None:
        return relative, None, None
    scale = relative * (math.sqrt(sigma2) if family == "gaussian" else sigma2)
    return relative if needs_noise else None, scale, _variance(family, scale, total, shape)


def _variance(family: str, scale: float, total: Total, shape: tuple[int, ...]) -> float:
    """Of one weight. exp(-k |w|) on m weights has m + 1 over k^2: |w| is Gamma(m, k)."""
    count = int(torch.Size(shape).numel())
    if family == "gaussian":
        return scale**2
    if family == "laplace":
        return 2 * scale**2
    group = count
    if "norm-rows" in total.parts:
        group = count // shape[0]
    if "norm-columns" in total.parts:
        group = count // shape[1]
    return (group + 1) * scale**2


def _centre(evidence: Evidence, total: Total, index: int) -> str:
    if total.centre is None:
        return "0"
    start = evidence.first_weights[index].to(total.centre)
    same = start.shape == total.centre.shape and torch.allclose(start, total.centre, rtol=1e-4)
    return "the initial value" if same else "a given value"
