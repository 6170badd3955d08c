"""What do "f = 0 is the simplest function" and "a small weight vector" mean?

Small is the norm |w|: not the number of weights, and not a box such as [-1, 1]. It bounds how far
an output can move, |f(x) - f(x')| <= |w| |x - x'|, and it is the distance from the prior's mode
w = 0, where nothing of x is used: lambda -> infinity. No penalty, lambda = 0, is the other end.
"""

import common
import torch
from torch.nn.functional import pdist

import bayeswd as bw

options = common.options(__doc__)
NOISE = 0.01
inputs, targets, unseen, _ = common.d2l(options)
n, d = inputs.shape

# %% Three vectors of 200 weights, and what a Gaussian prior of sd 0.01 says of them
single = torch.zeros(d)
single[0] = 0.01 * d**0.5
vectors = {"200 weights of 0.01": torch.full((d,), 0.01), "one of 0.1414, the rest 0": single}
vectors["200 weights of 1 or -1"] = 1 - 2 * (torch.arange(d) % 2.0)
prior = bw.Gaussian(0.01)
for name, vector in vectors.items():
    nats = float(prior.penalty(vector) - prior.penalty(torch.zeros(d)))
    print(f"{name:>25}: |w| = {float(vector.norm()):7.4f}, log P(w) {nats:.6g} nats below w = 0")

# %% The exact modes from almost no penalty to almost nothing but penalty
strengths = torch.logspace(-4, 4, 9 if options.quick else 33).tolist()
readings = [bw.conventions.reading("d2l", s, n=n, noise_scale=NOISE) for s in strengths]
priors = {"weight": bw.Gaussian(readings[0].scale), "bias": bw.Flat()}
model = common.linear(inputs, options.seed)
problem = bw.Problem(model, bw.GaussianNoise(NOISE), priors, inputs, targets)
modes = [mode.params for mode in bw.exact.ridge_path(problem, [r.scale for r in readings])]
norms = [float(mode["weight"].norm()) for mode in modes]
steepest, spread = [], []
for mode in modes:
    outputs = problem.outputs(mode, unseen)
    steepest.append(float((pdist(outputs) / pdist(unseen)).max()))
    spread.append(float(outputs.std()))
print("    lambda      |w|  largest |f(x) - f(x')|/|x - x'|  sd of f over 100 unseen x")
for row in list(zip(strengths, norms, steepest, spread, strict=True))[:: len(strengths) // 8]:
    print("{:10.4g} {:8.5f} {:18.5f} {:22.5f}".format(*row))

# %% The norm, and what it bounds, over lambda; the outputs on the way from one x to another
with common.drawing(
    "what_small_means",
    "|w| bounds how far f can move; f = 0 is the end λ → ∞, and λ = 0 the other end",
    options,
) as (left, right):
    left.loglog(strengths, norms, color=common.POSTERIOR, label="|w|")
    slope = "largest |f(x) - f(x′)| / |x - x′|"
    left.loglog(strengths, steepest, color=common.TRAINED, label=slope)
    left.set(title="λ → 0 ends at the smallest w that fits, not at w = 0", xlabel="λ")
    left.legend(loc="lower left")
    outputs = problem.outputs(modes[0], unseen)[:, 0]
    first, last = unseen[int(outputs.argmin())], unseen[int(outputs.argmax())]
    way = torch.linspace(0, 1, 2).to(inputs)[:, None]
    for wanted, colour in zip(
        (1e-4, 1, 10, 100, 1e4), ("0", "0.25", "0.4", "0.55", "0.7"), strict=True
    ):
        index = min(range(len(strengths)), key=lambda i: abs(strengths[i] / wanted - 1))
        line = problem.outputs(modes[index], first + way * (last - first))
        right.plot(way.cpu(), line.cpu(), color=colour, label=f"λ = {strengths[index]:g}")
    right.set(title="λ → ∞: nothing of x is used, only the bias is left", ylabel="f")
    right.set_xticks([0, 1], ["one unseen x", "another"])
    right.legend()
