"""Every row against its formula written down by hand: the second road to each number.

In the formulas s is sigma, lam the strength, r the share of L1 and phi, K, B ... as in the table.
"""

import math
from typing import Any

import pytest

from bayeswd.problem import conventions, knobs

SYMBOLS: dict[str, Any] = {
    "n": 7.0, "noise_scale": 1.3, "outputs": 3, "batch_size": 2, "batches": 5, "momentum": 0.9,
    "dispersion": 0.6, "sd_y": 5.5, "column_sd": 2.5, "beta": 0.7, "accumulation": 4,
    "class_weight_sum": 9.5, "irls_weight_sum": 11.5, "penalty_factor": 1.4, "eps": 17.0,
    "ess": 23.0, "lambd": 0.03,
}  # fmt: skip
LETTERS = {
    "n": 7.0, "s": 1.3, "K": 3, "B": 2, "nb": 5, "m": 0.9, "phi": 0.6, "sy": 5.5, "sx": 2.5,
    "beta": 0.7, "A": 4, "cw": 9.5, "iw": 11.5, "v": 1.4, "eps": 17.0, "ess": 23.0, "lambd": 0.03,
    "lam": 0.37,
}  # fmt: skip

# (tau^2, b); r divides b and 1 - r divides tau^2 wherever both are given
MEAN_SQUARES = ("2*s**2/(n*K*lam)", "2*s**2/(n*K*lam)")
MEAN_HALF = ("s**2/(n*lam)", "s**2/(n*lam)")
MEAN_NLL = ("1/(n*lam)", "1/(n*lam)")
MEAN_NLL_K = ("1/(n*K*lam)", "1/(n*K*lam)")
SUM_NLL = ("1/lam", "1/lam")
C = ("lam", "lam")

