"""Is training with an L1 penalty the same as MAP under a Laplace prior?

Yes. Laplace(0, b) has -log P(w) = |w|/b + constant, so lambda |w|_1 added to half the mean squared
error says b = sigma^2/(n lambda). The penalty pulls with 1/b, whatever the size of the weight.
"""

import common

import bayeswd as bw

options = common.options(__doc__)
NOISE = 0.01

# %% A Laplace prior as wide as the Gaussian one behind the book's lambda = 3
inputs, targets, *_ = common.d2l(options)
n, d = inputs.shape
gaussian = bw.conventions.reading("d2l", 3, n=n, noise_scale=NOISE)
laplace = bw.conventions.laplace_of_variance(gaussian.variance)
strength = bw.conventions.strength("d2l", laplace, n=n, noise_scale=NOISE)
print(f"w ~ Laplace(0, b) with b = {laplace.scale:.3g}, variance 2 b^2 = {laplace.variance:.3g}:")
print(f"  the L1 penalty of lambda = sigma^2/(n b) = {strength:.3g}; {laplace.says()}.")

# %% The loop: half the mean squared error; the L1 penalty is in the optimizer
model = common.linear(inputs, options.seed)
start = {name: value.detach().clone() for name, value in model.named_parameters()}
groups = [{"params": [model.weight], "l1_decay": strength}, {"params": [model.bias]}]
optimizer = bw.ProximalSGD(groups, lr=0.05, momentum=0.9)
visited = []
for step in range(500 if options.quick else 1500):
    if step % 25 == 0:
        visited.append((step, {k: v.detach().clone() for k, v in model.named_parameters()}))
    loss = ((model(inputs) - targets) ** 2).mean() / 2
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
trained = {name: value.detach() for name, value in model.named_parameters()}

# %% The mode under the Laplace prior, by a solver that shares nothing with the loop, and in Pyro
priors = {"weight": bw.Laplace(laplace.scale), "bias": bw.Flat()}
problem = bw.Problem(model, bw.GaussianNoise(NOISE), priors, inputs, targets)
exact = bw.exact.lasso(problem)
in_pyro = bw.pyro_map.fit(problem, start=start)
print(f"The exact mode: no weights are better by more than {exact.certificate.gap:.1g} nats.")
roads = {"exact": exact.params, "ProximalSGD": trained, "MAP in Pyro": in_pyro.params}
for road, params in roads.items():
    above = float(problem.objective(params)) - exact.objective
    apart = float((params["weight"] - exact.params["weight"]).abs().max())
    zeros = int((params["weight"] == 0).sum())
    print(f"{road:>12}: {above:8.1e} nats above, max|w - mode| {apart:.0e}, {zeros} zeros of {d}")

# %% Why: the data must pull with 1/b to hold a weight away from 0
pull = -problem.misfit_gradient(trained)["weight"].cpu()[0] * laplace.scale
weight = trained["weight"].cpu()[0]
held = weight != 0
low, high = float(pull[held].abs().min()), float(pull[held].abs().max())
most = float(pull[~held].abs().max())
print(
    f"{int(held.sum())} weights are not 0; the data pull on them with {low:.5f}/b to {high:.5f}/b."
)
print(f"The other {int((~held).sum())} weights they pull with {most:.3f}/b at most.")
title = f"L1 with λ = {strength:.2g} trains the mode under a Laplace prior, b = {laplace.scale:.2g}"
with common.drawing("l1_is_a_laplace_prior", title, options) as (left, right):
    above = [(step, float(problem.objective(w)) - exact.objective) for step, w in visited]
    left.semilogy(*zip(*above, strict=True), color=common.TRAINED, label="ProximalSGD")
    pyro_above = [(step, nats - exact.objective) for step, nats in in_pyro.history]
    left.semilogy(*zip(*pyro_above, strict=True), color=common.PYRO, label="MAP in Pyro")
    left.set(title="Both minimise -log P(w | data), Pyro by subgradients", xlabel="step")
    left.set(ylabel="nats above the exact mode", ylim=(1e-9, None))
    left.legend()
    reach = 1.1 * float(weight.abs().max())
    right.plot([-reach, 0, 0, reach], [-1, -1, 1, 1], color=common.PRIOR, label="prior: ±1/b")
    right.plot(weight[held], pull[held], "o", color=common.TRAINED, label="weights kept")
    right.plot(weight[~held], pull[~held], "k.", ms=3, label="weights at exactly 0")
    right.set(title="A pull below 1/b holds no weight", xlabel="weight")
    right.set(ylabel="pull of the data on it, times b")
    right.legend()
