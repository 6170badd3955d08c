"""What a reviewer would say about a loop, from what was measured on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bayeswd.analysis.auditing.evidence import Evidence
from bayeswd.analysis.auditing.force_families import Pull
from bayeswd.analysis.auditing.optimizer_findings import hidden_decay
from bayeswd.analysis.auditing.priors_found import added
from bayeswd.analysis.auditing.result import CANNOT_TELL, Finding, ParameterFinding, listed
from bayeswd.tables import number

ERROR, WARNING, NOTE = "error", "warning", "note"


def of_parameter(
    one: ParameterFinding, invariant: bool, decay: Mapping[str, float]
) -> Iterator[Finding]:
    """About one parameter's prior. decay: what `adaptive_precision` says of it."""

    def say(code: str, severity: str, message: str, **evidence: object) -> Finding:
        return Finding(code, severity, message, one.name, evidence)

    if one.status == CANNOT_TELL:
        yield say("cannot-tell", WARNING, f"its prior cannot be told: {one.reason}")
    if one.prior.family == "unknown":
        message = f"its force is that of no penalty known here; residual {one.residual:.2g}"
        yield say(
            "family-unknown",
            WARNING,
            message,
            residual=one.residual,
            table=[list(p) for m in one.measured for p in m.points],
        )
    if not one.is_penalised or one.prior.family == "unknown":
        return
    outward = [name for name, strength in one.strengths.items() if strength < 0]
    if outward:
        message = (
            f"the penalty pushes weights outward ({', '.join(outward)}): exp(-penalty) grows "
            "without end and is no prior; check its sign"
        )
        yield say("improper-prior", ERROR, message, strength=one.strength)
    if "tilt" in one.strengths:
        message = "a constant force that does not turn at 0: exp(-penalty) is no prior"
        yield say("improper-prior", ERROR, message, strength=one.strength)
    if "spherical-exponential" in one.prior.family and not outward and one.count > 1:
        message = (
            "the penalty is the norm without its square: exp(-k |w|), a spherical exponential "
            "prior, not a Gaussian; its pull has the same size at any length"
        )
        yield say("unsquared-norm", WARNING, message, strength=one.strength)
    yield from _decoupled(one, decay)
    yield from _where(one, invariant)
    if "loss" in one.sources and "update" in one.sources and "box" not in one.strengths:
        message = "it is penalised twice, in the loss and by the update; the strengths add up"
        yield say("penalised-twice", NOTE, message, strength=one.strength)


def _decoupled(one: ParameterFinding, decay: Mapping[str, float]) -> Iterator[Finding]:
    if "decoupled" not in one.strengths:
        return
    rate = one.strengths["decoupled"]
    box = one.strengths.get("box")
    if one.prior.family == "box":
        message = (
            f"the decay is decoupled from an adaptive step: at rest it only keeps |w| < "
            f"{number(box)} and does not shrink weights inside; that is a uniform prior"
        )
    else:
        message = (
            f"the decay ({number(rate)} of the weight a step) is decoupled from an adaptive step: "
            "how hard it pulls against the data depends on the gradient's noise, so it is no prior"
        )
        if decay:
            low, high = decay["precision_smallest"], decay["precision_largest"]
            message += (
                f"; as the optimizer stands, like precisions from {number(low)} to {number(high)}"
            )
    yield Finding(
        "decoupled-decay",
        WARNING,
        message,
        one.name,
        {"rate_per_step": rate, "half_width": box, **decay},
    )


def _where(one: ParameterFinding, invariant: bool) -> Iterator[Finding]:
    """Whether a penalty belongs there."""
    if invariant:
        message = (
            "the output does not change when it is scaled (a normalisation follows), so its decay "
            "is no prior on the function: it only sets the effective learning rate"
        )
        yield Finding("scale-invariant", WARNING, message, one.name)
    if one.role == "bias":
        message = "the bias is penalised: its prior is centred at 0 like that of a weight"
        yield Finding("bias-penalised", WARNING, message, one.name, {"strength": one.strength})
    if one.role == "normalisation":
        message = "gains and shifts of a normalisation are penalised towards 0"
        yield Finding("normalisation-penalised", WARNING, message, one.name)
    if one.role == "embedding":
        message = "rows of an embedding are penalised in every step, those not looked up too"
        yield Finding("embedding-penalised", NOTE, message, one.name)


