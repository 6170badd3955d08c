"""My program trained with weight_decay=3 and ended. Did it end at the mode of that prior?

The program is run as it is, under observation. The review names its prior, the layer whose
initialisation did nothing, and how far from the mode it stopped; the same program with more epochs
shows that the distance is a matter of steps.
"""

import io
import tempfile
from pathlib import Path

import common

import bayeswd as bw
from bayeswd.report import style

options = common.options(__doc__)
EPOCHS = [10, 40, 160] if options.quick else [10, 20, 40, 80, 160, 320, 640]

# %% The program: the D2L book's concise one
PROGRAM = """
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed({seed})
x = torch.randn(20, 200)
y = x @ torch.full((200, 1), 0.01) + 0.05 + 0.01 * torch.randn(20, 1)
train = DataLoader(TensorDataset(x, y), batch_size=5, shuffle=True)
net = nn.LazyLinear(1)
net.weight.data.normal_(0, 0.01)
net.bias.data.fill_(0)
groups = [{{"params": net.weight, "weight_decay": 3}}, {{"params": net.bias}}]
optimizer = torch.optim.SGD(groups, lr=0.01)
for epoch in range({epochs}):
    for inputs, targets in train:
        loss = nn.MSELoss()(net(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""


def review(epochs: int) -> "bw.audit.Audit":
    """The audit of the program with so many epochs."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.py"
        path.write_text(PROGRAM.format(seed=options.seed, epochs=epochs))
        return bw.audit.script(str(path), noise_scale=0.01, output=io.StringIO())


# %% The review of the program as it stands
reviews = {epochs: review(epochs) for epochs in EPOCHS}
print(reviews[EPOCHS[0]])

# %% The same program, longer
steps = [found.converged["steps"] for found in reviews.values()]
apart = [found.converged["distance_sd"] for found in reviews.values()]
share = [100 * found.converged["initial_share"] for found in reviews.values()]
needed = reviews[EPOCHS[-1]].converged["steps_needed"]
for count, distance in zip(steps, apart, strict=True):
    print(f"{count} steps: {distance:.3g} posterior sd from the mode")

title = "The loop trains the prior it states, and stops long before it gets there"
with common.drawing("the_review_of_a_program", title, options) as (left, right):
    left.loglog(steps, apart, "o-", color=common.TRAINED)
    left.axhline(1, color="grey", linestyle="--", label="one posterior sd")
    left.axvline(needed, color=common.POSTERIOR, label=f"steps needed: {needed}")
    left.axvline(40, color="black", linestyle=":", label="the book's 40 steps")
    left.set(title="Distance of the farthest weight from the mode", xlabel="updates")
    left.set(ylabel="posterior sd")
    left.legend()
    right.semilogx(steps, share, "o-", color=common.TRAINED)
    right.axhline(0, color="grey", linewidth=0.8)
    right.set(title="What is left of the initial weights", xlabel="updates", ylabel="%")
    for axis in (left.xaxis, left.yaxis, right.xaxis):
        style.decade_ticks(axis)
