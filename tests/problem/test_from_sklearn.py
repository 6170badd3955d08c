"""Fitted scikit-learn models: their weights are the mode of the problem that is read from them."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn import linear_model
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import bayeswd as bw
from bayeswd.errors import InputError
from bayeswd.problem.priors import ElasticNet, Flat, Gaussian, Laplace
from bayeswd.problem.stationarity import kkt_residual

N, SIGMA = 60, 35.0


def data(kind="gaussian", outputs=1):
    """Inputs [60, 4] of unequal scales and means, and targets of this kind."""
    generator = np.random.default_rng(11)
    scales, means = np.array([0.7, 1.0, 1.6, 1.2]), np.array([0.3, -0.4, 0.9, 0.2])
    inputs = means + scales * generator.standard_normal((N, 4))
    truth = np.array([[1.2, -0.9, 0.5, 0.02]]).T * np.arange(1, outputs + 1)
    signal = inputs @ truth + 0.7
    if kind == "labels":
        return inputs, np.where(generator.logistic(size=N) < signal[:, 0], "yes", "no")
    if kind == "classes":
        logits = inputs @ generator.standard_normal((4, 3))
        return inputs, (logits + generator.gumbel(size=logits.shape)).argmax(1)
    if kind == "counts":
        return inputs, generator.poisson(np.exp(0.3 * signal[:, 0]))
    noisy = signal + generator.standard_normal(signal.shape)
    return inputs, noisy[:, 0] if outputs == 1 else noisy


def under(problem, factor):
    """The problem with every penalty `factor` times as strong."""

    def change(name, prior):
        if isinstance(prior, Gaussian):
            return Gaussian(prior.scale * factor**-0.5)
        if isinstance(prior, ElasticNet):
            return ElasticNet(prior.l1_scale / factor, prior.l2_scale * factor**-0.5)
        return Laplace(prior.scale / factor) if isinstance(prior, Laplace) else prior

    return problem.with_priors(change)


def logistic(**options):
    return linear_model.LogisticRegression(tol=1e-10, max_iter=20_000, **options)


@dataclass
class Case:
    """An estimator, and the factor on the penalty that the commonest wrong map has."""

    estimator: Any
    wrong: float = N
    kind: str = "gaussian"
    outputs: int = 1
    prior: type = Gaussian
    bias: type = Flat

    def __str__(self):
        return str(self.estimator)[:60]


TIGHT = {"tol": 1e-13, "max_iter": 100_000}
CASES = [
    Case(linear_model.Ridge(6.0)),
    Case(linear_model.Ridge(6.0), outputs=3),
    Case(linear_model.RidgeCV(alphas=(3.0, 9.0)), 2),
    Case(linear_model.Lasso(0.2, **TIGHT), 2, prior=Laplace),
    Case(linear_model.Lasso(0.2, **TIGHT), 2, outputs=2, prior=Laplace),
    Case(linear_model.LassoLars(0.2), 2, prior=Laplace),
    Case(linear_model.LassoCV(cv=3, alphas=[0.1, 0.3], **TIGHT), 2, prior=Laplace),
    Case(linear_model.ElasticNet(0.3, l1_ratio=0.4, **TIGHT), 2, prior=ElasticNet),
    Case(linear_model.ElasticNet(0.3, l1_ratio=1.0, **TIGHT), 2, prior=Laplace),
    Case(
        linear_model.ElasticNetCV(l1_ratio=[0.3, 0.6], cv=3, alphas=[0.2, 0.4], **TIGHT),
        2,
        prior=ElasticNet,
    ),
    Case(linear_model.BayesianRidge(tol=1e-12, max_iter=2000)),
    Case(linear_model.PoissonRegressor(alpha=0.3, tol=1e-10), 1 / N, "counts"),
    Case(logistic(C=0.7), 1 / 0.7**2, "labels"),
    Case(logistic(C=0.7, solver="newton-cholesky"), 1 / 0.7**2, "classes", outputs=3),
    Case(logistic(C=0.4, solver="saga", l1_ratio=1.0), 1 / 0.4**2, "labels", prior=Laplace),
    Case(logistic(C=0.4, solver="saga", l1_ratio=0.3), 1 / 0.4**2, "labels", prior=ElasticNet),
    Case(logistic(C=0.7, solver="liblinear"), 1 / 0.7**2, "labels", bias=Gaussian),
    Case(
        logistic(C=0.7, solver="liblinear", intercept_scaling=3.0),
        1 / 0.7**2,
        "labels",
        bias=Gaussian,
    ),
    Case(
        logistic(C=0.4, solver="liblinear", l1_ratio=1.0, intercept_scaling=2.0),
        1 / 0.4**2,
        "labels",
        prior=Laplace,
        bias=Laplace,
    ),
    Case(
        linear_model.LogisticRegressionCV(
            Cs=[0.3, 2.0],
            cv=3,
            tol=1e-10,
            max_iter=5000,
            l1_ratios=(0.0,),
            scoring="neg_log_loss",
            use_legacy_attributes=False,
        ),
        9,
        "labels",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_fitted_weights_are_the_mode_of_their_problem(case):
    inputs, targets = data(case.kind, case.outputs)
    estimator = case.estimator.fit(inputs, targets)
    own = case.kind != "gaussian" or isinstance(estimator, linear_model.BayesianRidge)
    problem = bw.from_estimator(estimator, inputs, targets, None if own else SIGMA)
    right = kkt_residual(problem, problem.initial)
    assert right <= 1e-6
    assert kkt_residual(under(problem, case.wrong), problem.initial) >= max(100 * right, 1e-3)
    assert type(problem.priors["weight"]) is case.prior
    assert type(problem.priors["bias"]) is case.bias


@pytest.mark.parametrize(
    ("estimator", "kind"),
    [
        (linear_model.LinearRegression(), "gaussian"),
        (linear_model.Ridge(0.0), "gaussian"),
        (logistic(C=np.inf), "labels"),
        (linear_model.PoissonRegressor(alpha=0.0, tol=1e-10), "counts"),
    ],
    ids=str,
)
def test_no_penalty_is_a_flat_prior(estimator, kind):
    inputs, targets = data(kind)
    estimator.fit(inputs, targets)
    noise = SIGMA if kind == "gaussian" else None
    problem = bw.from_estimator(estimator, inputs, targets, noise)
    assert problem.priors == {"weight": Flat(), "bias": Flat()}
    assert kkt_residual(problem, problem.initial) <= 1e-6


def test_without_an_intercept_the_model_has_no_bias():
    inputs, targets = data()
    estimator = linear_model.Ridge(2.0, fit_intercept=False).fit(inputs, targets)
    problem = bw.from_estimator(estimator, inputs, targets, SIGMA)
    assert list(problem.priors) == ["weight"]
    assert kkt_residual(problem, problem.initial) <= 1e-9


def test_sparse_inputs_are_read():
    inputs, targets = data()
    sparse = csr_array(np.where(np.abs(inputs) < 0.5, 0.0, inputs))
    estimator = linear_model.Lasso(0.1, **TIGHT).fit(sparse, targets)
    problem = bw.from_estimator(estimator, sparse, targets, SIGMA)
    assert kkt_residual(problem, problem.initial) <= 1e-6


def test_the_old_spelling_of_no_penalty_is_flat_too():
    inputs, targets = data("labels")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        estimator = logistic(penalty=None).fit(inputs, targets)
    problem = bw.from_estimator(estimator, inputs, targets)
    assert problem.priors["weight"] == Flat()


@pytest.mark.parametrize(
    ("estimator", "says"),
    [
        (linear_model.Ridge(1.0, positive=True), r"Ridge\(positive=True\) cuts the prior off at 0"),
        (linear_model.Lasso(0.1, positive=True), r"Lasso\(positive=True\)"),
        (logistic(class_weight="balanced"), "class_weight='balanced'.* tempers the likelihood"),
        (linear_model.HuberRegressor(), "from_estimator knows Ridge, .*; found HuberRegressor"),
        (make_pipeline(linear_model.Ridge()), "found Pipeline. Of a Pipeline or a search give"),
        (GridSearchCV(linear_model.Ridge(), {"alpha": [1.0]}), "found GridSearchCV"),
    ],
    ids=str,
)
def test_what_has_no_prior_is_refused(estimator, says):
    inputs, targets = data()
    estimator.fit(inputs, (targets > 0).astype(int))
    with pytest.raises(InputError, match=says):
        bw.from_estimator(estimator, inputs, targets, SIGMA)


def test_what_cannot_be_read_is_refused_by_name():
    inputs, targets = data()
    with pytest.raises(InputError, match="this Ridge is not fitted: call fit"):
        bw.from_estimator(linear_model.Ridge(), inputs, targets, SIGMA)
    ridge = linear_model.Ridge().fit(inputs, targets)
    with pytest.raises(InputError, match="give noise_scale: Ridge fixes only"):
        bw.from_estimator(ridge, inputs, targets)
    bayesian = linear_model.BayesianRidge().fit(inputs, targets)
    with pytest.raises(InputError, match="BayesianRidge brings its own noise scale"):
        bw.from_estimator(bayesian, inputs, targets, SIGMA)
    both = data(outputs=2)
    each = linear_model.Ridge([1.0, 2.0]).fit(*both)
    with pytest.raises(InputError, match=r"Ridge\.alpha differs between outputs"):
        bw.from_estimator(each, *both, SIGMA)


def test_labels_that_the_estimator_never_saw_are_refused():
    inputs, labels = data("labels")
    estimator = logistic().fit(inputs, labels)
    with pytest.raises(InputError, match=r"the target 'maybe' is none of .* 'no', 'yes'"):
        bw.from_estimator(estimator, inputs, np.where(labels == "no", "maybe", labels))
    with pytest.raises(InputError, match="LogisticRegression has no noise scale"):
        bw.from_estimator(estimator, inputs, labels, SIGMA)


def test_sample_weights_and_other_data_are_warned_about():
    inputs, targets = data()
    weights = np.linspace(0.2, 3.0, N)
    estimator = linear_model.Ridge(1.0).fit(inputs, targets, sample_weight=weights)
    with pytest.warns(UserWarning, match="not a mode.*KKT residual.*sample_weight") as found:
        bw.from_estimator(estimator, inputs, targets, SIGMA)
    assert found[0].filename == __file__
