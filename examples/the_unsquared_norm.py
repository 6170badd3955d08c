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
print(f"lambda |w|^2/2 never gives w = 0: at lambda = {squared[-1]:g} still |w| = {norms[-1]:.1g}")
print(f"lambda |w| gives w = 0, all {d} at once, from lambda = |X'(y - mean)|/n = {zero_from:.3f} on")


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


tried = zero_from * np.array([0.2, 0.5, 0.9, 0.99, 1.01])
trained = [train(strength, 200 if options.quick else 2000) for strength in tried]
for strength, weight in zip(tried, trained, strict=True):
    expected = float(np.interp(strength, unsquared, norms))
    print(f"{strength/zero_from:.2f}, {strength:.3g}: |w| {float(weight.norm()):.5f}  ({expected:.5f}), zeros {int((weight == 0).sum())}")
