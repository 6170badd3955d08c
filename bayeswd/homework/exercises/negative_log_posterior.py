"""Exercise 6 of the section: the negative log posterior of linear regression."""

from __future__ import annotations

from random import Random

from torch import Tensor

from bayeswd.homework.calls import number, tensor
from bayeswd.homework.exercise import Accepted, Arguments, Exercise, Mistake, Special
from bayeswd.homework.exercises import drawing
from bayeswd.homework.exercises.linear_problems import draw_scales
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.priors import Gaussian, Laplace


def _misfit(w: Tensor, X: Tensor, y: Tensor, noise: float) -> Tensor:
    return GaussianNoise(noise).misfit((X @ w)[:, None], y[:, None])


def _objective(w: Tensor, X: Tensor, y: Tensor, noise: float, scale: float) -> Tensor:
    return _misfit(w, X, y, noise) + Gaussian(scale).penalty(w)


def _draw(random: Random) -> Arguments:
    X, y, noise, scale = draw_scales(random)
    return tensor(drawing.numbers(random, X.shape[1])), X, y, noise, scale


def _twin(random: Random, arguments: Arguments) -> Arguments:
    """The same data and scales at weights of another size."""
    others = drawing.numbers(random, arguments[0].shape[0], 0.6, 4.0)
    return tensor(others), *arguments[1:]


_EXAMPLE = (
    tensor([1.0, -0.5]),
    tensor([[1.0, 2.0], [0.0, 1.0], [3.0, -1.0]]),
    tensor([1.0, 0.5, 2.0]),
    number(0.5),
    number(2.0),
)

EXERCISE = Exercise(
    id="negative_log_posterior",
    title="The negative log posterior",
    prompt="Exercise 6 of the section. y = X w + noise, without a bias; the noise of each target "
    "is N(0, noise_scale^2), each weight is N(0, prior_scale^2) beforehand. Return the negative "
    "log posterior of w.",
    convention="In nats, summed over the examples; any constant that does not depend on w may be "
    "kept or left out.",
    interface="negative_log_posterior(w, X, y, noise_scale, prior_scale)",
    points=2,
    accepted=(Accepted(_objective),),
    mistakes=(
        Mistake(
            "NLP.PRIOR_SIGN",
            lambda w, X, y, s, t: _misfit(w, X, y, s) - Gaussian(t).penalty(w),
            "Your log prior has the wrong sign: your answer makes large weights more probable.",
        ),
        Mistake(
            "NLP.LOG_POSTERIOR",
            lambda w, X, y, s, t: -_objective(w, X, y, s, t),
            "Your answer is the log posterior; its NEGATIVE is asked for.",
        ),
        Mistake(
            "NLP.ONLY_LIKELIHOOD",
            lambda w, X, y, s, t: _misfit(w, X, y, s),
            "Your answer is the negative log likelihood: the prior has no effect.",
            "misconception",
        ),
        Mistake(
            "NLP.ONLY_PRIOR",
            lambda w, X, y, s, t: Gaussian(t).penalty(w),
            "Your answer is the negative log prior: the data have no effect.",
        ),
        Mistake(
            "NLP.MEAN_LIKELIHOOD",
            lambda w, X, y, s, t: _misfit(w, X, y, s) / len(y) + Gaussian(t).penalty(w),
            "Your likelihood is averaged over the examples and your prior is not: the prior is "
            "n times too strong. Probabilities of independent examples multiply.",
            "misconception",
        ),
        Mistake(
            "NLP.PRIOR_PER_EXAMPLE",
            lambda w, X, y, s, t: _misfit(w, X, y, s) + len(y) * Gaussian(t).penalty(w),
            "Your prior is counted once for every example. How often is it multiplied in?",
            "misconception",
        ),
        Mistake(
            "NLP.MEAN",
            lambda w, X, y, s, t: _objective(w, X, y, s, t) / len(y),
            "Your answer is the negative log posterior divided by n: same minimum, but no longer "
            "a log probability.",
        ),
        Mistake(
            "NLP.LOSS_UNITS",
            lambda w, X, y, s, t: _objective(w, X, y, s, t) * s**2 / len(y),
            "Your answer is the penalised loss of the book, with the right lambda: same minimum, "
            "but not in nats. What divides the squared error in a log density?",
        ),
        Mistake(
            "NLP.NOISE_NOT_SQUARED",
            lambda w, X, y, s, t: _misfit(w, X, y, s) * s + Gaussian(t).penalty(w),
            "Your likelihood has sigma where its square belongs.",
        ),
        Mistake(
            "NLP.SCALE_NOT_SQUARED",
            lambda w, X, y, s, t: _misfit(w, X, y, s) + Gaussian(t).penalty(w) * t,
            "Your prior has tau where its square belongs: prior_scale is a standard deviation.",
        ),
        Mistake(
            "NLP.VARIANCE_FOR_PRECISION",
            lambda w, X, y, s, t: _misfit(w, X, y, s) + Gaussian(1 / t).penalty(w),
            "Your prior is multiplied by tau^2 where it should be divided: a narrow prior should "
            "pull harder.",
        ),
        Mistake(
            "NLP.SCALES_SWAPPED",
            lambda w, X, y, s, t: _objective(w, X, y, t, s),
            "noise_scale and prior_scale seem to be swapped.",
        ),
        Mistake(
            "NLP.NO_HALVES",
            lambda w, X, y, s, t: 2 * _objective(w, X, y, s, t),
            "Your answer is twice what it should be: look at the exponent of a Gaussian again.",
        ),
        Mistake(
            "NLP.LIKELIHOOD_WITHOUT_HALF",
            lambda w, X, y, s, t: 2 * _misfit(w, X, y, s) + Gaussian(t).penalty(w),
            "Your likelihood lacks the half of a Gaussian's exponent; your prior has it.",
        ),
        Mistake(
            "NLP.PRIOR_WITHOUT_HALF",
            lambda w, X, y, s, t: _misfit(w, X, y, s) + 2 * Gaussian(t).penalty(w),
            "Your prior lacks the half of a Gaussian's exponent; your likelihood has it.",
        ),
        Mistake(
            "NLP.NO_SCALES",
            lambda w, X, y, s, t: _objective(w, X, y, 1.0, 1.0),
            "Your answer does not depend on the two scales: it takes both of them as 1.",
        ),
        Mistake(
            "NLP.LAPLACE_PRIOR",
            lambda w, X, y, s, t: _misfit(w, X, y, s) + Laplace(t).penalty(w),
            "Your prior is a Laplace prior: its exponent is |w|. A Gaussian's is another.",
            "misconception",
        ),
    ),
    draw=_draw,
    specials=(Special("an example", _EXAMPLE),),
    twin=_twin,
    hint="It is a sum of two terms, one for the targets and one for the weights; each is the "
    "exponent of a Gaussian, with the sign turned.",
)
