"""One sweep of the Gibbs sampler, for every chain at every strength at once.

Given the rest, in turn: the noise scale, the mixture, the strength, the weights. Every conditional
is drawn exactly; what can be integrated out on the way is. The weights are over-relaxed: each new
draw lies, on average, half as far on the other side of its conditional mean as the last one. Less
would better the spreads at the cost of the means, and of the slow directions where d > n.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bayeswd.posterior import gaussian_step
from bayeswd.posterior.gaussian_step import Blend
from bayeswd.posterior.gibbs_design import Design
from bayeswd.posterior.noise_models import NoiseModel, StrengthPrior
from bayeswd.posterior.random_numbers import RandomNumbers

RELAXATION = -0.5


@dataclass
class State:
    """Where C chains under S priors stand.

    weights: [m, S, C], the penalised parameters. mixture: [k, S, C], for those with an L1 part.
    noise: sigma, and strength: sigma / b of the weights, each [S, C].
    """

    weights: Tensor
    mixture: Tensor
    noise: Tensor
    strength: Tensor


@dataclass(frozen=True, eq=False)
class Rates:
    """What sigma and the strength make of the prior, tensors that broadcast to [., S, C].

    per_scale: 1 / b of each column with an L1 part, squared: (sigma / b)^2 of the same.
    ridge: sigma^2 / tau^2 of each column; None where all are 0.
    """

    per_scale: Tensor
    squared: Tensor
    ridge: Tensor | None


class Kernel:
    """Moves all chains at once: `init` first, then `step` as often as wanted."""

    def __init__(self, design: Design, belief: NoiseModel, random: RandomNumbers) -> None:
        self.design, self.belief, self.random = design, belief, random
        self._gaussian = gaussian_step.of(design.data, design.l1.shape[1], random.chains)
        # b of the weights in units of b of each column
        self._relative = (design.l1 / design.l1[0])[: design.mixed, :, None]
        self._precision = design.l2[..., None].repeat(1, 1, random.chains)
        stated = torch.full_like(self._precision[0, :, :1], design.noise_scale)
        # where nothing varies these are made once
        self._stated = self._rates_of(stated, belief.strength(design, stated))
        self._steady = _blend(stated, stated, RELAXATION)

    def init(self) -> State:
        """Mixtures from their prior, and weights given those."""
        weights, design = torch.zeros_like(self._precision), self.design
        noise = torch.full_like(weights[0], design.noise_scale)
        pairs = self.random.normal(2 * design.mixed).unflatten(0, (2, -1))
        mixture = (pairs**2).sum(0)[:, None].repeat(1, len(noise), 1)
        strength = self.belief.strength(design, noise[:, :1])
        state = State(weights, mixture, noise, strength)
        self._draw_weights(state, torch.empty_like(weights), 0.0)
        return state

    def step(self, state: State, out: Tensor) -> None:
        """One sweep; the new weights are written to `out`, [m, S, C]."""
        if self.belief.addition is not None and not self.belief.from_mixture:
            self._draw_noise(state)
            state.strength = self.belief.strength(self.design, state.noise)
        size = state.weights[: self.design.mixed] * self._rates(state).per_scale
        state.mixture = self.belief.renew(size, state.mixture, self.random)
        if self.belief.strength_prior is not None:
            self._draw_strength(state, self.belief.strength_prior)
        self._draw_weights(state, out, RELAXATION)

    def _draw_noise(self, state: State) -> None:
        weights = state.weights
        state.noise = self.belief.draw(self.design, self._gaussian, weights, self.random)

    def _draw_strength(self, state: State, prior: StrengthPrior) -> None:
        """Given the variances of the weights over sigma^2, t / strength^2, which stay."""
        before = state.strength
        rate = prior.rate + (state.mixture.sum(0) / before**2) / 2
        shape = prior.shape + len(state.mixture)
        state.strength = (self.random.gamma(shape) / rate).sqrt()
        state.mixture = state.mixture * (state.strength / before) ** 2

    def _draw_weights(self, state: State, out: Tensor, relaxation: float) -> None:
        self._set_precision(state)
        self._gaussian.factor(self._precision, self.random)
        before = state.noise
        if self.belief.from_mixture:
            self._draw_noise(state)
        varies = self.belief.addition is not None or relaxation != RELAXATION
        blend = _blend(state.noise, before, relaxation) if varies else self._steady
        self._gaussian.draw(out, state.weights, blend)
        state.weights = out

    def _set_precision(self, state: State) -> None:
        """sigma^2 / (b^2 t) + sigma^2 / tau^2."""
        mixed, rates = len(state.mixture), self._rates(state)
        torch.div(rates.squared, state.mixture, out=self._precision[:mixed])
        if rates.ridge is not None:
            self._precision[:mixed] += rates.ridge[:mixed]
            self._precision[mixed:] = rates.ridge[mixed:]

    def _rates(self, state: State) -> Rates:
        if not self.belief.varies:
            return self._stated
        return self._rates_of(state.noise, state.strength)

    def _rates_of(self, noise: Tensor, strength: Tensor) -> Rates:
        ridge = self.belief.ridge(self.design, noise) if self.design.ridged else None
        scaled = self._relative * strength
        return Rates(scaled / noise, scaled**2, ridge)


def _blend(noise: Tensor, before: Tensor, relaxation: float) -> Blend:
    """Deviations from the mean are in proportion to sigma, `before` at the last draw."""
    share = relaxation * noise / before
    return Blend(share, 1 - share, (1 - relaxation**2) ** 0.5 * noise)
