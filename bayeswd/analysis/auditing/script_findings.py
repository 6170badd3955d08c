"""What only a whole program shows: on which data it steps, and what it reports."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from bayeswd.analysis.auditing.branches import LossGraph
from bayeswd.analysis.auditing.cycles import Backward
from bayeswd.analysis.auditing.data_term import DataTerm, data_term
from bayeswd.analysis.auditing.evidence import Evidence
from bayeswd.analysis.auditing.graph import Sink
from bayeswd.analysis.auditing.observation import Observation
from bayeswd.analysis.auditing.replay import ReplayError
from bayeswd.analysis.auditing.result import Finding
from bayeswd.tables import number

LOOKED_AT = 24  # reported values


@dataclass(frozen=True, eq=False)
class Reported:
    """A value that the program printed, plotted or kept. training: of data that steps use."""

    sink: Sink
    term: DataTerm
    penalised: bool
    training: bool


def of_script(evidence: Evidence) -> Iterator[Finding]:
    observation = evidence.observation
    yield from _lazy(observation)
    trained_on = _trained_on(evidence)
    yield from _loaders(observation, trained_on)
    reported = list(_reported(evidence))
    yield from _penalty_in(reported)
    yield from _scales(evidence, reported)


def _lazy(observation: Observation) -> Iterator[Finding]:
    calls = sorted(set(observation.tape.empty_fills))
    if calls:
        verb = "were" if len(calls) > 1 else "was"
        message = (
            f"{' and '.join(calls)} {verb} called on a parameter that has no elements yet (a lazy "
            "layer): it did nothing, and the layer's default initialisation is used"
        )
        yield Finding("lazy-init", "error", message, evidence={"calls": len(calls)})


# -- data -----------------------------------------------------------------------------------


def _trained_on(evidence: Evidence) -> frozenset[int]:
    """The loaders whose batches reach a loss that was differentiated."""
    colours = evidence.observation.trained_on
    loader_of = evidence.observation.loaders.of_colour
    return frozenset(loader_of[colour] for colour in colours if colour in loader_of)


def _loaders(observation: Observation, trained_on: frozenset[int]) -> Iterator[Finding]:
    name = observation.loaders.name
    unused = [i for i in range(len(observation.loaders.made)) if i not in observation.loaders.read]
    for index in unused:
        others = ", ".join(name(i) for i in sorted(trained_on)) or "other data"
        message = f"{name(index)} was made and never read; every step was taken on {others}"
        yield Finding("loader-unused", "warning", message, evidence={"loader": name(index)})
    for index in sorted(trained_on):
        for other in sorted(set(observation.loaders.read) - trained_on):
            if _same_rows(observation.loaders.made[index], observation.loaders.made[other]):
                message = f"{name(other)} evaluates on the rows that {name(index)} trains on"
                yield Finding("same-rows", "error", message)
    if len(trained_on) > 1:
        several = ", ".join(name(i) for i in sorted(trained_on))
        message = f"steps were taken on batches of {several}: none of them is validation data"
        yield Finding("trained-on-several", "error", message)


def _same_rows(one: object, other: object) -> bool:
    a, b = getattr(one, "dataset", None), getattr(other, "dataset", None)
    if a is b and a is not None:
        return True
    first, second = getattr(a, "tensors", None), getattr(b, "tensors", None)
    if not first or not second or len(first) != len(second):
        return False
    return all(x.shape == y.shape and torch.equal(x, y) for x, y in zip(first, second, strict=True))


# -- reported values ------------------------------------------------------------------------


def _reported(evidence: Evidence) -> Iterator[Reported]:
    """Losses among the values that left torch: those that are a data term of all weights."""
    sinks = evidence.observation.tape.sinks
    step = max(1, len(sinks) // LOOKED_AT)
    colours = evidence.observation.trained_on
    for sink in [*sinks[::step], *sinks[-2:]]:
        weights = [one.detach() for one in evidence.observation.tape.params[: len(sink.leaves)]]
        event = Backward([(sink.node, None)], sink.leaves, weights)
        graph = LossGraph(event, evaluated=True)
        if not graph.has_data:
            continue
        try:
            with torch.enable_grad():
                term, _ = data_term(graph)
                penalised = bool(graph.penalties)
        except ReplayError:
            continue
        if not term.known:
            continue
        yield Reported(sink, term, penalised, sink.node.colours <= colours)


def _penalty_in(reported: list[Reported]) -> Iterator[Finding]:
    for training in (True, False):
        some = [one for one in reported if one.training == training and one.penalised]
        if some:
            what = "reported" if training else "validation"
            message = (
                f"the {what} loss contains the penalty: it is no measure of fit, and cannot be "
                "compared with a loss without it"
            )
            yield Finding(
                f"penalty-in-{what}-loss", "warning", message, evidence={"values": len(some)}
            )


def _scales(evidence: Evidence, reported: list[Reported]) -> Iterator[Finding]:
    """Training and validation values in different units."""
    units = {
        training: {_unit(evidence, one) for one in reported if one.training == training}
        for training in (True, False)
    }
    for unit in units[True] | units[False]:
        if unit.startswith("sum of batch means"):
            message = f"a reported value is the {unit}: too small by the size of a batch"
            yield Finding("loss-misaveraged", "error", message)
    if units[True] and units[False] and not units[True] & units[False]:
        a, b = (sorted(units[kind])[0] for kind in (True, False))
        message = f"the training loss is reported as {a}, the validation loss as {b}"
        yield Finding("loss-scales-differ", "warning", message, evidence={"train": a, "valid": b})


def _unit(evidence: Evidence, one: Reported) -> str:
    """The unit of a reported data term: which multiple of a mean or a sum over rows."""
    term = one.term
    errors = {
        "gaussian": ("half squared errors", "squared errors"),
    }.get(term.likelihood, (f"{term.likelihood} negative log likelihoods",))
    mean = term.mean_precision
    elements = term.rows * term.outputs
    for factor, name in enumerate(errors, start=1):
        for size, words in (
            (1.0, "sum of"),
            (1 / elements, "mean of"),
            (1 / (evidence.n * term.outputs), "mean of"),
        ):
            if math.isclose(mean, factor * size, rel_tol=1e-4):
                return f"{words} {name}"
        if elements < evidence.n and math.isclose(
            mean, factor / (elements * evidence.n), rel_tol=1e-4
        ):
            return f"sum of batch means of {name} over the number of examples"
    return f"{number(mean * elements)} times a mean"