FORMULAS: dict[str, tuple[str | None, str | None]] = {
    "torch.SGD+MSELoss": MEAN_SQUARES,
    "torch.SGD+MSELoss:outputs": MEAN_SQUARES,
    "torch.SGD+MSELoss:sum": ("2*s**2/lam", "2*s**2/lam"),
    "torch.SGD+MSELoss:sum-minibatch": ("2*s**2/(nb*lam)", "2*s**2/(nb*lam)"),
    "torch.SGD+MSELoss:minibatch": MEAN_SQUARES,
    "torch.SGD+MSELoss:accumulated": ("2*s**2*A/(n*K*lam)", "2*s**2*A/(n*K*lam)"),
    "torch.SGD+MSELoss:bias-free": MEAN_SQUARES,
    "torch.MSELoss+L1": (None, "2*s**2/(n*K*lam)"),
    "torch.SGD+CrossEntropyLoss": MEAN_NLL,
    "torch.SGD+CrossEntropyLoss:sum": SUM_NLL,
    "torch.SGD+CrossEntropyLoss:weight": ("1/(cw*lam)", "1/(cw*lam)"),
    "torch.SGD+BCEWithLogitsLoss": MEAN_NLL_K,
    "torch.SGD+BCEWithLogitsLoss:sum": SUM_NLL,
    "torch.SGD+PoissonNLLLoss": MEAN_NLL_K,
    "torch.SGD+PoissonNLLLoss:sum": SUM_NLL,
    "torch.SGD+HuberLoss": ("s**2/(n*K*lam)", "s**2/(n*K*lam)"),
    "torch.SGD+SmoothL1Loss": ("s**2/(n*K*beta*lam)", "s**2/(n*K*beta*lam)"),
    "torch.SGD+GaussianNLLLoss": MEAN_NLL_K,
    "torch.Adam+MSELoss": MEAN_SQUARES,
    "torch.NAdam+MSELoss": MEAN_SQUARES,
    "torch.RAdam+MSELoss": MEAN_SQUARES,
    "torch.Adamax+MSELoss": MEAN_SQUARES,
    "torch.RMSprop+MSELoss": MEAN_SQUARES,
    "torch.Adagrad+MSELoss": MEAN_SQUARES,
    "torch.Adadelta+MSELoss": MEAN_SQUARES,
    "torch.ASGD+MSELoss": ("2*s**2/(n*K*(lam + lambd))", None),
    "torch.AdamW:large-eps": ("2*s**2/(n*K*lam*eps)", None),
    "d2l.scratch": ("s**2/(n*K*lam)", "s**2/(n*K*lam)"),
    "d2l.torch": MEAN_SQUARES,
    "d2l.tensorflow": ("s**2/(n*K*lam)", "2*s**2/(n*K*lam)"),
    "d2l.jax": ("s**2/(n*K*lam)", "s**2/(n*K*lam)"),
    "d2l.mxnet": ("s**2/(n*K*lam)", "s**2/(n*K*lam)"),
    "keras.L2": ("s**2/(n*K*lam)", None),
    "keras.L1": (None, "2*s**2/(n*K*lam)"),
    "keras.L1L2": ("s**2/(n*K*lam)", "2*s**2/(n*K*lam)"),
    "keras.L2:sum": ("s**2/lam", None),
    "keras.L2:cross-entropy": ("1/(2*n*K*lam)", None),
    "keras.SGD": ("2*s**2/(n*K*lam)", None),
    "keras.SGD:momentum": ("2*s**2/(n*K*lam*(1 - m))", None),
    "optax.sgd+squared_error": ("2*s**2/(n*K*lam)", None),
    "optax.sgd+l2_loss": ("s**2/(n*K*lam)", None),
    "optax.sgd+softmax_cross_entropy": ("1/(n*lam)", None),
    "optax.adam+squared_error": ("2*s**2/(n*K*lam)", None),
    "optax.trace+squared_error": ("2*s**2/(n*K*lam*(1 - m))", None),
    "sklearn.Ridge": ("s**2/lam", None),
    "sklearn.RidgeClassifier": ("s**2/lam", None),
    "sklearn.KernelRidge": ("s**2/lam", None),
    "sklearn.Lasso": (None, "s**2/(n*lam)"),
    "sklearn.LassoLars": (None, "s**2/(n*lam)"),
    "sklearn.ElasticNet": MEAN_HALF,
    "sklearn.LogisticRegression": C,
    "sklearn.LogisticRegression:liblinear": C,
    "sklearn.LogisticRegression:l1": C,
    "sklearn.LogisticRegression:elastic-net": C,
    "sklearn.LogisticRegression:multinomial": C,
    "sklearn.SGDRegressor": MEAN_HALF,
    "sklearn.SGDClassifier": MEAN_NLL,
    "sklearn.MLPRegressor": ("s**2/lam", None),
    "sklearn.MLPRegressor:minibatch": ("s**2*B/(n*lam)", None),
    "sklearn.MLPRegressor:outputs": ("s**2*B/(n*lam)", None),
    "sklearn.MLPClassifier": ("1/lam", None),
    "sklearn.MLPClassifier:minibatch": ("B/(n*lam)", None),
    "sklearn.BayesianRidge": ("1/lam", None),
    "sklearn.ARDRegression": ("1/lam", None),
    "sklearn.PoissonRegressor": ("1/(n*lam)", None),
    "sklearn.GammaRegressor": ("phi/(n*lam)", None),
    "sklearn.TweedieRegressor": ("s**2/(n*lam)", None),
    "sklearn.LinearSVC": ("lam", None),
    "sklearn.LinearSVR": ("lam", None),
    "sklearn.HuberRegressor": ("s/lam", None),
    "sklearn.QuantileRegressor": (None, "s/(n*lam)"),
    "statsmodels.OLS": ("s**2/(n*lam)", None),
    "statsmodels.OLS:elastic-net": MEAN_HALF,
    "statsmodels.OLS:l1": (None, "s**2/(n*lam)"),
    "statsmodels.GLM:gaussian": MEAN_HALF,
    "statsmodels.GLM:gaussian-ridge": ("1/(n*lam)", None),
    "statsmodels.GLM": MEAN_NLL,
    "statsmodels.GLM:gamma": ("phi/(n*lam)", "phi/(n*lam)"),
    "statsmodels.Logit": (None, "1/lam"),
    "statsmodels.Poisson": (None, "1/lam"),
    "celer.Lasso": (None, "s**2/(n*lam)"),
    "celer.ElasticNet": MEAN_HALF,
    "celer.LogisticRegression": (None, "lam"),
    "skglm.Lasso": (None, "s**2/(n*lam)"),
    "skglm.ElasticNet": MEAN_HALF,
    "skglm.SparseLogisticRegression": (None, "1/(n*lam)"),
    "glum.GeneralizedLinearRegressor": MEAN_HALF,
    "glum.GeneralizedLinearRegressor:poisson": MEAN_NLL,
    "glum.GeneralizedLinearRegressor:gamma": ("phi/(n*lam)", "phi/(n*lam)"),
    "glum.GeneralizedLinearRegressor:scaled": ("s**2/(n*lam*sx**2)", "s**2/(n*lam*sx)"),
    "glmnet.gaussian": ("s**2*sy/(n*lam*sx**2)", "s**2/(n*lam*sx)"),
    "glmnet.gaussian:ridge": ("s**2*sy/(n*lam)", None),
    "glmnet.gaussian:lasso": (None, "s**2/(n*lam)"),
    "glmnet.gaussian:elastic-net": ("s**2*sy/(n*lam)", "s**2/(n*lam)"),
    "glmnet.gaussian:object": MEAN_HALF,
    "glmnet.gaussian:penalty-factor": (None, "s**2/(n*lam*v)"),
    "glmnet.binomial": ("1/(n*lam*sx**2)", "1/(n*lam*sx)"),
    "glmnet.poisson": ("1/(n*lam*sx**2)", "1/(n*lam*sx)"),
    "python-glmnet.ElasticNet": ("s**2*sy/(n*lam*sx**2)", "s**2/(n*lam*sx)"),
    "xgboost.gblinear:reg_lambda": ("s**2/(n*lam)", None),
    "xgboost.gblinear:reg_alpha": (None, "s**2/(n*lam)"),
    "xgboost.gblinear:logistic": ("1/(n*lam)", None),
    "xgboost.gbtree:reg_lambda": ("s**2/lam", None),
    "xgboost.gbtree:reg_alpha": (None, "s**2/lam"),
    "xgboost.gbtree:logistic": ("1/lam", None),
    "lightgbm.lambda_l2": ("s**2/lam", None),
    "lightgbm.lambda_l1": (None, "s**2/lam"),
    "vw.sgd:l2": ("2*s**2/(n*lam)", None),
    "vw.sgd:l1": (None, "2*s**2/(n*lam)"),
    "vw.sgd:logistic": ("1/(n*lam)", None),
    "vw.bfgs:l2": ("2*s**2/lam", None),
    "vw.bfgs:logistic": ("1/lam", None),
    "spark.LinearRegression": ("s**2*sy/(n*lam*sx**2)", "s**2/(n*lam*sx)"),
    "spark.LinearRegression:raw": ("s**2*sy/(n*lam)", "s**2/(n*lam)"),
    "spark.LinearRegression:normal": ("s**2*sy/(n*lam*sx**2)", "s**2/(n*lam*sx)"),
    "spark.LogisticRegression": ("1/(n*lam*sx**2)", "1/(n*lam*sx)"),
    "spark.GeneralizedLinearRegression:poisson": ("1/(iw*lam)", None),
    "spark.GeneralizedLinearRegression:binomial": ("1/(iw*lam)", None),
    "spark.GeneralizedLinearRegression:gaussian": ("s**2*sy/(n*lam*sx**2)", None),
    "h2o.GLM": ("s**2/(n*lam*sx**2)", "s**2/(n*lam*sx)"),
    "h2o.GLM:binomial": ("1/(n*lam*sx**2)", "1/(n*lam*sx)"),
    "h2o.GLM:poisson": ("1/(n*lam*sx**2)", "1/(n*lam*sx)"),
    "liblinear.train": ("lam", None),
    "liblinear.train:R": ("lam", None),
    "liblinear.train:l1": (None, "lam"),
    "cuml.Ridge": ("s**2/lam", None),
    "cuml.Lasso": (None, "s**2/(n*lam)"),
    "cuml.ElasticNet": MEAN_HALF,
    "cuml.LogisticRegression": C,
    "cuml.LogisticRegression:unnormalized": ("lam/n", "lam/n"),
    "cuml.MBSGDRegressor": ("s**2/(n*lam)", "2*s**2/(n*lam)"),
    "rstanarm.stan_glm": ("(lam*sy/sx)**2", None),
    "rstanarm.stan_glm:binomial": ("(lam/sx)**2", None),
    "bambi.Model": ("(lam*sy/sx)**2", None),
    "bambi.Model:bernoulli": ("(lam/sx)**2", None),
    "laplace.Laplace": ("1/lam", None),
    "laplace.marglik_training": ("1/(K*lam)", None),
    "ivon.IVON": ("1/(ess*lam)", None),
    "posteriors.log_posterior": ("lam**2", None),
    "pyro.Normal": ("lam**2", None),
    "pyro.Laplace": (None, "lam"),
    "pyro.AutoDelta": ("1/lam", None),
}


