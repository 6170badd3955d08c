"""lambda <-> prior: the numbers of the book, what is asked for by name, and what is refused."""

import math
import subprocess
import sys
from typing import Any

import pytest

from bayeswd.errors import InputError
from bayeswd.problem import conventions, knobs

BOOK: dict[str, Any] = {"n": 20, "noise_scale": 0.01}


@pytest.mark.parametrize(
    ("tab", "tau", "bias"),
    [
        ("d2l", math.sqrt(1e-4 / 60), False),
        ("d2l.torch", math.sqrt(2e-4 / 60), False),
        ("d2l.tensorflow", math.sqrt(1e-4 / 60), False),
        ("d2l.jax", math.sqrt(1e-4 / 60), True),
    ],
)
def test_the_tabs_of_the_book_at_lambda_3(tab: str, tau: float, bias: bool) -> None:
    reading = conventions.reading(tab, 3, **BOOK)
    assert reading.scale == pytest.approx(tau, rel=1e-14)
    assert round(math.sqrt(reading.variance), 8) in (0.00129099, 0.00182574)
    assert reading.variance == pytest.approx(tau**2, rel=1e-14)
    assert (reading.family, reading.bias_penalized, reading.status) == ("gaussian", bias, "exact")


def test_the_prior_that_matches_the_weights_of_the_book() -> None:
    """tau = 0.01: lambda 0.05 from scratch, 0.1 with torch, Keras l2 0.05, Ridge alpha 1."""
    prior = conventions.gaussian_of_variance(1e-4)
    numbers = {"d2l": 0.05, "torch.SGD+MSELoss": 0.1, "keras.L2": 0.05, "sklearn.Ridge": 1.0}
    for name, expected in numbers.items():
        assert conventions.strength(name, prior, **BOOK) == pytest.approx(expected, rel=1e-14)


def test_losses_accept_all_three_penalties() -> None:
    l1 = conventions.reading("d2l", 3, penalty="l1", **BOOK)
    assert (l1.family, l1.scale) == ("laplace", pytest.approx(1e-4 / 60, rel=1e-14))
    assert l1.variance == pytest.approx(2 * (1e-4 / 60) ** 2, rel=1e-14)
    doubled = conventions.reading("torch.SGD+MSELoss", 3, penalty="l1", **BOOK)
    assert doubled.scale == pytest.approx(2e-4 / 60, rel=1e-14)
    both = conventions.reading("d2l", 3, penalty="elastic-net", l1_ratio=0.25, **BOOK)
    assert both.family == "elastic-net"
    assert both.scale is None
    assert both.l1_scale == pytest.approx(1e-4 / 60 / 0.25, rel=1e-14)
    assert both.l2_scale == pytest.approx(math.sqrt(1e-4 / 60 / 0.75), rel=1e-14)


def test_l1_ratio_alone_says_the_penalty() -> None:
    for ratio, family in ((0, "gaussian"), (1, "laplace"), (0.5, "elastic-net")):
        found = conventions.reading("sklearn.ElasticNet", 3, l1_ratio=ratio, **BOOK)
        assert found.family == family


def test_other_likelihoods_need_no_sigma() -> None:
    for name in ("d2l", "torch.SGD+CrossEntropyLoss"):
        found = conventions.reading(name, 3, n=20, likelihood="categorical")
        assert found.variance == pytest.approx(1 / 60, rel=1e-14)
    keras = conventions.reading("keras.L2", 3, n=20, likelihood="bernoulli")
    assert keras.variance == pytest.approx(1 / 120, rel=1e-14)


def test_strength_zero_is_flat_and_needs_nothing_else() -> None:
    for name in ("d2l", "sklearn.Ridge", "torch.SGD+CrossEntropyLoss"):
        found = conventions.reading(name, 0)
        assert (found.family, found.scale, found.variance) == ("flat", math.inf, math.inf)
        assert conventions.strength(name, found) == 0
    free = conventions.reading("sklearn.LogisticRegression", math.inf)
    assert free.family == "flat"
    assert conventions.strength("sklearn.LogisticRegression", free) == math.inf


