"""Exercise 5: is early stopping a prior too?

For gradient descent on a linear model, exactly: the k-th iterate is the posterior mean under
w ~ N(start, 1/Q_k), Q_k = n/sigma^2 H (1 - lr H)^k / (1 - (1 - lr H)^k), H = X'X/n. Where H is
small that is n/sigma^2 1/(lr k), an L2 penalty of lambda = 1/(lr k); along directions that the
inputs measure well it is far weaker. It is a prior that knows the inputs.
"""

import common
import numpy as np
import torch
from torch import nn

import bayeswd as bw

options = common.options(__doc__)
NOISE = 1.0

# %% 100 rows for 100 weights, centred, so that no bias is needed
inputs, targets, unseen, wanted = common.load("clear", options)
targets, wanted = targets - targets.mean(), wanted - targets.mean()
n, d = inputs.shape
curvature, directions = (part.cpu().numpy() for part in torch.linalg.eigh(inputs.T @ inputs / n))
curvature = curvature.clip(1e-12)  # centring took one direction: its curvature is rounding
rate = 0.01 / curvature[-1]


# %% Plain gradient descent in torch, stopped after k steps
stops = [30, 100, 300] if options.quick else [10, 30, 60, 100, 150, 200, 300, 500, 800, 1500]
model = common.linear(inputs, options.seed, sd=0.03)
model.bias.requires_grad_(False)
start, iterates = model.weight.detach().cpu().numpy()[0].copy(), {}
optimizer = torch.optim.SGD([model.weight], lr=rate)
for step in range(1, stops[-1] + 1):
    optimizer.zero_grad()
    (((model(inputs) - targets) ** 2).mean() / 2).backward()
    optimizer.step()
    if step in stops:
        iterates[step] = model.weight.detach().cpu().numpy()[0].copy()


# %% The posterior means under Q_k, and under an L2 penalty about the same start
def posterior_mean(precision: np.ndarray) -> np.ndarray:
    """In units of the prior sd along each direction the prior is N(0, 1)."""
    units = torch.from_numpy(directions / precision**0.5).to(inputs)
    rest = targets - inputs @ torch.from_numpy(start).to(inputs)[:, None]
    prior, one = {"weight": bw.Gaussian(1.0)}, nn.Linear(d, 1, bias=False)
    problem = bw.Problem(one, bw.GaussianNoise(NOISE), prior, inputs @ units, rest)
    return start + (units @ bw.conjugate.posterior(problem).mean["weight"][0]).cpu().numpy()


print("    k   lambda = 1/(lr k)  max|w_k - mean under Q_k|  validation loss of w_k, of ridge")
shares, losses = {}, []
for k, reached in iterates.items():
    left = k * np.log1p(-rate * curvature)  # log of what k steps leave of the way to go
    mean = posterior_mean(n / NOISE**2 * curvature * np.exp(left) / -np.expm1(left))
    ridge = posterior_mean(np.full(d, n / NOISE**2 / (rate * k)))
    shares[k] = -np.expm1(left), curvature / (curvature + 1 / (rate * k))
    misses = [wanted.cpu().numpy()[:, 0] - unseen.cpu().numpy() @ w for w in (reached, ridge)]
    losses.append((1 / (rate * k), *((miss**2).mean() / 2 for miss in misses)))
    row = (k, losses[-1][0], np.abs(reached - mean).max(), *losses[-1][1:])
    print("{:5d} {:19.3g} {:26.0e} {:23.4f} {:10.4f}".format(*row))

# %% How much of the least-squares fit each direction is given; and what it is worth
title = "k steps of gradient descent are a Gaussian prior, near to weight decay of λ = 1/(lr k)"
with common.drawing("early_stopping_is_a_prior", title, options) as (left, right):
    for k, colour in zip((30, 100, 300), ("0.6", common.POSTERIOR, common.TRAINED), strict=True):
        left.semilogx(curvature[1:], shares[k][0][1:], color=colour, label=f"stopped at k = {k}")
        left.semilogx(curvature[1:], shares[k][1][1:], color=colour, ls=":")
    left.plot([], [], "k:", label="L2 penalty, λ = 1/(lr k)")
    left.set(title="Share of the way from the start to least squares")
    left.set(xlabel="curvature h of the training loss along a direction", xlim=(0.01, None))
    left.legend(loc="upper left")
    strengths, stopped, decayed = zip(*losses, strict=True)
    right.semilogx(strengths, stopped, "o-", color=common.TRAINED, label="stopped after k steps")
    right.semilogx(strengths, decayed, "o:", color=common.POSTERIOR, label="L2 penalty λ, exact")
    right.set(title="Both have their best at nearly the same place", xlabel="λ, or 1/(lr k)")
    right.set(ylabel="validation loss, half the mean square")
    right.legend()