def by_hand(formula: str | None) -> float | None:
    return None if formula is None else float(eval(formula, {}, dict(LETTERS)))


def test_every_row_with_a_prior_has_its_formula_here() -> None:
    with_a_prior = {row.name for row in knobs.rows().values() if row.status != knobs.NO_PRIOR}
    assert with_a_prior == set(FORMULAS)


@pytest.mark.parametrize("name", FORMULAS)
def test_the_map_of_a_row_is_its_formula(name: str) -> None:
    row = knobs.rows()[name]
    tau_squared, scale = map(by_hand, FORMULAS[name])
    for penalty in row.penalties:
        ratio = {"l2": 0.0, "l1": 1.0}.get(penalty, 0.3)
        found = conventions.reading(name, 0.37, penalty=penalty, l1_ratio=ratio, **SYMBOLS)
        if ratio < 1:
            assert tau_squared is not None
            expected = math.sqrt(tau_squared / (1 - ratio))
            assert found.l2_scale == pytest.approx(expected, rel=1e-12)
        if ratio > 0:
            assert scale is not None
            assert found.l1_scale == pytest.approx(scale / ratio, rel=1e-12)
        assert (found.l1_scale is None) == (ratio == 0)
        assert (found.l2_scale is None) == (ratio == 1)


# likelihoods besides a row's first: sigma drops out, and categorical targets are not divided by K
OTHERS = {
    ("d2l.scratch", "bernoulli"): "1/(n*K*lam)",
    ("d2l.scratch", "categorical"): "1/(n*lam)",
    ("d2l.scratch", "poisson"): "1/(n*K*lam)",
    ("d2l.torch", "categorical"): "1/(n*lam)",
    ("d2l.tensorflow", "bernoulli"): "1/(2*n*K*lam)",
    ("keras.L2", "bernoulli"): "1/(2*n*K*lam)",
    ("keras.L2", "categorical"): "1/(2*n*lam)",
    ("keras.L2:cross-entropy", "categorical"): "1/(2*n*lam)",
    ("keras.SGD", "categorical"): "1/(n*lam)",
    ("sklearn.LogisticRegression", "categorical"): "lam",
    ("laplace.Laplace", "gaussian"): "1/lam",
    ("ivon.IVON", "gaussian"): "1/(ess*lam)",
    ("posteriors.log_posterior", "gaussian"): "lam**2",
    ("pyro.Normal", "gamma"): "lam**2",
    ("statsmodels.GLM", "bernoulli"): "1/(n*lam)",
}


