"""How do I get L1 weight decay out of torch.optim.SGD, with weights that are exactly 0?

SGD's weight_decay is L2. `loss + lam * w.abs().sum()` is L1 and leads to the right place, but no
step of a gradient lands on 0: it jumps over and back for ever. A soft threshold stops there.
"""

from collections.abc import Callable

import common
import torch
from torch import nn

import bayeswd as bw

options = common.options(__doc__)
STRENGTH, NOISE = 0.01, 0.01
inputs, targets, *_ = common.d2l(options)
n, d = inputs.shape


# %% One loop; the penalty is in the loss, or in the optimizer
def train(make: Callable[[nn.Linear], torch.optim.Optimizer], penalty: float) -> torch.Tensor:
    """The weights [d] after all steps."""
    model = common.linear(inputs, options.seed)
    optimizer = make(model)
    for _ in range(500 if options.quick else 2500):
        loss = ((model(inputs) - targets) ** 2).mean() / 2 + penalty * model.weight.abs().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.weight.detach()[0]


def proximal(model: nn.Linear) -> torch.optim.Optimizer:
    groups = [{"params": [model.weight], "l1_decay": STRENGTH}, {"params": [model.bias]}]
    return bw.ProximalSGD(groups, lr=0.02, momentum=0.9)


runs = {
    "Adam, penalty in the loss": train(lambda m: torch.optim.Adam(m.parameters()), STRENGTH),
    "SGD, penalty in the loss": train(
        lambda m: torch.optim.SGD(m.parameters(), lr=0.02, momentum=0.9), STRENGTH
    ),
    "bw.ProximalSGD, l1_decay": train(proximal, 0.0),
}

# %% The exact optimum to hold them against
scale = bw.conventions.reading("d2l", STRENGTH, n=n, noise_scale=NOISE, penalty="l1").scale
priors = {"weight": bw.Laplace(scale), "bias": bw.Flat()}
model = common.linear(inputs, options.seed)
exact = bw.exact.lasso(bw.Problem(model, bw.GaussianNoise(NOISE), priors, inputs, targets))
optimum = exact.params["weight"][0]
idle = optimum == 0
print(f"lambda = {STRENGTH}: at the exact optimum {int(idle.sum())} of {d} weights are 0.")
for name, weight in runs.items():
    apart, left_over = float((weight - optimum).abs().max()), float(weight[idle].abs().max())
    print(f"{name:>25}: {int((weight == 0).sum()):3} zeros, max|w - optimum| {apart:.0e};", end="")
    print(f" those that should be 0 reach {left_over:.0e}")

# %% All weights by size; those at exactly 0 on the line at the bottom
FLOOR = 1e-9
with common.drawing(
    "l1_with_torch_optim",
    f"Penalty in the loss: no weight is 0. Soft threshold: {int((weight == 0).sum())} of {d} are",
    options,
    columns=1,
) as (axes,):
    colours = (*common.OTHERS[:2], common.TRAINED)
    for (name, weight), colour in zip(runs.items(), colours, strict=True):
        size = weight.abs().sort(descending=True).values.clamp(min=FLOOR).cpu()
        axes.semilogy(range(1, d + 1), size, ".", color=colour, label=name)
    kept = int((~idle).sum())
    axes.axvline(kept + 0.5, color=common.PRIOR, lw=1)
    axes.text(kept + 3, 0.1, f"the exact optimum keeps {kept}", color=common.PRIOR)
    axes.set(xlabel="weights, largest first", ylabel="|w|", ylim=(FLOOR / 3, 0.3))
    axes.set_yticks([FLOOR, 1e-7, 1e-5, 1e-3, 1e-1], ["exactly 0", "1e-7", "1e-5", "1e-3", "0.1"])
    axes.minorticks_off()
    axes.legend(loc=(0.35, 0.15))