def test_a_hidden_decay_is_there_at_strength_zero() -> None:
    found = conventions.reading("torch.ASGD+MSELoss", 0, **BOOK)
    assert found.variance == pytest.approx(2e-4 / (20 * 1e-4), rel=1e-14)
    with pytest.raises(InputError, match=r"always decays by lambd = 0.0001.*set lambd = 0"):
        conventions.strength("torch.ASGD+MSELoss", conventions.FLAT)


def test_the_bias_may_be_taken_out_of_the_knob_where_that_is_possible() -> None:
    assert conventions.reading("torch.SGD+MSELoss", 3, **BOOK).bias_penalized
    free = conventions.reading("torch.SGD+MSELoss", 3, bias_penalized=False, **BOOK)
    assert not free.bias_penalized
    by_hand = conventions.reading("torch.SGD+MSELoss", 3, penalty="l1", **BOOK)
    assert not by_hand.bias_penalized
    with pytest.raises(
        InputError, match=r"sklearn.Ridge does not penalise the bias and has no way"
    ):
        conventions.reading("sklearn.Ridge", 3, bias_penalized=True, **BOOK)


@pytest.mark.parametrize("strength", [-1.0, -1e-300, math.nan])
def test_a_strength_below_zero_has_no_prior(strength: float) -> None:
    with pytest.raises(InputError, match=r"d2l.scratch: lambd = \S+ has no prior: give a number"):
        conventions.reading("d2l", strength, **BOOK)


def test_a_point_mass_is_no_prior_with_a_scale() -> None:
    with pytest.raises(InputError, match="alpha = inf is a point mass at w = 0"):
        conventions.reading("sklearn.Ridge", math.inf, **BOOK)
    with pytest.raises(InputError, match="C = 0 is a point mass at w = 0"):
        conventions.reading("sklearn.LogisticRegression", 0)


def test_what_is_missing_is_asked_for_by_name_with_the_reason() -> None:
    sigma = r"give noise_scale \(--noise\): a Gaussian loss fixes only sigma\^2/tau\^2"
    rows = r"give n \(--n\): the penalty is weighed against a mean over n training rows"
    with pytest.raises(InputError, match=sigma):
        conventions.reading("d2l", 3, n=20)
    with pytest.raises(InputError, match=rows):
        conventions.reading("d2l", 3, noise_scale=0.01)
    with pytest.raises(InputError, match=f"{sigma}; {rows}|{rows}.*; {sigma}"):
        conventions.reading("d2l", 3)
    with pytest.raises(InputError, match=r"give batch_size \(--batch-size\)"):
        conventions.reading("sklearn.MLPRegressor:minibatch", 3, **BOOK)
    with pytest.raises(InputError, match=r"give sd_y \(--sd-y\)"):
        conventions.strength("glmnet.gaussian:ridge", conventions.gaussian(1.0), **BOOK)
    with pytest.raises(InputError, match=r"give momentum \(--momentum\)"):
        conventions.reading("keras.SGD:momentum", 3, **BOOK)
    with pytest.raises(InputError, match=r"give l1_ratio \(--l1-ratio\): an elastic net has two"):
        conventions.reading("d2l", 3, penalty="elastic-net", **BOOK)


def test_batches_follow_from_rows_and_batch_size() -> None:
    row = "torch.SGD+MSELoss:sum-minibatch"
    asked: dict[str, Any] = {"noise_scale": 1.0}
    by_size = conventions.reading(row, 3, n=21, batch_size=5, **asked)
    assert by_size == conventions.reading(row, 3, batches=5, **asked)


def test_a_penalty_that_the_object_lacks_names_the_one_that_has_it() -> None:
    with pytest.raises(InputError, match=r"sklearn.Ridge states l2, not l1: use sklearn.Lasso"):
        conventions.reading("sklearn.Ridge", 3, penalty="l1", **BOOK)
    with pytest.raises(InputError, match=r"sklearn.Lasso states l1, not l2: use sklearn.Ridge"):
        conventions.strength("sklearn.Lasso", conventions.gaussian(1.0), **BOOK)
    with pytest.raises(InputError, match=r"keras.L2 states l2, not elastic-net: use keras.L1L2"):
        conventions.reading("keras.L2", 3, l1_ratio=0.5, **BOOK)
    with pytest.raises(InputError, match="a penalty is 'l2', 'l1' or 'elastic-net', not 'l3'"):
        conventions.reading("d2l", 3, penalty="l3", **BOOK)


