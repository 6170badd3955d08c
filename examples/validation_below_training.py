"""Why is my validation loss below my training loss, and the unregularised model the better one?

Because of what is measured. In this program, after one from the book's forum, inputs of sd 0.01
teach the weights nothing: the losses are those of the N(0, 1) start. And the penalty, which
lacks its square, is inside the training loss that is reported, but not in the validation loss.
"""

from collections.abc import Callable

import common
import numpy as np
import torch
from torch import Tensor

import bayeswd as bw

options = common.options(__doc__)
n, seeds = 20, range(options.seed, options.seed + (2 if options.quick else 10))


# %% 20 rows to train on, 100 to validate; one loop for both programs, from a N(0, 1) start
def draw(input_sd: float, noise: float, seed: int) -> tuple[Tensor, Tensor]:
    random = np.random.default_rng(seed)
    inputs = input_sd * random.standard_normal((n + 100, 200))
    targets = 0.05 + 0.01 * inputs.sum(1) + noise * random.standard_normal(n + 100)
    return torch.as_tensor(inputs).to(options.device), torch.as_tensor(targets).to(options.device)


def train(
    data: tuple[Tensor, Tensor], penalty: Callable[[Tensor], Tensor], rate: float, seed: int
) -> np.ndarray:
    """By epoch [100, 3]: the running mean of loss + penalty; training loss, validation loss."""
    (inputs, targets), curves = data, []
    model, order = common.linear(inputs, seed, sd=1.0), np.random.default_rng(seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    for _ in range(100):
        reported = 0.0
        for rows in order.permutation(n).reshape(4, 5):
            residual = model(inputs[rows])[:, 0] - targets[rows]
            loss = (residual**2).mean() / 2 + penalty(model.weight)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            reported += loss.item() / 4
        halves = ((model(inputs)[:, 0] - targets) ** 2 / 2).detach()
        curves.append((reported, float(halves[:n].mean()), float(halves[n:].mean())))
    return np.array(curves)


# %% As posted: inputs of sd 0.01, the norm without its square, reported with the loss
def posted_penalty(lam: float) -> Callable[[Tensor], Tensor]:
    return lambda weight: lam * weight.norm() / 2


posted = {}
for lam in (0.0, 3.0):
    runs = [train(draw(0.01, 0.001, s), posted_penalty(lam), 0.003, s) for s in seeds]
    posted[lam], below = runs[0], sum(run[-1, 2] < run[-1, 0] for run in runs)
    reported, fit, validation = np.median(runs, 0)[-1]
    print(f"Posted, lambda {lam:g}: reported {reported:.2g}, of which data {fit:.2g}; ", end="")
    print(f"validation {validation:.2g}, lower than reported on {below} of {len(runs)} data sets")