@pytest.mark.parametrize(("name", "likelihood"), OTHERS)
def test_another_likelihood_has_its_own_map(name: str, likelihood: str) -> None:
    found = conventions.reading(name, 0.37, likelihood=likelihood, **SYMBOLS)
    assert found.variance == pytest.approx(by_hand(OTHERS[name, likelihood]), rel=1e-12)


@pytest.mark.parametrize("name", FORMULAS)
def test_round_trip(name: str) -> None:
    """strength -> prior -> strength, for every penalty and likelihood of the row."""
    row = knobs.rows()[name]
    for likelihood in row.likelihoods:
        for penalty in row.penalties:
            ratio = {"l2": 0.0, "l1": 1.0}.get(penalty, 0.3)
            asked: dict[str, Any] = {"likelihood": likelihood, **SYMBOLS}
            for strength in (1e-7, 0.37, 4e5):
                found = conventions.reading(name, strength, l1_ratio=ratio, **asked)
                back = conventions.strength_and_ratio(name, found, **asked)
                # ASGD's hidden decay is subtracted again: absolute, not relative
                hidden = SYMBOLS["lambd"] if row.hidden else 0.0
                assert back[0] == pytest.approx(strength, rel=1e-12, abs=1e-14 * hidden)
                assert back[1] == pytest.approx(ratio, rel=1e-12)
                assert conventions.strength(name, found, **asked) == back[0]
