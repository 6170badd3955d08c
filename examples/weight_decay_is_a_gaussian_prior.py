"""Is training with SGD and weight_decay the same as MAP under a Gaussian prior?

Yes. The training loop below knows nothing of priors; its weights are those of the largest
P(data | w) P(w) with w ~ N(0, tau^2), and lambda says which tau.
"""

import common
import torch

import bayeswd as bw

options = common.options(__doc__)
LAMBDA, NOISE = 3.0, 0.01  # the book's strength, and the sd of the noise in its data

# %% The data: y = 0.05 + 0.01 (x_1 + ... + x_200) + noise, 20 rows
inputs, targets, *_ = common.d2l(options)
n, d = inputs.shape

# %% The loop as people write it: half the mean squared error, weight_decay on the weights alone
model = common.linear(inputs, options.seed)
start = {name: value.detach().clone() for name, value in model.named_parameters()}
groups = [{"params": [model.weight], "weight_decay": LAMBDA}, {"params": [model.bias]}]
optimizer = torch.optim.SGD(groups, lr=0.05)
visited = []
for step in range(500 if options.quick else 6000):
    if step % 50 == 0:
        visited.append((step, {k: v.detach().clone() for k, v in model.named_parameters()}))
    loss = ((model(inputs) - targets) ** 2).mean() / 2
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
trained = dict(model.named_parameters())

# %% The same lambda read as a prior: half the mean squared error is misfit * sigma^2/n
prior = bw.conventions.reading("d2l", LAMBDA, n=n, noise_scale=NOISE)
priors = {"weight": bw.Gaussian(prior.scale), "bias": bw.Flat()}
problem = bw.Problem(model, bw.GaussianNoise(NOISE), priors, inputs, targets)
print(f"lambda = {LAMBDA:g} is w ~ N(0, tau^2) with tau^2 = sigma^2/(n lambda)", end=" ")
print(f"= {prior.variance:.4g}, tau = {prior.scale:.3g}: {prior.says()}.")

# %% Three more roads to the mode
exact = bw.exact.ridge(problem)
in_pyro = bw.pyro_map.fit(problem, start=start)
mean = bw.conjugate.posterior(problem).mean
largest = exact.params["weight"].abs().max()
print(f"The exact mode: |w - mode| is proved to be at most {exact.certificate.distance:.1g}.")
roads = {"SGD with weight_decay": trained, "MAP in Pyro": in_pyro.params, "posterior mean": mean}
for road, params in roads.items():
    apart = (params["weight"] - exact.params["weight"]).abs().max() / largest
    print(f"{road:>22}: max|w - mode| = {float(apart):.1e} of the largest weight")

# %% Why: training ends where the data's pull on each weight equals the prior's, w/tau^2
with common.drawing(
    "weight_decay_is_a_gaussian_prior",
    f"weight_decay = {LAMBDA:g} trains the mode under a Gaussian prior of sd {prior.scale:.2g}",
    options,
) as (left, right):
    above = [(step, float(problem.objective(w)) - exact.objective) for step, w in visited]
    left.semilogy(*zip(*above, strict=True), color=common.TRAINED, label="SGD with weight_decay")
    pyro_above = [(step, nats - exact.objective) for step, nats in in_pyro.history]
    left.semilogy(*zip(*pyro_above, strict=True), color=common.PYRO, label="MAP in Pyro")
    left.set(title="Both minimise -log P(w | data)", xlabel="step")
    left.set(ylabel="nats above the exact mode", ylim=(1e-9, None))
    left.legend()
    at = (visited[1][1], trained)
    for params, marker, label in zip(at, "o.", ("SGD after 50 steps", "SGD at its end"), strict=True):
        pull = -problem.misfit_gradient(params)["weight"]
        right.plot(params["weight"].detach().cpu()[0], pull.cpu()[0], marker, label=label)
    right.axline((0, 0), slope=1 / prior.variance, color=common.PRIOR, label="prior: w/τ²")
    right.set(title="Every weight rests where data and prior pull alike")
    right.set(xlabel="weight", ylabel="pull on it, nats per unit of weight")
    right.legend()
