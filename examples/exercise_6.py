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

# %% One weight, so that every factor is a curve: y = 0.5 x + noise of sd 1, and the training loss
random = torch.Generator().manual_seed(options.seed)
inputs, noise = torch.randn(2, n, 1, generator=random, dtype=torch.float64).to(options.device)
targets = 0.5 * inputs + NOISE * noise
grid = torch.linspace(-1.2, 2.8, 4001 if options.quick else 40001).to(inputs)
residuals = targets - inputs * grid  # [n, grid]
loss = (residuals**2).mean(0) / 2
zero = torch.zeros_like(grid[0])
log_likelihood = Normal(zero, NOISE).log_prob(residuals).sum(0)

# %% The two penalties, and the priors they are: lambda -> tau^2 and b
tau = bw.conventions.reading("d2l", LAMBDA, n=n, noise_scale=NOISE).scale
b = bw.conventions.reading("d2l", LAMBDA, n=n, noise_scale=NOISE, penalty="l1").scale
print(f"lambda = {LAMBDA}, n = {n}, sigma = {NOISE:g}: tau^2 = {tau**2:.4f}, and b = {b:.4f}")
cases = {
    "L2": (LAMBDA * grid**2 / 2, Normal(zero, tau), bw.Gaussian(tau)),
    "L1": (LAMBDA * grid.abs(), Laplace(zero, b), bw.Laplace(b)),
}
factors, modes = {}, {}
for name, (penalty, density, prior) in cases.items():
    log_prior = density.log_prob(grid)
    log_posterior = log_likelihood + log_prior  # up to a constant
    factors[name] = (log_likelihood, log_prior, log_posterior)
    constant = n / NOISE**2 * (loss + penalty) + log_posterior
    trained = float(grid[(loss + penalty).argmin()])
    model = nn.Linear(1, 1, bias=False)
    problem = bw.Problem(model, bw.GaussianNoise(NOISE), {"weight": prior}, inputs, targets)
    modes[name] = float(bw.exact.solve(problem).params["weight"])
    mean = float((grid * log_posterior.softmax(0)).sum())
    spread = float(constant.max() - constant.min())
    print(
        f"{name}: n/sigma^2 (loss + penalty) + log P(x|w) P(w) varies by {spread:.0e} over all w."
    )
    print(f"    The penalised loss is least at w = {trained:.4f};", end=" ")
    print(f"posterior mode {modes[name]:.4f}, posterior mean {mean:.4f}")

# %% The three factors, and below them -log of each: the product becomes a sum
COLOURS = (common.LIKELIHOOD, common.PRIOR, common.POSTERIOR)
finding = "The penalty is minus the log of the prior: P(w | x) ∝ P(x | w) P(w)"
with common.drawing("exercise_6", finding, options, rows=2) as panels:
    for name, top, bottom in zip(factors, panels[:2], panels[2:], strict=True):
        above = ("P(x | w), likelihood", "P(w), prior", "P(w | x), posterior")
        below = ("n/σ² · loss", "n/σ² · penalty", "their sum")
        for log, colour, *labels in zip(factors[name], COLOURS, above, below, strict=True):
            top.plot(grid.cpu(), (log - log.max()).exp().cpu(), color=colour, label=labels[0])
            bottom.plot(grid.cpu(), (log.max() - log).cpu(), color=colour, label=labels[1])
        for axes in (top, bottom):
            axes.axvline(modes[name], color="black", lw=1, ls=":", label="mode = trained w")
        bottom.set(xlabel="w", ylim=(-0.5, 12))
    title = f"L2 is a Gaussian prior, τ² = σ²/(nλ) = {tau**2:.3f}"
    panels[0].set(title=title, ylabel="each divided by its peak")
    panels[1].set(title=f"L1 is a Laplace prior, b = σ²/(nλ) = {b:.3f}")
    panels[2].set(ylabel="-log, nats above its least")
    panels[1].legend(loc="upper right")
    panels[3].legend(loc="lower right")
