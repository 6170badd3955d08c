"""What the house returns: frozen values that compute nothing.

Tensors are named by the model's own `named_parameters()`. Nothing here loads torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Certificate:
    """Numbers that prove a fit without trusting its solver.

    gap: upper bound on objective minus minimum, nats; None where the problem is not known convex.
    kkt: stationarity residual relative to the larger of the data force here and at zero weights.
    distance: bound on the Euclidean distance of the penalised weights to the optimum, from
        |w - w*| <= sqrt(2 gap tau^2); None without a Gaussian part in the prior or without a gap.
    """

    gap: float | None
    kkt: float
    distance: float | None


@dataclass(frozen=True, eq=False)
class Estimate:
    """One best w for a problem, with the certificate that it is the best.

    objective: -log joint density at `params`, nats, normalising constants included.
    history: (step, objective) pairs, in order; empty for closed forms.
    steps: optimiser steps taken; None for closed forms.
    converged: whether the stopping rule was met; an unconverged fit is returned as such.
    """

    method: str
    params: Mapping[str, Tensor] = field(repr=False)
    objective: float
    certificate: Certificate
    converged: bool
    seconds: float
    steps: int | None = None
    history: tuple[tuple[int, float], ...] = field(default=(), repr=False)
    note: str = ""


@dataclass(frozen=True, eq=False)
class GaussianPosterior:
    """An exactly or approximately Gaussian posterior.

    mean, sd: by parameter name, in the parameter's shape.
    covariance: of the flattened parameters in the order of `mean`, [D, D]; None where too large.
    log_evidence: log p(targets), nats; a flat parameter is integrated with density 1.
    """

    mean: Mapping[str, Tensor]
    sd: Mapping[str, Tensor]
    covariance: Tensor | None
    log_evidence: float
    noise_scale: float | None = None
    method: str = "exact"
    note: str = ""


@dataclass(frozen=True, eq=False)
class Draws:
    """Posterior draws, tensors of shape [chain, draw, *parameter] by parameter name.

    noise_scale: draws of sigma, [chain, draw], where it was sampled.
    sample_stats: further tensors [chain, draw], such as `lp` or `acceptance_rate`.
    """

    params: Mapping[str, Tensor]
    engine: str
    why: str
    seconds: float
    noise_scale: Tensor | None = None
    sample_stats: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """An answer in words, and the yes or no it rests on."""

    equivalent: bool
    text: str
