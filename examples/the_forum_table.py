"""The forum's table of losses at lambda = 0, 1, ..., 10: is the first of the plateau best?

No: it shows the start being forgotten, not the prior at work. 20 rows say nothing on 180 of 200
directions; there 400 steps leave (1 - 2 lr lambda)^400 of the first weights. lambda = 1 had not
converged: it is the worst row above 0. The rows from 2 on differ by less than 100 test rows can
tell, and at the exact minima of the same loss lambda = 1 is no better than lambda = 0.000001.
"""

import common
import torch
from torch import Tensor

import bayeswd as bw

options = common.options(__doc__)
strengths, rate = torch.arange(11, dtype=torch.float64), 0.003
POSTED = (1.914, 0.0354, 0.0181)  # at 0, 1, 2; at 3 to 10 between 0.0171 and 0.0180
seeds = range(options.seed, options.seed + (3 if options.quick else 20))

# %% The book's programs: factors on the loss, lambda w and the report; first weights, z ~ N(0, 1)
PROGRAMS = {
    "from scratch, PyTorch": (1, 1, 0.5, lambda z: z),
    "concise, PyTorch": (2, 1, 1, lambda z: z),
    "from scratch, TensorFlow": (1, 1, 0.5, lambda z: 1 + z),
    "concise, TensorFlow": (2, 2, 1, lambda z: z * (2 / 201) ** 0.5),  # the sd of Glorot's start
}


def trained(program: tuple, seed: int, kept: float = 1.0) -> Tensor:
    """Test losses [11] after 400 steps of SGD from `kept` times the program's first weights."""
    (loss, decay, reported, first), random = program, torch.Generator().manual_seed(seed)
    inputs, targets, unseen, wanted = common.d2l(options, seed)
    start = first(torch.randn(200, generator=random, dtype=torch.float64)).to(inputs)
    weights, bias = kept * start.repeat(11, 1), torch.zeros(11, 1).to(inputs)
    pull = decay * strengths.to(inputs)[:, None]
    for _ in range(100):
        for rows in torch.randperm(20, generator=random).reshape(4, 5):
            misses = weights @ inputs[rows].T + bias - targets[rows, 0]
            weights = weights - rate * (loss * misses @ inputs[rows] / 5 + pull * weights)
            bias = bias - rate * loss * misses.mean(1, keepdim=True)
    return reported * ((weights @ unseen.T + bias - wanted[:, 0]) ** 2).mean(1).cpu()


def exact(seed: int) -> Tensor:
    """Test losses [11] at the exact minima of "concise, TensorFlow", lambda = 1e-6 for 0."""
    inputs, targets, unseen, wanted = common.d2l(options, seed)
    asked, noise = strengths.clamp(min=1e-6).tolist(), bw.GaussianNoise(0.01)
    scales = [bw.conventions.reading("keras.L2", s, n=20, noise_scale=0.01).scale for s in asked]
    priors = {"weight": bw.Gaussian(scales[0]), "bias": bw.Flat()}
    problem = bw.Problem(common.linear(inputs, seed), noise, priors, inputs, targets)
    outputs = [problem.outputs(one.params, unseen) for one in bw.exact.ridge_path(problem, scales)]
    return torch.stack([((output - wanted) ** 2).mean() for output in outputs]).cpu()


# %% Which program made the table? Medians over data sets and starts
runs = {name: [trained(each, seed) for seed in seeds] for name, each in PROGRAMS.items()}
runs["the same from w = 0"] = [trained([*PROGRAMS.values()][-1], seed, 0.0) for seed in seeds]
runs["its exact minima"] = [exact(seed) for seed in seeds]
middle = {name: torch.stack(run).quantile(0.5, 0).tolist() for name, run in runs.items()}
print(" " * 20, "test loss at lambda = 0        1        2    3 to 10")
for name, row in {**middle, "posted": [*POSTED, 0.0171, 0.018]}.items():
    numbers = (*row[:3], min(row[3:]), max(row[3:]))
    print("{:>33}: {:8.4g} {:8.4g} {:8.4g}   {:.4g} to {:.4g}".format(name, *numbers))

# %% Left: one program gives the posted table. Right: what is left of it without its start
title = "The table shows the start decaying; the exact minima are flat in λ"
with common.drawing("the_forum_table", title, options) as (left, right):
    colours = (*common.OTHERS, common.TRAINED, "0.4", common.POSTERIOR)
    looks = dict(zip(middle, colours, strict=True))
    error = 0.02 * (2 / 100) ** 0.5  # of a mean of 100 squares of normal misses
    right.errorbar(10.6, 0.02, error, color="black", capsize=3, label="± 1 standard error")
    for axes, names in ((left, [*middle][:4]), (right, [*middle][3:])):
        for name in names:
            axes.plot(strengths, middle[name], "o-", ms=4, color=looks[name], label=name)
        axes.plot(range(3), POSTED, "kx", ms=8, zorder=5, label="posted (3 to 10: the bar)")
        axes.fill_between((3, 10), 0.0171, 0.018, color="0.7", lw=0, zorder=0)
        axes.set_xlabel("λ")
        axes.legend()
    left.set(yscale="log", title="One of the programs gives the table", ylabel="test loss")
    right.set(ylim=(0.014, 0.04), title="From w = 0, or converged, there is no drop")
