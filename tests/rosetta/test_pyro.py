"""pyro rows, and the D2L tabs written out: MAP by AutoDelta, and weight_decay on top of it."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.autoguide import AutoDelta

from bayeswd.problem import conventions
from bayeswd.problem.conventions import Reading

N = 60


def map_estimate(
    proof: SimpleNamespace, law: Any, weight_decay: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """(inputs, targets, weights, bias) of AutoDelta under this prior on weights, flat on bias."""
    inputs, targets = proof.data("gaussian")
    x, y = torch.tensor(inputs), torch.tensor(targets)
    flat = dist.ImproperUniform(dist.constraints.real, (), ())

    def model() -> None:
        weights = pyro.sample("weight", law.expand([4]).to_event())
        bias = pyro.sample("bias", flat)
        with pyro.plate("rows", N):
            pyro.sample("y", dist.Normal(x @ weights + bias, 1.0), obs=y)

    pyro.clear_param_store()
    guide = AutoDelta(model, init_loc_fn=lambda site: torch.full(site["fn"].shape(), 0.1).double())
    adam = {"lr": 0.1, "betas": (0.9, 0.95), "weight_decay": weight_decay}
    svi = SVI(
        model, guide, pyro.optim.ClippedAdam(adam | {"lrd": 0.98, "clip_norm": 1e9}), Trace_ELBO()
    )
    for _ in range(600):
        svi.step()
    found = guide.median()
    return inputs, targets, found["weight"].detach().numpy(), found["bias"].item()


@pytest.mark.parametrize("row", ["pyro.Normal", "pyro.Laplace"])
def test_auto_delta_finds_the_mode_of_the_prior_as_written(
    row: str, proof: SimpleNamespace
) -> None:
    scale = torch.tensor(0.4, dtype=torch.float64)
    law = (
        dist.Normal(0.0 * scale, scale)
        if row == "pyro.Normal"
        else dist.Laplace(0.0 * scale, scale)
    )
    point = map_estimate(proof, law)
    right = conventions.reading(row, 0.4)
    as_variance = conventions.reading(row, 0.16)  # the variance taken for the scale
    distances = [proof.residual(r, *point, noise=1.0) for r in (right, as_variance)]
    print(f"{row:42} {distances[0]:.1e} {distances[1]:.1e}")
    assert np.abs(point[2]).min() > 1e-3  # no weight at the corner of |w|
    assert distances[0] <= 1e-6
    assert distances[1] >= max(100 * distances[0], 1e-3)


def test_weight_decay_of_the_optimiser_adds_to_the_prior(proof: SimpleNamespace) -> None:
    """Precision 1/tau0^2 + weight_decay on every parameter, without n."""
    wide = torch.tensor(1e6, dtype=torch.float64)
    inputs, targets, weights, bias = map_estimate(proof, dist.Normal(0.0 * wide, wide), 5.0)
    right = conventions.reading("pyro.AutoDelta", 5.0)
    with_n = conventions.gaussian_of_variance(1 / (N * 5.0))
    assert right.bias_penalized
    point = (inputs, targets, weights, bias)
    distances = [proof.residual(r, *point, noise=1.0) for r in (right, with_n)]
    print(f"{'pyro.AutoDelta':42} {distances[0]:.1e} {distances[1]:.1e}")
    assert distances[0] <= 1e-6
    assert distances[1] >= 100 * distances[0]


def test_both_priors_add_up(proof: SimpleNamespace) -> None:
    scale = torch.tensor(0.4, dtype=torch.float64)
    inputs, targets, weights, bias = map_estimate(proof, dist.Normal(0.0 * scale, scale), 5.0)
    together = conventions.gaussian_of_variance(1 / (0.4**-2 + 5.0))
    slopes = inputs @ weights + bias - targets
    gradient = inputs.T @ slopes + weights / together.variance
    assert np.abs(gradient).max() <= 1e-6 * np.abs(inputs.T @ targets).max()


# tab: (factor of the squared errors, factor of the penalty, is the bias in it, the other tab)
TABS = {
    "d2l.scratch": (0.5, 0.5, False, "d2l.torch"),
    "d2l.torch": (1.0, 0.5, False, "d2l.scratch"),
    "d2l.tensorflow": (1.0, 1.0, False, "d2l.torch"),
    "d2l.jax": (0.5, 0.5, True, "d2l.scratch"),
    "d2l.mxnet": (0.5, 0.5, False, "d2l.torch"),
}


@pytest.mark.parametrize("tab", TABS)
def test_the_tabs_of_the_book(tab: str, proof: SimpleNamespace) -> None:
    """The optimum of each tab's loss, in closed form, is the mode of the prior of its row."""
    of_squares, of_penalty, with_bias, other = TABS[tab]
    strength = 0.3
    inputs, targets = proof.data("gaussian")
    design = np.column_stack([inputs, np.ones(N)])
    penalised = np.diag([1.0] * 4 + [float(with_bias)])
    hessian = 2 * of_squares * design.T @ design / N + 2 * of_penalty * strength * penalised
    best = np.linalg.solve(hessian, 2 * of_squares * design.T @ targets / N)
    readings: list[Reading] = [
        conventions.reading(name, strength, n=N, noise_scale=proof.noise) for name in (tab, other)
    ]
    distances = [proof.residual(r, inputs, targets, best[:4], best[4]) for r in readings]
    assert readings[0].bias_penalized == with_bias
    assert distances[0] <= 1e-12
    assert distances[1] >= 1e-3
