"""CPU seconds for a path of estimates and for choosing among them, against scikit-learn.

    python benchmarks/estimate_paths.py [--repeats 5] [--strengths 60] [--json]

The same problems and the same strengths on both sides, one thread. `bayeswd.ridge_path` and
`lasso_path` certify every estimate (duality gap, KKT residual), the last column says how far the
two answers are apart, in units of the largest weight or loss. scikit-learn's lasso stops at its
default tolerance. The data are diabetes (440 x 10) and 200 drawn rows of 500 columns.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LassoCV, Ridge, RidgeCV, lasso_path
from torch import nn

from bayeswd.analysis import cross_validation, leave_one_out
from bayeswd.estimate import exact
from bayeswd.posterior import conjugate
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Gaussian, Laplace

FOLDS = 10
Answer = Callable[[], np.ndarray]


@dataclass(frozen=True)
class Race:
    """One task, ours and scikit-learn's way; both answers are arrays of one shape."""

    task: str
    ours: Answer
    theirs: Answer
    rival: str


def data(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Inputs with columns of mean 0 and sd 1, and targets."""
    if name == "diabetes":
        inputs, targets = load_diabetes(return_X_y=True, scaled=False)
        return (inputs - inputs.mean(0)) / inputs.std(0), targets
    random = np.random.default_rng(0)
    inputs = random.normal(size=(200, 500))
    weights = random.normal(size=500) * (random.random(500) < 0.04)
    return inputs, inputs @ weights + random.normal(size=200)


def races(name: str, count: int) -> list[Race]:
    """With noise 1 the ridge alpha is 1 / tau^2 and the lasso alpha 1 / (n b)."""
    inputs, targets = data(name)
    n = len(targets) // FOLDS * FOLDS  # folds of one size train on the same number of rows
    inputs, targets = inputs[:n], targets[:n]
    d = inputs.shape[1]
    model, noise = nn.Linear(d, 1), GaussianNoise(1.0)
    ridge = Problem(model, noise, {"weight": Gaussian(1.0), "bias": Flat()}, inputs, targets)
    lasso = Problem(model, noise, {"weight": Laplace(1.0), "bias": Flat()}, inputs, targets)
    most = abs(inputs.T @ (targets - targets.mean())).max()
    ridge_alphas = np.geomspace(1e-2 * n, 1e3 * n, count)[::-1]
    taus = (ridge_alphas**-0.5).tolist()
    forces = np.geomspace(most, 1e-2 * most, count)
    scales = (1 / forces).tolist()
    parts = cross_validation.deal(lasso, FOLDS)
    folds = [(np.setdiff1d(np.arange(n), part), part.numpy()) for part in parts]
    centred = targets - targets.mean()

    def ours_cross_validated() -> np.ndarray:
        # a fold trains on n - n / K rows: the same alpha there is another scale
        shares = [scale * n / (n - n // FOLDS) for scale in scales]
        losses, _ = cross_validation.held_out_losses(lasso, shares, parts, exact.lasso)
        return np.stack([losses[:, part].mean(1) for part in parts], 1) * 2

    def theirs_cross_validated() -> np.ndarray:
        return LassoCV(alphas=forces / n, cv=folds).fit(inputs, targets).mse_path_

    def weights_of(estimates: list) -> np.ndarray:
        return np.stack([estimate.params["weight"][0] for estimate in estimates])

    def theirs_left_out() -> np.ndarray:
        fitted = RidgeCV(alphas=ridge_alphas, store_cv_results=True).fit(inputs, targets)
        return fitted.cv_results_.T

    def ours_left_out() -> np.ndarray:
        left = leave_one_out.exact(ridge, taus)
        return np.stack([each.residuals[:, 0] ** 2 for each in left])

    def theirs_ridge() -> np.ndarray:
        return np.stack([Ridge(alpha=alpha).fit(inputs, targets).coef_ for alpha in ridge_alphas])

    def theirs_lasso() -> np.ndarray:
        return lasso_path(inputs, centred, alphas=forces / n)[1].T

    return [
        Race(
            "ridge, certified",
            lambda: weights_of(exact.ridge_path(ridge, taus)),
            theirs_ridge,
            "Ridge, one by one",
        ),
        Race(
            "ridge, posterior",
            lambda: np.stack([p.mean["weight"][0] for p in conjugate.path(ridge, taus)]),
            theirs_ridge,
            "Ridge, one by one",
        ),
        Race("ridge, leave one out", ours_left_out, theirs_left_out, "RidgeCV"),
        Race(
            "lasso, certified",
            lambda: weights_of(exact.lasso_path(lasso, scales)),
            theirs_lasso,
            "lasso_path",
        ),
        Race(f"lasso, {FOLDS} folds", ours_cross_validated, theirs_cross_validated, "LassoCV"),
    ]


def seconds(answer: Answer, repeats: int) -> float:
    """Median CPU seconds, after one run that fills caches."""
    answer()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        answer()
        times.append(time.process_time() - start)
    return statistics.median(times)


def measure(race: Race, repeats: int) -> dict[str, object]:
    """Times of both, and how far their answers are apart."""
    ours, theirs = race.ours(), race.theirs()
    apart = float(abs(ours - theirs).max() / abs(theirs).max())
    times = {"ours": seconds(race.ours, repeats), "theirs": seconds(race.theirs, repeats)}
    return {"task": race.task, "rival": race.rival, **times, "apart": apart}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--strengths", type=int, default=60)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found = {
        name: [measure(race, arguments.repeats) for race in races(name, arguments.strengths)]
        for name in ("diabetes", "200 x 500")
    }
    if arguments.json:
        print(json.dumps({"strengths": arguments.strengths, "races": found}))
        return
    print(f"{arguments.strengths} strengths, CPU seconds")
    for name, rows in found.items():
        for row in rows:
            print(
                f"{name:10} {row['task']:21} {row['ours']:7.3f}   {row['rival']:18}"
                f" {row['theirs']:7.3f}   {row['ours'] / row['theirs']:6.1f} x"
                f"   apart {row['apart']:.0e}"
            )


if __name__ == "__main__":
    main()
