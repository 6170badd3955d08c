"""What an optimizer's own words and state say beside what was measured of it."""

from __future__ import annotations

from collections.abc import Iterator

from bayeswd.analysis.auditing.evidence import Evidence
from bayeswd.analysis.auditing.result import Finding, ParameterFinding
from bayeswd.tables import number


def adaptive_precision(evidence: Evidence, one: ParameterFinding) -> dict[str, float]:
    """The precision that a decoupled decay acts like in minibatches: lambda (sqrt(v) + eps), nats.

    v: the running mean of squared gradients, from the optimizer's state. Loshchilov & Hutter
    2019, Proposition 3. In nats (times sigma^2 under Gaussian noise); empty where there is no v.
    """
    box, unit = one.strengths.get("box"), evidence.unit
    observation = evidence.observation
    names = {observation.names.of(i): p for i, p in enumerate(observation.tape.params)}
    param = names.get(one.name)
    if param is None or not box or not unit:
        return {}
    for step in evidence.cycle.steps:
        state = step.optimizer.state.get(param, {})
        if "exp_avg_sq" not in state:
            continue
        group = next(g for g in step.optimizer.param_groups if any(p is param for p in g["params"]))
        share = 1 - group["betas"][1] ** float(state["step"])
        size = (state["exp_avg_sq"].double() / share).sqrt() + group["eps"]
        precision = size / box * unit
        return {
            "precision_smallest": float(precision.min()),
            "precision_median": float(precision.median()),
            "precision_largest": float(precision.max()),
        }
    return {}


def hidden_decay(evidence: Evidence) -> Iterator[Finding]:
    """An optimizer that decays by more than the weight_decay it was given."""
    for step in evidence.cycle.steps:
        for group, options in zip(step.optimizer.param_groups, step.options, strict=True):
            written = options.get("weight_decay")
            if not isinstance(written, float | int):
                continue
            for param in group["params"]:
                index = evidence.observation.tape.slots.index_of(param)
                pulls = [one for one in evidence.pulls if one.parameter == index]
                found = [
                    one for one in pulls if one.source == "update" and set(one.parts) == {"l2"}
                ]
                if len(found) != 1 or evidence.learned is None or evidence.learned.by_hand:
                    continue
                measured = float(found[0].parts["l2"].mean())
                if abs(measured - written) > 1e-6 * abs(measured):
                    name = type(step.optimizer).__name__
                    message = (
                        f"{name} decays by {number(measured, 6)}, not by the weight_decay "
                        f"{number(float(written))} it was given"
                    )
                    yield Finding(
                        "hidden-decay",
                        "warning",
                        message,
                        evidence.observation.names.of(index or 0),
                        {"measured": measured, "written": float(written)},
                    )
