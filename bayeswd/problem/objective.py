"""Problem = model + likelihood + priors + data: one frozen value, one objective in nats.

objective(w) = misfit(w) + penalty(w) = -log p(targets | w) - log p(w): a penalised training loss
and a negative log joint density are this same function, up to a constant.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from bayeswd.errors import InputError
from bayeswd.problem import absent_rows, checks
from bayeswd.problem.likelihoods import GaussianNoise, Likelihood
from bayeswd.problem.matching import LinearLayout, linear_layout, priors_by_name
from bayeswd.problem.moments import Moments
from bayeswd.problem.priors import Flat, Prior

Params = Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class Problem:
    """What is believed and what was seen.

    model: any `nn.Module` that is a function of its weights; it is copied, never changed.
    priors: one prior for each trainable parameter, by name or glob pattern.
    inputs: [n, ...]. targets: [n] or [n, K]. Arrays become tensors; float64 unless the inputs
        are a float tensor of another kind. The model is brought to the dtype and device of the
        inputs.
    """

    model: nn.Module
    likelihood: Likelihood
    priors: Mapping[str, Prior]
    inputs: Tensor
    targets: Tensor
    # empty or one value; a list so that problems which share their data share it
    _moments: list[Moments] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        example = '{"weight": Gaussian(scale=0.1), "bias": Flat()}'
        checks.require_kind("model", self.model, nn.Module, "torch.nn.Linear(d, 1)")
        checks.require_kind("likelihood", self.likelihood, Likelihood, "GaussianNoise(scale=1.0)")
        checks.require_kind("priors", self.priors, Mapping, example)
        checks.require_function(self.model)
        inputs = checks.as_inputs(self.inputs)
        targets = checks.as_targets(self.targets, inputs)
        model = copy.deepcopy(self.model).to(inputs)
        names = [name for name, value in model.named_parameters() if value.requires_grad]
        set_field = object.__setattr__  # the dataclass is frozen to everyone else
        set_field(self, "inputs", inputs)
        set_field(self, "targets", self.likelihood.as_targets(targets))
        set_field(self, "model", model)
        set_field(self, "priors", priors_by_name(self.priors, names))
        checks.require_matching_outputs(self)

    @staticmethod
    def from_training(
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        loss: Any,
        inputs: Any,
        targets: Any,
        noise_scale: float | None = None,
    ) -> Problem:
        """The problem that a training set-up in torch solves, at its present weights.

        See `bayeswd.problem.from_torch`, which reads the priors from the param groups.
        """
        from bayeswd.problem.from_torch import problem_from_training

        return problem_from_training(model, optimizer, loss, inputs, targets, noise_scale)

    @staticmethod
    def from_moments(
        model: nn.Module, likelihood: Likelihood, priors: Mapping[str, Prior], moments: Moments
    ) -> Problem:
        """A linear-Gaussian problem of any number of rows, none of which is kept.

        What needs no row works as ever: the objective, the exact posterior and evidence, gibbs,
        hmc. What asks for one (predictions for training rows, certificates) raises InputError.
        """
        means = moments.inputs_mean[None], moments.targets_mean[None]
        problem = Problem(model, likelihood, priors, *means)
        if problem.linear is None or not isinstance(likelihood, GaussianNoise):
            raise InputError(
                f"Problem.from_moments({problem}): only one linear layer with GaussianNoise has "
                "moments that say all; state the problem from its rows."
            )
        inputs, targets = (
            absent_rows.of((moments.count, mean.shape[1]), problem.inputs) for mean in means
        )
        return problem._with(inputs=inputs, targets=targets, _moments=[moments])

    @property
    def n(self) -> int:
        """Number of training examples (never the batch size)."""
        return len(self.inputs)

    @property
    def has_rows(self) -> bool:
        """Whether the data are here, and not only their moments."""
        return not isinstance(self.inputs, absent_rows.AbsentRows)

    @property
    def initial(self) -> dict[str, Tensor]:
        """The model's own weights, detached copies, by parameter name."""
        named = dict(self.model.named_parameters())
        return {name: named[name].detach().clone() for name in self.priors}

    @property
    def penalized(self) -> list[str]:
        """Names of the parameters under a proper prior."""
        return [name for name, prior in self.priors.items() if not isinstance(prior, Flat)]

    def outputs(self, params: Params, inputs: Tensor | None = None) -> Tensor:
        """What the model returns with these weights, [n, K]."""
        inputs = self.inputs if inputs is None else inputs
        return functional_call(self.model, dict(params), (inputs,))

    def misfit(self, params: Params) -> Tensor:
        """-log p(targets | params), nats, summed over examples."""
        if not self.has_rows:
            return self._misfit_of_moments(params)
        return self.likelihood.misfit(self.outputs(params), self.targets)

    def _misfit_of_moments(self, params: Params) -> Tensor:
        assert self.linear is not None
        assert isinstance(self.likelihood, GaussianNoise)
        weight, bias = params[self.linear.weight], None
        if self.linear.bias is not None:
            bias = params[self.linear.bias]
        squares = self.moments.residual_squares(weight, bias)
        return self.likelihood.misfit_of_squares(squares, self.n * len(squares))

    def penalty(self, params: Params) -> Tensor:
        """-log p(params), nats; a flat parameter adds 0."""
        parts = [prior.penalty(params[name]) for name, prior in self.priors.items()]
        return torch.stack(parts).sum()

    def objective(self, params: Params) -> Tensor:
        """-log p(targets, params), nats: what MAP and penalised training both minimise."""
        return self.misfit(params) + self.penalty(params)

    def misfit_gradient(self, params: Params) -> dict[str, Tensor]:
        """Gradient of the misfit, by parameter name."""
        leaves = {name: params[name].detach().clone().requires_grad_() for name in self.priors}
        gradients = torch.autograd.grad(
            self.misfit(leaves), list(leaves.values()), materialize_grads=True
        )
        return dict(zip(leaves, gradients, strict=True))

    @cached_property
    def linear(self) -> LinearLayout | None:
        """Parameter names of a model linear in its inputs; None for any other model."""
        return linear_layout(self.model)

    @property
    def moments(self) -> Moments:
        """Sufficient statistics of a linear-Gaussian problem, from one pass over the data.

        The pass is made once for all the problems that `with_priors` and `with_noise` give.
        """
        if self.linear is None or not isinstance(self.likelihood, GaussianNoise):
            raise InputError(
                f"{self}.moments: only a linear model with GaussianNoise has sufficient "
                "statistics; use the objective itself."
            )
        if not self._moments:
            self._moments.append(Moments.of(self.inputs.flatten(1), self.targets))
        return self._moments[0]

    def with_priors(self, change: Callable[[str, Prior], Prior]) -> Problem:
        """The same problem under other priors: `change(name, prior)` gives the new one."""
        priors = {name: change(name, prior) for name, prior in self.priors.items()}
        return self._with(priors=priors)

    def with_noise(self, scale: float) -> Problem:
        """The same problem with another noise scale, where the noise is Gaussian."""
        if not isinstance(self.likelihood, GaussianNoise):
            raise InputError(f"{self}.with_noise({scale}): {self.likelihood} has no noise scale.")
        return self._with(likelihood=GaussianNoise(scale))

    def to(self, device: str | torch.device, dtype: torch.dtype | None = None) -> Problem:
        """The same problem on another device, or in another floating dtype."""
        inputs = self.inputs.to(device=device, dtype=dtype)
        return Problem(self.model, self.likelihood, self.priors, inputs, self.targets)

    def _with(self, **changed: Any) -> Problem:
        """A copy that shares data, model and moments: none of them depends on a scale."""
        twin = copy.copy(self)
        for name, value in changed.items():
            object.__setattr__(twin, name, value)
        return twin

    def __str__(self) -> str:
        kind = type(self.model).__name__
        return f"Problem({kind}, {self.likelihood}, n={self.n})"
