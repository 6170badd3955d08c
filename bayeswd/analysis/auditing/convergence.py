"""Where training ended: how far from the mode, how much of the start is left, what it needs."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from bayeswd.analysis.auditing import stability
from bayeswd.analysis.auditing.evidence import Evidence
from bayeswd.analysis.auditing.full_objective import MOST, NEWTON, Objective, flat, objective_of
from bayeswd.analysis.auditing.replay import ReplayError, wide
from bayeswd.analysis.auditing.result import Finding
from bayeswd.tables import number

AT_REST = 1e-6  # of the gradient at the start: Newton's method arrived
NEAR = 1.0  # posterior sd of the farthest weight; the noise of batches leaves some
CLOSE = 0.1  # the same as a share of the mode's length, where no sd is known


def of_run(evidence: Evidence, noise_scale: float | None) -> tuple[dict[str, Any], list[Finding]]:
    """The block `converged` and what follows from it."""
    converged: dict[str, Any] = {"steps": evidence.observation.n_cycles}
    found: list[Finding] = []
    found += _from_start(evidence, converged)
    if evidence.troubles or not evidence.term.known:
        return {**converged, "reason": "the objective is not known"}, found
    try:
        found += stability.of_step(evidence, converged)
        found += _from_mode(evidence, noise_scale, converged)
    except ReplayError as reason:
        converged["reason"] = str(reason)
    return converged, found


# -- the start ------------------------------------------------------------------------------


def _from_start(evidence: Evidence, converged: dict[str, Any]) -> list[Finding]:
    """Cosine to the initial weights, and the share of them that is still in the weights."""
    found = []
    moved = evidence.learned.moved if evidence.learned is not None else []
    starts, ends = [], []
    for index in sorted(set(moved) & evidence.graphs[0].used):
        param, start = evidence.observation.tape.params[index], evidence.first_weights[index]
        a, b = wide(start).flatten(), wide(param.detach()).flatten()
        name = evidence.observation.names.of(index)
        change = float((b - a).norm())
        if change == 0:
            found.append(Finding("never-moved", "error", "training did not move it", name))
        if a.numel() > 1 and float(a.norm()) > 0:
            cosine = float(a @ b) / (float(a.norm() * b.norm()) or math.inf)
            if 0 < change < 0.01 * float(a.norm()) and cosine > 0.9999:
                message = (
                    f"it hardly left its initial values (cosine {cosine:.6f}): what it is "
                    "is the initialisation"
                )
                found.append(Finding("never-moved", "warning", message, name, {"cosine": cosine}))
            starts.append(a)
            ends.append(b)
    if starts:
        a, b = torch.cat(starts), torch.cat(ends)
        converged["initial_cosine"] = float(a @ b) / (float(a.norm() * b.norm()) or math.inf)
        converged["initial_share"] = float(a @ b) / float(a @ a)
    return found


# -- the mode -------------------------------------------------------------------------------


def _from_mode(
    evidence: Evidence, noise_scale: float | None, converged: dict[str, Any]
) -> list[Finding]:
    objective = objective_of(evidence)
    weights = evidence.last_weights
    if objective is None:
        converged["reason"] = "the whole objective cannot be put together from what was seen"
        return []
    found = _lambda_max(evidence, objective, weights)
    if sum(weights[i].numel() for i in objective.keys) > MOST:
        converged["reason"] = f"more than {MOST} weights"
        return found
    if objective.l1:
        converged["reason"] = "a mode under an L1 penalty is not looked for here"
        return found
    hessian = objective.hessian(weights)
    curvatures = torch.linalg.eigvalsh(hessian)
    smallest, largest = float(curvatures[0]), float(curvatures[-1])
    if smallest < -1e-9 * largest:
        converged["reason"] = "the objective is not convex where training ended"
        return found
    if smallest <= 1e-12 * largest:
        converged["reason"] = "the mode is not unique: no prior holds some direction of the weights"
        message = (
            "data and priors leave some direction of the weights free: where training ends there "
            "is decided by the initial weights"
        )
        return [*found, Finding("mode-not-unique", "warning", message)]
    mode = _mode(objective, weights)
    if mode is None:
        converged["reason"] = "the mode was not found"
        return found
    return found + _distance(evidence, objective, weights, mode, noise_scale, converged)


def _mode(objective: Objective, weights: dict[int, Tensor]) -> Tensor | None:
    """Newton's method; one step where the objective is quadratic."""
    at = flat([weights[i] for i in objective.keys])
    first = float(objective.gradient(weights).norm())
    for _ in range(NEWTON):
        here = {**weights, **objective.unflat(at, weights)}
        gradient = objective.gradient(here)
        if not bool(gradient.isfinite().all()):
            return None
        if float(gradient.norm()) <= AT_REST * max(first, 1e-12):
            return at
        at = at - torch.linalg.solve(objective.hessian(here), gradient)
    return None


