"""What prior does this training loop really train?

The loop is run under observation and what acts on its weights is measured: the slope of every
part of the loss that the data do not enter, what hooks add to gradients, and what an update does
without any. No name and no hyper-parameter is believed. The loop's weights, optimizer and random
numbers are left as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TextIO

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from bayeswd.analysis.auditing import findings, optimizer_findings, scripts
from bayeswd.analysis.auditing.evidence import Evidence, gather
from bayeswd.analysis.auditing.keep import kept
from bayeswd.analysis.auditing.observation import Observation
from bayeswd.analysis.auditing.priors_found import parameters_found
from bayeswd.analysis.auditing.result import ORDER, Audit, Finding, ParameterFinding
from bayeswd.analysis.auditing.sentences import sentence
from bayeswd.errors import InputError
from bayeswd.problem.checks import is_positive_number

__all__ = ["Audit", "Finding", "ParameterFinding", "loss", "script", "step"]

Parameters = nn.Module | Mapping[str, Tensor] | Sequence[Tensor] | Tensor


def loss(
    loss: Callable[[Any, Any], Tensor],
    parameters: Parameters,
    inputs: Tensor,
    targets: Tensor,
    *,
    n: int | None = None,
    noise_scale: float | None = None,
) -> Audit:
    """The prior inside `loss(inputs, targets)`, a function of tensors that require gradients.

    parameters: the module, or the tensors (by name), that it reads. A loss with several values is
    summed, as `.sum().backward()` would. n: training examples, if inputs are a batch of them.
    noise_scale: sigma of squared errors, which names the prior's scale. What an optimizer would
    add is not seen here: see `step`.
    """
    tensors, names = _parameters(parameters)
    _check(inputs, targets, n, noise_scale)
    observation = Observation(tensors, [("inputs", inputs), ("targets", targets)])
    with kept(loss, parameters, tensors), observation:
        for batch in _batches(inputs, targets):
            with torch.enable_grad():
                value = loss(*observation.given(batch))
            _require_tensor(value, "loss")
            observation.differentiated(value)
        observation.stop()
        evidence = _evidence(observation, names, n or len(inputs), with_update=False)
    return read(evidence, noise_scale, {}, [])


def step(
    step: Callable[[Any, Any], Any],
    parameters: Parameters,
    inputs: Tensor,
    targets: Tensor,
    optimizer: Optimizer | None = None,
    *,
    n: int | None = None,
    noise_scale: float | None = None,
) -> Audit:
    """The prior that `step(inputs, targets)` trains: forward, backward and update in one call.

    The step is taken a few times, on all rows and on parts of them, and undone. inputs: a batch
    as the loop takes it (n: how many examples it comes from, default all of these). optimizer:
    if the step uses one, so that its state is put back too; its present state is read.
    """
    tensors, names = _parameters(parameters)
    _check(inputs, targets, n, noise_scale)
    observation = Observation(tensors, [("inputs", inputs), ("targets", targets)])
    with kept(step, parameters, tensors, optimizer), observation:
        for batch in _batches(inputs, targets):
            step(*observation.given(batch))
        observation.stop()
        if not observation.n_backwards:
            raise InputError("step(inputs, targets) called no backward: nothing can be measured.")
        evidence = _evidence(observation, names, n or len(inputs))
    return read(evidence, noise_scale, {}, [])


def script(
    path: str,
    *,
    entry: str | None = None,
    arguments: Sequence[str] = (),
    noise_scale: float | None = None,
    output: TextIO | None = None,
) -> Audit:
    """The prior that a training program trains; it is run as it is, once, to its end.

    entry: a function of it to call (without: the program runs as from the command line, with
    `arguments`). output: where its own prints go. InputError where it fails or trains nothing.
    """
    if noise_scale is not None and not is_positive_number(noise_scale):
        raise InputError(f"noise_scale={noise_scale}: give a finite number > 0.")
    observation = scripts.observe(path, entry, arguments, output)
    evidence = scripts.measure(observation, path)
    return read(evidence, noise_scale, *scripts.readings_of(evidence, noise_scale))


def _evidence(
    observation: Observation, names: Mapping[int, str], n: int, with_update: bool = True
) -> Evidence:
    """Measure, while whatever the loss or the step reads is still as it was then."""
    for index, tensor in enumerate(observation.tape.params):
        if id(tensor) in names:
            observation.names.given[index] = names[id(tensor)]
    return gather(observation, n, with_update)


def read(
    evidence: Evidence,
    noise_scale: float | None,
    converged: Mapping[str, Any],
    others: Sequence[Finding],
) -> Audit:
    """The evidence as priors, findings and a sentence."""
    parameters = parameters_found(evidence, noise_scale)
    names = {evidence.observation.names.of(index) for index in evidence.invariant}
    found = [
        *others,
        *(
            finding
            for one in parameters
            for finding in findings.of_parameter(
                one, one.name in names, optimizer_findings.adaptive_precision(evidence, one)
            )
        ),
        *findings.of_data_term(evidence),
        *findings.of_training(evidence),
    ]
    found.sort(key=lambda one: ORDER[one.severity])
    reduction, half, scale = evidence.term.says if evidence.term.known else ("unknown", None, None)
    return Audit(
        sentence=sentence(evidence, parameters, found, noise_scale, converged),
        parameters=tuple(parameters),
        findings=tuple(found),
        likelihood=evidence.term.likelihood,
        reduction=reduction,
        half=half,
        data_scale=scale,
        n=evidence.n,
        rows=evidence.rows,
        noise_scale=noise_scale,
        converged=dict(converged),
    )


def _batches(inputs: Tensor, targets: Tensor) -> list[slice]:
    """All rows, then two parts of different size, where there are enough rows."""
    rows = len(inputs)
    if rows < 4:
        return [slice(None)] * 3
    part = max(2, rows // 2 - 1)
    return [slice(None), slice(0, part), slice(rows - part, None), slice(None)]


def _parameters(parameters: Parameters) -> tuple[list[Tensor], dict[int, str]]:
    """The tensors, and what to call each."""
    if isinstance(parameters, nn.Module):
        named: dict[str, Tensor] = dict(parameters.named_parameters())
    elif isinstance(parameters, Mapping):
        named = dict(parameters)
    else:
        several = [parameters] if isinstance(parameters, Tensor) else list(parameters)
        named = {f"parameter {place}": one for place, one in enumerate(several)}
    trained = {name: one for name, one in named.items() if getattr(one, "requires_grad", False)}
    if not trained:
        raise InputError(
            "parameters: found no tensor that requires a gradient; give the module or the tensors "
            "that the loss reads."
        )
    return list(trained.values()), {id(one): name for name, one in trained.items()}


def _check(inputs: Any, targets: Any, n: int | None, noise_scale: float | None) -> None:
    for what, value in (("inputs", inputs), ("targets", targets)):
        if not isinstance(value, Tensor) or value.ndim == 0 or len(value) == 0:
            raise InputError(f"{what}: give a tensor with one row for each example.")
    if len(inputs) != len(targets):
        raise InputError(f"{len(inputs)} rows of inputs, but {len(targets)} of targets.")
    if n is not None and (not isinstance(n, int) or n < 1):
        raise InputError(f"n={n}: give the number of training examples, an integer > 0.")
    if noise_scale is not None and not is_positive_number(noise_scale):
        raise InputError(f"noise_scale={noise_scale}: give a finite number > 0.")


def _require_tensor(value: Any, what: str) -> None:
    if not isinstance(value, Tensor) or not value.requires_grad:
        raise InputError(
            f"{what}(inputs, targets) returned {type(value).__name__}, which has no gradient; "
            "return the tensor that would be differentiated."
        )