def of_data_term(evidence: Evidence) -> Iterator[Finding]:
    """About the likelihood, its unit, and n."""
    term = evidence.term
    if not term.known:
        yield Finding("data-term-unknown", WARNING, f"the data term has no likelihood: {term.note}")
        return
    if term.mean_precision < 0:
        yield Finding("data-sign", ERROR, "the data term has the wrong sign: the fit gets worse")
    if term.broadcast:
        message = (
            f"outputs [{term.rows}, 1] meet targets [{term.rows}] and make {term.rows} x "
            f"{term.rows} errors: every output is drawn to the mean of all targets"
        )
        yield Finding("targets-broadcast", ERROR, message)
    if term.smoothing:
        message = "labels are smoothed: no likelihood of the labels that were seen"
        yield Finding("label-smoothing", NOTE, message, evidence={"smoothing": term.smoothing})
    if term.precision is None:
        message = "rows or classes are weighted: the likelihood is tempered row by row"
        yield Finding("weighted-rows", NOTE, message)
    reduction, half, _ = term.says
    if half is False and any(one.known and one.parts for one in evidence.pulls):
        message = "squared errors without the 1/2: the same number is half the book's penalty"
        yield Finding("half-missing", NOTE, message)
    if reduction == "sum" and evidence.rows < evidence.n and evidence.pulls:
        by_hand = evidence.learned is not None and evidence.learned.by_hand
        if not (evidence.per_example or by_hand):
            message = (
                f"errors are summed over batches of {evidence.rows}: the prior depends on the "
                "size of the batch"
            )
            yield Finding(
                "prior-depends-on-batch", WARNING, message, evidence={"rows": evidence.rows}
            )


def of_training(evidence: Evidence) -> Iterator[Finding]:
    """About gradients, updates and what changes on the way."""
    cycle, learned = evidence.cycle, evidence.learned
    if any(one.stale for one in evidence.observation.cycles):
        message = "gradients of the step before were still there: call zero_grad before backward"
        yield Finding("gradient-not-zeroed", ERROR, message)
    if len(cycle.backwards) > 1 and not any(step.with_closure for step in cycle.steps):
        message = (
            f"{len(cycle.backwards)} backward passes are added up before each update; a decay in "
            "the optimizer acts once for all of them"
        )
        yield Finding("accumulation", NOTE, message, evidence={"backwards": len(cycle.backwards)})
    if any(one.source == "hook" for one in evidence.pulls):
        message = "hooks add to the gradient what is in no loss"
        yield Finding("gradient-hook", NOTE, message)
    if learned is not None and learned.clipped:
        message = "gradients are clipped: where they are, the prior weighs more than it says here"
        yield Finding("gradient-clipped", NOTE, message)
    for graph in evidence.graphs[:1]:
        for branch in graph.undecided if graph.has_data and not evidence.troubles else ():
            names = [evidence.observation.names.of(i) for i in graph.parameters_of(branch.node)]
            message = (
                f"a term of {', '.join(sorted(names))} enters the loss with a factor that depends "
                "on the data: it is not separable into likelihood and prior"
            )
            yield Finding("not-separable", ERROR, message)
    if evidence.per_example and any(one.source == "loss" for one in evidence.pulls):
        message = "the penalty is added once for each row of the batch; the errors are summed too"
        yield Finding("penalty-per-example", NOTE, message)
    for index in sorted(evidence.silent):
        message = "its penalty is in the loss but has no gradient (it was detached): nothing acts"
        name = evidence.observation.names.of(index)
        yield Finding("penalty-without-gradient", ERROR, message, name)
    if evidence.varies:
        message = "the penalty is not the same in every step; what is said here is the last one's"
        yield Finding("penalty-comes-and-goes", WARNING, message)
    others = evidence.trained_elsewhere
    if others:
        which = listed([evidence.observation.names.of(i) for i in sorted(others)])
        message = f"another loss trains {which}: nothing is said about them here"
        yield Finding("another-loss", WARNING, message, evidence={"parameters": len(others)})
    yield from _changes(evidence)
    yield from hidden_decay(evidence)


def _changes(evidence: Evidence) -> Iterator[Finding]:
    """A strength that is another one at the end than at the beginning."""
    for index in sorted({one.parameter for one in evidence.first}):
        then = added(_of(evidence.first, index)).parts
        now = added([one for one in _of(evidence.pulls, index) if one.source == "loss"]).parts
        for name in then.keys() & now.keys():
            a, b = float(then[name].mean()), float(now[name].mean())
            if abs(a - b) > 1e-6 * max(abs(a), abs(b)):
                message = f"its strength changes during training, from {number(a)} to {number(b)}"
                yield Finding(
                    "strength-changes",
                    WARNING,
                    message,
                    evidence.observation.names.of(index),
                    {"first": a, "last": b},
                )


def _of(pulls: Sequence[Pull], index: int) -> list[Pull]:
    return [one for one in pulls if one.parameter == index]
