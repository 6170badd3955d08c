"""All six loops say lambda = 3. Which prior does each of them train?

The loops are run, not read: what acts on the weights when the data are silent is measured at
weights of many sizes, and matched to the slope of a penalty. A decay inside the gradient is
a Gaussian prior; AdamW's, outside of an adaptive step, is a wall.
"""

import common
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import bayeswd as bw
from bayeswd.report import style

options = common.options(__doc__)
LAMBDA, RATE, NOISE = 3.0, 0.01, 0.01
inputs, targets, *_ = common.d2l(options)
model = common.linear(inputs, options.seed)
weight = model.weight


# %% Six ways to write a penalty
def with_optimizer(kind, penalty=lambda: 0.0, **decay):
    """A training step: mean squared error + penalty, and an optimizer that may decay."""
    optimizer = kind([{"params": [weight], **decay}, {"params": [model.bias]}], lr=RATE)

    def step(x, y):
        optimizer.zero_grad()
        (F.mse_loss(model(x), y) + penalty()).backward()
        optimizer.step()

    return step


def plain(penalty):
    return with_optimizer(torch.optim.SGD, penalty, weight_decay=0)


LOOPS = {
    "SGD(weight_decay=λ)": with_optimizer(torch.optim.SGD, weight_decay=LAMBDA),
    "+ λ (w²).sum()": plain(lambda: LAMBDA * weight.square().sum()),
    "+ λ w.abs().sum()": plain(lambda: LAMBDA * weight.abs().sum()),
    "+ λ torch.norm(w) / 2": plain(lambda: LAMBDA * torch.norm(weight) / 2),
    "− w.abs().sum()": plain(lambda: -weight.abs().sum()),
    "AdamW(weight_decay=λ)": with_optimizer(torch.optim.AdamW, weight_decay=LAMBDA),
}

# %% What each of them trains
found = {
    name: bw.audit.step(step, nn.ModuleDict({"m": model}), inputs, targets, noise_scale=NOISE)
    for name, step in LOOPS.items()
}
for name, audit in found.items():
    print(f"{name}\n    {audit.sentence}")
    for one in audit.findings:
        if one.severity != "note":
            print(f"    {one.severity}: {one.message}")

# %% The forces
title = "One λ in six loops: two Gaussians, a Laplace, a norm, a box, and no prior at all"
colours = [common.TRAINED, common.POSTERIOR, common.PYRO, *common.OTHERS]
with common.drawing("what_this_loop_trains", title, options, columns=1) as (axes,):
    for (name, audit), colour in zip(found.items(), colours, strict=True):
        one = audit["m.weight"]
        size, force = np.array(one.measured[0].points).T
        said = f"sd {one.prior.variance**0.5:.2g}" if one.prior.proper else "outward: no prior"
        label = f"{name}: {one.prior.family}, {said}"
        axes.loglog(size, np.abs(force), "o", ms=4, mfc="none", color=colour, label=label)
    axes.set(xlabel="|w| (of one weight; of the whole vector for the norm)")
    axes.set(ylabel="size of the force, in the loss")
    heading = "loop: prior, sd of one weight (σ = 0.01, n = 20)"
    axes.figure.legend(loc="outside lower left", ncols=2, title=heading)
    for axis in (axes.xaxis, axes.yaxis):
        style.decade_ticks(axis)
