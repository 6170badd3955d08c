"""Exercise 5: which other cures of overfitting are priors?

In a linear model several are, exactly. Noise of variance v on the inputs is a Gaussian prior, the
L2 penalty lambda = v. Dropout of inputs with probability q is one that knows the inputs, lambda_j
= q/(1 - q) mean(x_j^2). To leave a column out is a point mass at 0, lambda_j -> infinity. More
rows change no prior: tau stays, and lambda = sigma^2/(n tau^2) falls.
"""

import common
import torch
from torch import Tensor, nn

import bayeswd as bw

options = common.options(__doc__)
SIGMA, COPIES = 54.0, (3, 100) if options.quick else (10, 1000)
inputs, targets, *_ = common.load("diabetes", options)
inputs = inputs * torch.linspace(0.5, 2, 10).to(inputs)  # unequal columns: dropout sees them
targets = targets - targets.mean()
n, d = inputs.shape
ones = torch.ones(d).to(inputs)


def mode(strengths: Tensor, columns: slice = slice(None), rows: int = n) -> Tensor:
    """Exact mode under w_j ~ N(0, sigma^2/(n lambda_j)): N(0, 1) in units of the prior sd."""
    sds = SIGMA / (rows * strengths[columns]) ** 0.5
    priors, model = {"weight": bw.Gaussian(1.0)}, nn.Linear(len(sds), 1, bias=False)
    scaled = inputs[:rows, columns] * sds
    problem = bw.Problem(model, bw.GaussianNoise(SIGMA), priors, scaled, targets[:rows])
    return (bw.exact.ridge(problem).params["weight"] * sds)[0].cpu()


# %% Columns left out are the end of a sequence of priors; more rows leave the prior as it is
sds, without = torch.logspace(-2, 3, 21).to(inputs), mode(0.1 * ones, slice(2, d))
pinned = [0.1 + SIGMA**2 / n / sd**2 * (torch.arange(d) < 2).to(inputs) for sd in sds]
changes = [float((mode(strengths)[2:] - without).abs().max()) for strengths in pinned]
counts, tau = range(20, n, 10), 10.0
falling = [SIGMA**2 / m / tau**2 for m in counts]
fits = [[mode(s * ones, rows=m) for s in (SIGMA**2 / m / tau**2, 1e-9)] for m in counts]
shrunk = [float(shrunken.norm() / free.norm()) for shrunken, free in fits]

# %% Two cures as they are practised: no penalty, but copies of the rows, each spoilt anew by z
CURES = {
    "noise on the inputs, v = 0.3: λ = v": (lambda x, z: x + 0.3**0.5 * z, 0.3 * ones),
    "dropout of inputs, q = 0.5: λ of w = mean of x²": (
        lambda x, z: 2 * x * (z > 0),
        (inputs**2).mean(0),
    ),
}
title = "Other cures of overfitting, read as priors on the weights of a linear model"
with common.drawing("other_cures_are_priors", title, options, rows=2) as panels:
    random = torch.Generator().manual_seed(options.seed)
    for axes, (name, (spoilt, strengths)) in zip(panels, CURES.items(), strict=False):
        prior = mode(strengths)
        axes.axline((0, 0), slope=1, color=common.PRIOR, lw=1)
        axes.plot(prior, mode(1e-9 * ones), "+", color=common.PRIOR, label="no cure")
        for copies, look in zip(COPIES, ("x", "o"), strict=True):
            z = torch.randn(copies * n, d, generator=random, dtype=torch.float64).to(inputs)
            rows = spoilt(inputs.repeat(copies, 1), z)
            found = torch.linalg.lstsq(rows, targets.repeat(copies, 1)).solution[:, 0].cpu()
            apart, label = float((found - prior).abs().max()), f"{copies} copies of each row"
            print(f"{name}, {copies} copies: max|w - mode| = {apart:.2g}, |w| = {prior.norm():.2g}")
            axes.plot(prior, found, look, color=common.TRAINED, mfc="none", label=label)
        axes.set(title=name.capitalize(), xlabel="mode under that prior", ylabel="as trained")
        axes.legend()
    panels[2].loglog(sds.cpu(), changes, color=common.POSTERIOR)
    panels[2].set_title("Two columns left out: the end of a sequence of priors")
    panels[2].set(xlabel="prior sd of their weights", ylabel="largest change of another weight")
    panels[3].plot(counts, falling, color=common.PRIOR, label="λ = σ²/(nτ²), τ = 10 throughout")
    panels[3].plot(counts, shrunk, color=common.POSTERIOR, label="|mode| / |least squares|")
    panels[3].set(title="More rows: the same prior counts less", xlabel="rows n", ylim=(0, None))
    panels[3].legend()
