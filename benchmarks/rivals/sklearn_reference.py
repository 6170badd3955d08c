"""scikit-learn as a reference for exactness: `Ridge` and `BayesianRidge` against ours."""

from dataclasses import replace

import numpy as np
from sklearn.linear_model import BayesianRidge, Ridge

from bayeswd.posterior import conjugate
from benchmarks.ours.problems import problem_of
from benchmarks.posed import PROBLEMS, Posed


def agreement() -> str:
    """How far the exact posterior is from scikit-learn's, in one line."""
    posed = PROBLEMS["d2l-gaussian"]()
    diabetes = PROBLEMS["diabetes-laplace"]()
    mean, covariance = of_bayesian_ridge(diabetes)
    return (
        f"Ridge's coefficients on {posed.name} differ from the exact mean by "
        f"{of_ridge(posed):.0e} of the largest; BayesianRidge on diabetes, at the scales that it "
        f"finds, by {mean:.0e} in the mean and {covariance:.0e} in the covariance"
    )


def of_ridge(posed: Posed) -> float:
    """Ridge against the exact mean, relative to the largest weight."""
    strength = (posed.noise_scale / posed.scale) ** 2
    fitted = Ridge(alpha=strength, fit_intercept=False).fit(posed.inputs, posed.targets)
    mean = conjugate.posterior(problem_of(posed)).mean["weight"][0].numpy()
    return _relative(mean, fitted.coef_)


def of_bayesian_ridge(posed: Posed) -> tuple[float, float]:
    """Mean and covariance at the noise and prior scales that BayesianRidge settles on."""
    fitted = BayesianRidge(fit_intercept=False, tol=1e-12, max_iter=10_000)
    fitted.fit(posed.inputs, posed.targets)
    scales = {"noise_scale": fitted.alpha_**-0.5, "scale": fitted.lambda_**-0.5}
    exact = conjugate.posterior(problem_of(replace(posed, prior="gaussian", **scales)))
    assert exact.covariance is not None
    return (
        _relative(exact.mean["weight"][0].numpy(), fitted.coef_),
        _relative(exact.covariance.numpy(), fitted.sigma_),
    )


def _relative(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())
