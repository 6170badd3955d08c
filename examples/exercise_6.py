"""Exercise 6: P(w | x) ~ P(x | w) P(w). How is P(w) identified with regularisation?

Take minus the logarithm: -log P(x | w) is n/sigma^2 times the training loss, so n/sigma^2 times
the penalty must be -log P(w), and that names the prior. lambda w^2/2 is a Gaussian of variance
tau^2 = sigma^2/(n lambda), lambda |w| a Laplace density of scale b = sigma^2/(n lambda).
"""

import common
import torch
from torch import nn
from torch.distributions import Laplace, Normal

import bayeswd as bw

options = common.options(__doc__)
LAMBDA, NOISE, n = 0.5, 1.0, 12

# %% One weight, so that every factor is a curve: y = 0.9 x + noise of sd 1, and the training loss
random = torch.Generator().manual_seed(options.seed)
inputs, noise = torch.randn(2, n, 1, generator=random, dtype=torch.float64).to(options.device)
targets = 0.9 * inputs + NOISE * noise
grid = torch.linspace(-1, 2, 3001 if options.quick else 30001).to(inputs)
residuals = targets - inputs * grid  # [n, grid]
loss = (residuals**2).mean(0) / 2
log_likelihood = Normal(0, NOISE).log_prob(residuals).sum(0)

# %% The two penalties, and the priors they are: lambda -> tau^2 and b
tau = bw.conventions.reading("d2l", LAMBDA, n=n, noise_scale=NOISE).scale
b = bw.conventions.reading("d2l", LAMBDA, n=n, noise_scale=NOISE, penalty="l1").scale
rows = {
    "L2": (LAMBDA * grid**2 / 2, Normal(0, tau), bw.Gaussian(tau)),
    "L1": (LAMBDA * grid.abs(), Laplace(0, b), bw.Laplace(b)),
}
print(f"lambda = {LAMBDA}, n = {n}, sigma = {NOISE}: tau^2 = {tau**2:.4f} (tau {tau:.4f}), b = {b:.4f}")
curves, modes = {}, {}
for name, (penalty, density, prior) in rows.items():
    log_prior = density.log_prob(grid)
    log_posterior = log_likelihood + log_prior
    constant = n / NOISE**2 * (loss + penalty) + log_posterior
    model = nn.Linear(1, 1, bias=False)
    problem = bw.Problem(model, bw.GaussianNoise(NOISE), {"weight": prior}, inputs, targets)
    modes[name] = float(bw.exact.solve(problem).params["weight"])
    mean = float((grid * log_posterior.softmax(0)).sum())
    curves[name] = {"P(x | w)": log_likelihood, "P(w)": log_prior, "P(w | x)": log_posterior}
    print(f"{name}: n/sigma^2 (loss + penalty) is -log P(x|w) P(w) + {float(constant.mean()):.4f}", end="")
    print(f" everywhere (to {float(constant.max() - constant.min()):.0e});")
    print(f"    least penalised loss at w = {float(grid[(loss + penalty).argmin()]):.4f},", end=" ")
    print(f"posterior mode {modes[name]:.4f}, posterior mean {mean:.4f}")

# %% The three factors, and below them their -log: a product above is a sum below
COLOURS = (common.LIKELIHOOD, common.PRIOR, common.POSTERIOR)
TERMS = ("n/σ² · loss", "n/σ² · penalty", "their sum")
with common.drawing(
    "exercise_6",
    "P(w | x) ∝ P(x | w) P(w): minus its log is training loss + penalty",
    options,
    rows=2,
) as panels:
    for column, (name, factors) in enumerate(curves.items()):
        top, bottom = panels[column], panels[column + 2]
        for (factor, log), colour, term in zip(factors.items(), COLOURS, TERMS, strict=True):
            above = (log - log.max()).cpu()
            top.plot(grid.cpu(), above.exp(), color=colour, label=factor)
            bottom.plot(grid.cpu(), -above, color=colour, label=term)
        for axes in (top, bottom):
            axes.axvline(modes[name], color="black", lw=1, ls=":", label="the mode")
