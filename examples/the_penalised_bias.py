"""Why is the bias not decayed, and why does any lambda > 0 ruin a decayed one when d >> n?

With d >> n the data can be fitted in many ways, and the prior picks among them, however weak it
is. To it the bias is the weight of one more column, of ones, which gets its share of the fit:
about n/(n + d + n lambda). With d << n the data fix the bias, and only a large lambda hurts it.
"""

import common
import numpy as np
from torch import nn

import bayeswd as bw

options = common.options(__doc__)
NOISE, BIAS = 0.01, 0.05
strengths = np.logspace(-4, 2, 7)
cases = {(20, 200): 8 if options.quick else 60, (400, 20): 8}  # n, d: how many data sets


# %% The exact modes over lambda, the bias either Flat or under the same prior as the weights
def biases(n: int, d: int, seed: int, decayed: bool) -> list[float]:
    """The bias at each strength, for the book's data with n rows and d inputs."""
    random = np.random.default_rng(seed)
    inputs = random.standard_normal((n, d))
    targets = BIAS + 0.01 * inputs.sum(1) + NOISE * random.standard_normal(n)
    readings = [bw.conventions.reading("d2l", s, n=n, noise_scale=NOISE) for s in strengths]
    prior = bw.Gaussian(readings[0].scale)
    priors = {"weight": prior, "bias": prior if decayed else bw.Flat()}
    problem = bw.Problem(nn.Linear(d, 1), bw.GaussianNoise(NOISE), priors, inputs, targets)
    problem = problem.to(options.device)
    modes = bw.exact.ridge_path(problem, [reading.scale for reading in readings])
    return [float(mode.params["bias"]) for mode in modes]


def expected(n: int, d: int) -> np.ndarray:
    """The decayed bias if the columns are orthogonal (d < n), or the rows are (d > n)."""
    return BIAS * n / (n + d * (d > n) + n * strengths)


# %% The answer in numbers
found = {}
print(f"The true bias is {BIAS}; estimated, median over data sets:")
for (n, d), count in cases.items():
    seeds = range(options.seed, options.seed + count)
    for decayed in (False, True):
        found[n, d, decayed] = np.array([biases(n, d, seed, decayed) for seed in seeds])
    free, pulled = (np.median(found[n, d, decayed], 0) for decayed in (False, True))
    print(f"n = {n}, d = {d}\n   lambda  not decayed  decayed  expected when decayed")
    for row in list(zip(strengths, free, pulled, expected(n, d), strict=True)):
        print("{:9.4g} {:12.4f} {:8.5f} {:9.5f}".format(*row))

# %% The bias over lambda
with common.drawing(
    "the_penalised_bias",
    "200 weights on 20 rows: a decayed bias is lost at any λ, however small",
    options,
) as panels:
    for axes, (n, d) in zip(panels, cases, strict=True):
        axes.axhline(BIAS, color="black", lw=1, label="true bias")
        for decayed, colour in ((False, common.POSTERIOR), (True, common.TRAINED)):
            low, middle, high = np.quantile(found[n, d, decayed], (0.1, 0.5, 0.9), axis=0)
            label = "decayed with the weights" if decayed else "not decayed (Flat prior)"
            axes.semilogx(strengths, middle, "o-", ms=4, color=colour, label=label)
            axes.fill_between(strengths, low, high, color=colour, alpha=0.2, lw=0)
        axes.semilogx(strengths, expected(n, d), "k:", label="expected when decayed")
        axes.set(title=f"n = {n} rows, d = {d} weights", xlabel="λ", ylim=(-0.02, 0.12))
    panels[0].set(ylabel="estimated bias: median, and 80 % of data sets")
    panels[1].legend(loc="upper left")
