"""My L1 penalty sets most weights to exactly 0: does its prior believe that they are 0?

No. A Laplace prior has a density, so P(w = 0) = 0 before the data and after. Exact zeros belong to
one point, the mode; the posterior around it has none, and its mean is another fit.
"""

import common
import numpy as np
import torch

import bayeswd as bw

options = common.options(__doc__)
NOISE = 0.01

# %% The D2L data under a Laplace prior as wide as the Gaussian one behind the book's lambda = 3
inputs, targets, *unseen = common.d2l(options)
n, d = inputs.shape
gaussian = bw.conventions.reading("d2l", 3, n=n, noise_scale=NOISE)
laplace = bw.conventions.laplace_of_variance(gaussian.variance)
model = common.linear(inputs, options.seed)
priors = {"weight": bw.Laplace(laplace.scale), "bias": bw.Flat()}
problem = bw.Problem(model, bw.GaussianNoise(NOISE), priors, inputs, targets)

# %% Its mode, and its whole posterior by Gibbs sampling
mode = bw.exact.lasso(problem)
draws = bw.sample(problem, chains=16, draws=200 if options.quick else 1000, seed=options.seed)
summary = bw.summarize(draws, problem, fit=mode)
print(f"{draws.engine}: {draws.why}")
print(f"R-hat at most {summary.r_hat:.3f}, effective draws at least {summary.ess_bulk:.0f}.")

# %% Zeros, and what the posterior says of the same weights
at_mode = mode.params["weight"].cpu()[0]
each = draws.params["weight"].cpu().flatten(0, 1)[:, 0]
means, zero = each.mean(0), at_mode == 0
print(f"At the mode {int(zero.sum())} of {d} weights are exactly 0, of the posterior means")
print(f"{int((means == 0).sum())}, and of {each.numel():,} drawn weights {int((each == 0).sum())}.")
above = (each > 0).double().mean(0)
sure = (2 * above - 1).abs().where(zero, torch.tensor(0.0))
index = int(sure.argmax())
share = float(torch.maximum(above, 1 - above)[index])
print(f"Of x{index + 1}, exactly 0 at the mode, the posterior knows the sign with P = {share:.2f}.")
for name, params in (
    ("mode", mode.params),
    ("posterior mean", {k: v.flatten(0, 1).mean(0) for k, v in draws.params.items()}),
):
    loss = float(problem.likelihood.loss(problem.outputs(params, unseen[0]), unseen[1]))
    print(f"{name:>14}: loss on 100 unseen rows {loss:.5f}")

# %% All weights in the order of their means; one zero of the mode from close by
low, high = torch.quantile(
    each[:: max(1, len(each) // 4000)], torch.tensor([0.025, 0.975]).to(each), 0
)
order, outside = means.argsort(), int(((at_mode < low) | (at_mode > high)).sum())
title = f"L1 puts {int(zero.sum())} of {d} weights at exactly 0; the posterior believes it of none"
with common.drawing("the_mode_is_not_the_posterior", title, options) as (left, right):
    places = np.arange(1, d + 1)
    left.vlines(places, low[order], high[order], color=common.POSTERIOR, alpha=0.4, lw=0.8)
    left.plot(places, means[order], ".", color=common.POSTERIOR, ms=4, label="posterior mean, 95 %")
    left.plot(places, at_mode[order], "d", color=common.TRAINED, ms=2.5, label="mode")
    left.set(
        title=f"{outside} modes lie outside their 95 % interval",
        xlabel="weights, by their mean",
        ylabel="w",
    )
    left.legend()
    right.hist(
        each[:, index], 80, density=True, color=common.POSTERIOR, alpha=0.5, label="posterior"
    )
    grid = torch.linspace(float(each[:, index].min()), float(each[:, index].max()), 400)
    prior = priors["weight"].log_density(grid).exp()
    right.plot(grid, prior, "--", color=common.PRIOR, label="prior")
    right.axvline(0, color=common.TRAINED, label="mode: exactly 0")
    right.axvline(float(means[index]), color=common.POSTERIOR, ls=":", label="posterior mean")
    right.set(title=f"x{index + 1}: P(w = 0) = 0, P of its sign = {share:.2f}", xlabel="w")
    right.set(ylabel="density", ylim=(0, 300))
    right.legend()
