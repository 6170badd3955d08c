"""I forgot the square: what does lambda |w|_2, without it, say about the weights?

Another prior: P(w) ~ exp(-k |w|_2), k = n lambda / sigma^2. As spherical as the Gaussian, but not a
product over weights: its pull has the size k at any length. So it either shortens the vector as
a whole or, where the data pull with no more than k, sets all of it to exactly 0.
"""

import common
import numpy as np
import torch

import bayeswd as bw

options = common.options(__doc__)
NOISE = 0.01
inputs, targets, *_ = common.d2l(options)
n, d = inputs.shape

# %% The squared norm: exact modes. lambda |w| rests where (lambda/|w|) |w|^2/2 does: at one of them
squared = np.logspace(-3, 3, 13 if options.quick else 61)
readings = [bw.conventions.reading("d2l", s, n=n, noise_scale=NOISE) for s in squared]
priors = {"weight": bw.Gaussian(readings[0].scale), "bias": bw.Flat()}
model = common.linear(inputs, options.seed)
problem = bw.Problem(model, bw.GaussianNoise(NOISE), priors, inputs, targets)
modes = bw.exact.ridge_path(problem, [reading.scale for reading in readings])
norms = np.array([float(mode.params["weight"].norm()) for mode in modes])
unsquared = squared * norms  # the lambda of |w| whose mode is the same vector
zero_from = float((inputs.T @ (targets - targets.mean())).norm()) / n
alike = NOISE * ((d + 1) * 3 / n) ** 0.5  # as a prior, its weights have the variance (d + 1)/k^2
print(f"lambda |w| with {alike:.3f} is a prior of the same variance as lambda |w|^2/2 with 3.")
print(f"lambda |w|^2/2 never gives w = 0: at lambda = {squared[-1]:g} still |w| = {norms[-1]:.1g}")
print(f"lambda |w| gives w = 0, all {d} at once, from |X'(y - mean)|/n = {zero_from:.3f} on")


# %% The same by training: a gradient step, then a step of length lr * lambda towards 0
def train(strength: float, steps: int, rate: float = 0.05) -> torch.Tensor:
    """The weights [d] that minimise half the mean squared error + strength |w|."""
    model = common.linear(inputs, options.seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    for _ in range(steps):
        loss = ((model(inputs) - targets) ** 2).mean() / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            length = model.weight.norm()
            model.weight *= (1 - rate * strength / length).clamp(min=0) if length > 0 else 0
    return model.weight.detach()[0]


tried = zero_from * np.array([0.1, 0.3, 0.6, 0.9, 1.1])
reached = []
for strength in tried:
    weight = train(strength, 200 if options.quick else 1500)
    reached.append(float(weight.norm()))
    print(f"trained, lambda {strength:.3f}: |w| = {reached[-1]:.5f},", end=" ")
    print(f"{int((weight == 0).sum())} of {d} weights are 0")

# %% The length of w over lambda; and the balance of pulls that explains it
title = f"Without its square the norm keeps all {d} weights or none"
with common.drawing("the_unsquared_norm", title, options) as (left, right):
    left.semilogx(squared, norms, color=common.POSTERIOR, label="λ |w|²/2, exact")
    path = np.append(unsquared, [zero_from, squared[-1]]), np.append(norms, [0, 0])
    left.semilogx(*path, color=common.TRAINED, label="λ |w|, exact")
    left.semilogx(tried, reached, "o", color=common.TRAINED, label="λ |w|, trained")
    left.set(title="One reaches 0, the other never", xlabel="λ", ylabel="|w|", xlim=(1e-3, 2e3))
    left.legend()
    right.plot(norms, unsquared, color="black", label="pull of the data on w")
    for strength, style in ((3.0, "-"), (10.0, "--")):
        label = f"λ |w|²/2 pulls with λ |w|, λ = {strength:g}"
        right.plot(norms, strength * norms, style, color=common.POSTERIOR, label=label)
    for strength, style in ((0.2, "-"), (0.5, "--")):
        label = f"λ |w| pulls with λ = {strength:g}"
        right.axhline(strength, ls=style, color=common.TRAINED, label=label)
    right.set(title="w rests where the pulls are equal, else at 0", xlabel="|w|")
    right.set(ylabel="pull, in units of n/σ²", ylim=(0, 2.1 * zero_from))
    right.legend(loc="upper right")
