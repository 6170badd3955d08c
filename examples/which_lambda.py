"""Exercises 1 and 2: how do the losses change with lambda, and which lambda is best?

On the book's data the validation loss of converged fits is nearly flat, far flatter than its own
standard error: it cannot choose. The evidence can, and finds the prior that the weights came from,
lambda = 0.05 (not the book's 3). Where there are as many rows as weights and the signal is no
larger than the noise, the loss has a clear minimum, and both agree.
"""

from collections.abc import Callable

import common
import numpy as np

import bayeswd as bw

options = common.options(__doc__)
DATA = {"d2l": (0.01, 0.01), "clear": (1.0, 0.1)}  # the true sd of the noise and of the weights
strengths = np.geomspace(1e-4, 1e3, 25 if options.quick else 71)
BY = ("validation", "leave-one-out", "evidence")

# %% All strengths at once: exact modes, their losses, and what each criterion makes of them
found, truth = {}, {}
for name, (noise, sd) in DATA.items():
    inputs, targets, unseen, wanted = common.load(name, options)
    n = len(inputs)
    scales = [bw.conventions.reading("d2l", s, n=n, noise_scale=noise).scale for s in strengths]
    priors = {"weight": bw.Gaussian(sd), "bias": bw.Flat()}
    model = common.linear(inputs, options.seed)
    problem = bw.Problem(model, bw.GaussianNoise(noise), priors, inputs, targets)
    found[name] = bw.select(problem, scales, validation=(unseen, wanted), by=BY)
    truth[name] = noise**2 / (n * sd**2)
    print(f"{name}: {n} rows, {inputs.shape[1]} weights; their own lambda is {truth[name]:.3g}")
    for choice in found[name].choices:
        own, *ends = (truth[name] * (sd / s) ** 2 for s in (choice.scale, *choice.interval))
        said = f"{ends[1]:.2g} to {ends[0]:.2g}" if choice.identified else "no bound"
        print(f"{choice.by:>16}: lambda = {own:.3g}; not to be told from it: {said}")
    losses = found[name].choice("validation")
    spread, error = max(losses.curve) / min(losses.curve) - 1, min(losses.error) / min(losses.curve)
    print(f"    the losses differ by {spread:.0%}; the standard error of one is {error:.0%}")


# %% Losses above, nats below their best below; lambda on the lower axis, prior sd on the upper
def axis_above(own: float, sd: float) -> tuple[Callable, Callable]:
    """λ -> prior sd, and back: the weights' own λ is the prior sd that they have."""
    return (lambda x: sd * (own / np.maximum(x, 1e-30)) ** 0.5), (
        lambda tau: own * (sd / np.maximum(tau, 1e-30)) ** 2
    )


title = "λ ↔ prior variance: on the book's data the loss cannot choose, but the evidence can"
with common.drawing("which_lambda", title, options, rows=2) as panels:
    for name, top, bottom in zip(DATA, panels[:2], panels[2:], strict=True):
        path, losses = found[name].path, found[name].choice("validation")
        x = strengths[::-1]  # scales ascend
        middle, error = np.array(losses.curve), np.array(losses.error)
        top.semilogx(x, path.train_losses, color="black", label="training loss")
        top.semilogx(x, middle, color=common.TRAINED, label="validation loss ± 1 standard error")
        top.fill_between(x, middle - error, middle + error, color=common.TRAINED, alpha=0.2, lw=0)
        top.set(
            title=f"{name}: half the mean squared error; above, the prior sd",
            ylim=(0, 2.2 * min(middle)),
        )
        for by, colour in (("leave-one-out", common.PYRO), ("evidence", common.POSTERIOR)):
            curve = np.array(found[name].choice(by).curve)
            bottom.semilogx(x, curve - max(curve), color=colour, label=by)
        bottom.set(title="nats below the best", ylim=(-12, 1), xlabel="λ")
        for axes in (top, bottom):
            axes.axvline(truth[name], color=common.PRIOR, ls=":", label="the weights' own λ")
        top.secondary_xaxis("top", functions=axis_above(truth[name], DATA[name][1]))
    panels[0].legend()
    panels[3].legend()
