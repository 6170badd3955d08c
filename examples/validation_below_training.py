"""Why is my validation loss below my training loss, and the unregularised model the better one?

Because of what is measured. In this program, after one from the book's forum, inputs of sd 0.01
teach the weights nothing: the losses are those of the N(0, 1) start. And the penalty, without its
square, is inside the reported training loss only. Repaired, the model without weight decay is far
worse, as it keeps its start; of the two exact modes neither is better.
"""

import common
import numpy as np
import torch
from torch import Tensor

import bayeswd as bw

options = common.options(__doc__)
n, seeds = 20, range(options.seed, options.seed + (2 if options.quick else 6))
# sd of the inputs, sd of the noise, learning rate, power of the norm in the penalty
PROGRAMS = {"posted": (0.01, 0.001, 0.003, 1), "repaired": (1.0, 0.01, 0.01, 2)}


# %% 20 rows to train on, 100 to validate; one loop for both programs, from a N(0, 1) start
def draw(input_sd: float, noise: float, seed: int) -> list[Tensor]:
    random = np.random.default_rng(seed)
    inputs = input_sd * random.standard_normal((n + 100, 200))
    targets = 0.05 + 0.01 * inputs.sum(1) + noise * random.standard_normal(n + 100)
    return [torch.as_tensor(part, device=options.device) for part in (inputs, targets[:, None])]


def train(sd: float, noise: float, rate: float, power: int, lam: float, seed: int) -> np.ndarray:
    """By epoch [100, 3]: running mean of loss + penalty; training loss, validation loss."""
    (inputs, targets), curves = draw(sd, noise, seed), []
    model, order = common.linear(inputs, seed, sd=1.0), np.random.default_rng(seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    for _ in range(100):
        reported = 0.0
        for rows in order.permutation(n).reshape(4, 5):
            loss = ((model(inputs[rows]) - targets[rows]) ** 2).mean() / 2
            loss = loss + lam * model.weight.norm() ** power / 2
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            reported += loss.item() / 4
        halves = ((model(inputs) - targets) ** 2 / 2).detach()
        curves.append((reported, float(halves[:n].mean()), float(halves[n:].mean())))
    return np.array(curves)


# %% Medians at the end; then the exact modes that the repaired program should come to
curves = {}
for name, program in PROGRAMS.items():
    for lam in (0.0, 3.0):
        runs = [train(*program, lam, seed) for seed in seeds]
        curves[name, lam], below = runs[0], sum(run[-1, 2] < run[-1, 0] for run in runs)
        ends = "loss + penalty {:.2g}, training loss {:.2g}, validation loss {:.2g},"
        print(f"{name}, lambda = {lam:g}:", ends.format(*np.median(runs, 0)[-1]))
        print(f"    the last is below the first in {below} of {len(runs)} runs")
inputs, targets = draw(1.0, 0.01, options.seed)
for lam in (1e-6, 3.0):
    priors = {"weight": bw.Gaussian(0.01 / (n * lam) ** 0.5), "bias": bw.Flat()}
    model, noise = common.linear(inputs, options.seed), bw.GaussianNoise(0.01)
    problem = bw.Problem(model, noise, priors, inputs[:n], targets[:n])
    outputs = problem.outputs(bw.exact.ridge(problem).params, inputs[n:])
    best = float(noise.loss(outputs, targets[n:]))
    print(f"exact mode, lambda = {lam:g}: validation {best:.4f}")

# %% One run of each; in the repaired program the training loss is without the penalty too
title = "The posted curves show the penalty and the start, not what was learned"
with common.drawing("validation_below_training", title, options) as panels:
    for axes, (name, column) in zip(panels, (("posted", 0), ("repaired", 1)), strict=True):
        for lam, colour in ((0.0, common.PRIOR), (3.0, common.POSTERIOR)):
            run = curves[name, lam]
            axes.semilogy(run[:, column], "--", color=colour, label=f"λ = {lam:g}, training")
            axes.semilogy(run[:, 2], color=colour, label=f"λ = {lam:g}, validation")
        axes.set(xlabel="epoch", ylabel="half the mean squared error", ylim=(1e-4, 300))
    panels[1].axhline(best, color="black", ls=":", label="λ = 3, exact mode, validation")
    panels[1].legend(loc=(0.5, 0.45))
    panels[0].set(title="As posted: λ = 3 only looks worse", ylabel="loss as reported")
    panels[1].set(title="Repaired: λ = 0 never leaves its start")
