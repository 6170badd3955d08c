"""Is training with SGD and weight_decay the same as MAP under a Gaussian prior?

Yes. The training loop below knows nothing of priors; its weights are those of the largest
P(data | w) P(w) with w ~ N(0, tau^2), and lambda says which tau. Pyro even takes the same steps.
"""

from functools import partial
from typing import Any

import common
import torch
from torch import Tensor

import bayeswd as bw

options = common.options(__doc__)
LAMBDA, NOISE = 3.0, 0.01  # the book's strength, and the sd of the noise in its data
RATE, STEPS = 0.05, 500 if options.quick else 2000

# %% The data: 20 rows of y = 0.05 + 0.01 (x_1 + ... + x_200) + noise
inputs, targets, *_ = common.d2l(options)
n, d = inputs.shape

# %% The loop as people write it: half the mean squared error, weight_decay on the weights alone
model = common.linear(inputs, options.seed)
weights: dict[str, Any] = {"params": [model.weight], "weight_decay": LAMBDA}
optimizer = torch.optim.SGD([weights, {"params": [model.bias]}], lr=RATE)
visited: list[dict[str, Tensor]] = []
for _step in range(STEPS + 1):
    visited.append({name: value.detach().clone() for name, value in model.named_parameters()})
    loss = ((model(inputs) - targets) ** 2).mean() / 2
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

# %% The same lambda read as a prior
prior = bw.conventions.reading("d2l", LAMBDA, n=n, noise_scale=NOISE)
priors = {"weight": bw.Gaussian(prior.scale), "bias": bw.Flat()}
problem = bw.Problem(model, bw.GaussianNoise(NOISE), priors, inputs, targets)
print(f"lambda = {LAMBDA:g}: w ~ N(0, tau^2), tau^2 = sigma^2/(n lambda) = {prior.variance:.4g};")
print(f"tau = {prior.scale:.3g}, {prior.says()}.")

# %% Pyro's loss is n/sigma^2 times ours, in nats: with lr sigma^2/n times ours, the same steps
rate = RATE * NOISE**2 / n
fit = partial(bw.pyro_map.fit, problem, start=visited[0], lr=rate, momentum=0, tolerance=-1.0)
apart = fit(steps=40).params["weight"] - visited[40]["weight"]
print(f"After 40 steps SGD and MAP in Pyro differ by {float(apart.abs().max()):.0e}; at the end:")
in_pyro = fit(steps=STEPS)

# %% Where they end, beside the exact mode and the posterior mean
exact = bw.exact.ridge(problem)
mode = exact.params["weight"]
mean = bw.conjugate.posterior(problem).mean
ends = {"SGD": visited[-1], "MAP in Pyro": in_pyro.params, "posterior mean": mean}
for road, params in ends.items():
    share = float((params["weight"] - mode).abs().max() / mode.abs().max())
    print(f"{road:>18}: max|w - mode| = {share:.0e} of the largest weight")
print(f"(The mode is proved to be within {exact.certificate.distance:.0e} of the best weights.)")

# %% Why: training ends where the data's pull on each weight equals the prior's, w/tau^2
title = f"weight_decay = {LAMBDA:g} trains the mode under a Gaussian prior of sd {prior.scale:.2g}"
with common.drawing("weight_decay_is_a_gaussian_prior", title, options) as (left, right):
    every = range(0, STEPS + 1, 25)
    above = [float(problem.objective(visited[step])) - exact.objective for step in every]
    left.semilogy(every, above, color=common.TRAINED, lw=5, label="SGD with weight_decay")
    pyro_above = [(step, nats - exact.objective) for step, nats in in_pyro.history]
    left.semilogy(*zip(*pyro_above, strict=True), color=common.PYRO, label="MAP in Pyro")
    left.set(title="Step by step, both minimise -log P(w | data)", xlabel="step")
    left.set(ylabel="nats above the exact mode", ylim=(1e-9, None), xlim=(0, 1000))
    left.legend()
    right.axline((0, 0), slope=1 / prior.variance, color=common.PRIOR, label="prior: w/τ²")
    for step, colour in ((10, common.OTHERS[1]), (STEPS, common.TRAINED)):
        pull = -problem.misfit_gradient(visited[step])["weight"].cpu()[0]
        weight = visited[step]["weight"].cpu()[0]
        right.plot(weight, pull, ".", color=colour, label=f"SGD after {step} steps")
    right.set(title="Every weight rests where data and prior pull alike", xlabel="weight")
    right.set(ylabel="pull on it, nats per unit of weight")
    right.legend()