def _distance(
    evidence: Evidence,
    objective: Objective,
    weights: dict[int, Tensor],
    mode: Tensor,
    noise_scale: float | None,
    converged: dict[str, Any],
) -> list[Finding]:
    """In posterior sd, weight by weight; and the steps that would be needed."""
    at = flat([weights[i] for i in objective.keys])
    there = {**weights, **objective.unflat(mode, weights)}
    hessian = objective.hessian(there)
    apart = at - mode
    converged["distance"] = float(apart.norm()) / (float(mode.norm()) or 1.0)
    gaussian = evidence.term.likelihood == "gaussian"
    if not gaussian or noise_scale is not None:
        sd = torch.linalg.inv(hessian).diagonal().sqrt() * (noise_scale if gaussian else 1.0)
        converged["distance_sd"] = float((apart.abs() / sd).max())
    learned = evidence.learned
    needed = None
    if learned is not None and learned.rate is not None and evidence.unit:
        slowest = float(torch.linalg.eigvalsh(hessian)[0]) / evidence.unit
        shrink = learned.rate / (1 - (learned.momentum or 0.0)) * slowest
        needed = math.ceil(math.log(1000) / -math.log1p(-shrink)) if 0 < shrink < 1 else None
        converged["steps_needed"] = needed
    far = converged["distance"] > CLOSE
    if "distance_sd" in converged:
        far = converged["distance_sd"] > NEAR
    if not far:
        return []
    said = f"{converged['distance']:.0%} of the length of the mode"
    if "distance_sd" in converged:
        said = f"{number(converged['distance_sd'], 3)} posterior sd (the farthest weight)"
    message = f"training ended {said} from the MAP, after {converged['steps']} updates"
    if needed is not None:
        message += f"; the slowest direction needs about {needed} to come a thousand times closer"
    return [Finding("not-converged", "warning", message, evidence=dict(converged))]


def _lambda_max(
    evidence: Evidence, objective: Objective, weights: dict[int, Tensor]
) -> list[Finding]:
    """Whether an L1 penalty is so strong that its optimum is exactly 0."""
    found = []
    for i, strength in objective.l1.items():
        zeroed = {**weights, i: torch.zeros_like(weights[i])}
        others = [k for k in objective.keys if k != i and weights[k].numel() <= 10]
        gradient = _at_zero(objective, zeroed, i, others)
        largest = float(gradient.abs().max())
        if strength > 0 and largest <= strength:
            name = evidence.observation.names.of(i)
            ratio = strength / largest if largest > 0 else math.inf
            message = (
                f"its L1 strength is {number(ratio, 3)} times lambda_max: the optimum is exactly 0"
            )
            found.append(
                Finding("above-lambda-max", "error", message, name, {"times_lambda_max": ratio})
            )
    return found


def _at_zero(
    objective: Objective, weights: dict[int, Tensor], index: int, others: list[int]
) -> Tensor:
    """The force of the data on weights at 0, once the few others (an intercept) came to rest."""
    at = Objective(objective.graphs, objective.shares, others, {}, {}, {})
    for _ in range(NEWTON if others else 0):
        gradient = at.gradient(weights, whole=False)
        if float(gradient.norm()) < 1e-10:
            break
        step = torch.linalg.lstsq(at.hessian(weights), gradient[:, None]).solution[:, 0]
        moved = flat([weights[k] for k in others]) - step
        weights = {**weights, **at.unflat(moved, weights)}
    one = Objective(objective.graphs, objective.shares, [index], {}, {}, {})
    return one.gradient(weights, whole=False)