def test_a_likelihood_that_the_object_lacks_names_the_one_that_has_it() -> None:
    message = "has a gaussian likelihood, not bernoulli: use torch.SGD[+]BCEWithLogitsLoss"
    with pytest.raises(InputError, match=message):
        conventions.reading("torch.SGD+MSELoss", 3, likelihood="bernoulli", **BOOK)


def test_decoupled_decay_is_refused_with_what_it_is_instead() -> None:
    box = r"\|w\| <= 1/weight_decay = 100.*precision per coordinate.*weight_decay\*sqrt\(v\)"
    for name in ("torch.AdamW", "torch.AdamW+CrossEntropyLoss", "torch.Adam:decoupled"):
        with pytest.raises(InputError, match=box):
            conventions.reading(name, 0.01, n=20)
        with pytest.raises(InputError, match="not a Gaussian/Laplace prior"):
            conventions.strength(name, conventions.gaussian(1.0), n=20)


@pytest.mark.parametrize("row", [r for r in knobs.rows().values() if r.status == knobs.NO_PRIOR])
def test_every_knob_without_a_prior_is_refused(row: knobs.Knob) -> None:
    with pytest.raises(InputError, match="is not a Gaussian/Laplace prior: ") as refusal:
        conventions.reading(row, 0.5)
    assert "{" not in str(refusal.value)
    found = conventions.elsewhere(row, conventions.gaussian(1.0))
    assert found.strength is None
    assert found.note.startswith(f"{row.name} is not")


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({"n": 0}, "n must be positive and finite, got 0"),
        ({"noise_scale": -0.1}, "noise_scale must be positive and finite"),
        ({"noise_scale": math.nan}, "noise_scale must be positive and finite"),
        ({"outputs": 1.5}, "outputs is a count, got 1.5"),
        ({"momentum": 1.0}, r"momentum must be in \[0, 1\)"),
        ({"l1_ratio": 1.5}, "l1_ratio must be between 0 and 1"),
        ({"wieght": 1.0}, "no knob depends on 'wieght': accumulation, "),
    ],
)
def test_numbers_that_cannot_be_are_refused(known: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        conventions.reading("d2l", 3, **(BOOK | known))


def test_a_prior_beyond_float64_is_refused() -> None:
    with pytest.raises(InputError, match="beyond what float64 can hold"):
        conventions.reading("d2l", 1e-320, n=20, noise_scale=1e10)


def test_the_same_elastic_net_has_other_numbers_elsewhere() -> None:
    """glmnet's alpha is not scikit-learn's l1_ratio: sd_y is in one of its two terms."""
    prior = conventions.reading("sklearn.ElasticNet", 0.4, l1_ratio=0.5, **BOOK)
    found = conventions.elsewhere("glmnet.gaussian:elastic-net", prior, sd_y=3.0, **BOOK)
    assert found.l1_ratio == pytest.approx(0.2 / (0.2 + 3 * 0.2), rel=1e-12)
    assert found.strength == pytest.approx(0.8, rel=1e-12)


def test_elsewhere_says_the_ratio_only_where_it_must_be_written() -> None:
    prior = conventions.gaussian(0.1)
    said = {
        name: conventions.elsewhere(name, prior, **BOOK).l1_ratio
        for name in ("sklearn.ElasticNet", "sklearn.SGDRegressor", "sklearn.Ridge")
    }
    assert said == {"sklearn.ElasticNet": 0.0, "sklearn.SGDRegressor": None, "sklearn.Ridge": None}
    by_hand = conventions.elsewhere("torch.SGD+MSELoss", conventions.laplace(0.1), **BOOK)
    assert (by_hand.knob, by_hand.l1_ratio) == ("lambda", None)


def test_nothing_heavy_is_loaded() -> None:
    code = (
        "import sys; from bayeswd.problem import conventions as c; c.names();"
        "c.reading('d2l', 3, n=20, noise_scale=.01);"
        "print(sorted({'torch', 'numpy', 'scipy', 'pyro'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
