"""Engines by short names, unknown noise, thinning, and where to draw."""

from dataclasses import replace

import pytest
import torch
from torch import nn

import bayeswd as bw
from bayeswd.errors import InputError
from bayeswd.posterior import devices, named_engines, thinning


def linear(prior, likelihood=None, rows=30):
    generator = torch.Generator().manual_seed(2)
    inputs = torch.randn(rows, 2, generator=generator, dtype=torch.float64)
    noise = 0.5 * torch.randn(rows, 1, generator=generator, dtype=torch.float64)
    targets = inputs.sum(1, keepdim=True) + noise
    if likelihood is not None:
        targets = (targets > 0).double()
    model = nn.Linear(2, 1, dtype=torch.float64)
    priors = {"weight": prior, "bias": bw.Flat()}
    return bw.Problem(model, likelihood or bw.GaussianNoise(0.5), priors, inputs, targets)


RIDGE, LASSO = linear(bw.Gaussian(1.0)), linear(bw.Laplace(1.0))
LOGISTIC = linear(bw.Gaussian(1.0), bw.Bernoulli())


@pytest.mark.parametrize(
    ("problem", "name"), [(RIDGE, "exact"), (LASSO, "gibbs"), (LOGISTIC, "hmc")]
)
def test_the_engine_that_suits_has_a_short_name(problem, name):
    plan = named_engines.plan(problem)
    assert plan.name == name
    assert plan.reason.startswith("chosen")


def test_every_name_is_a_module_that_samples():
    for name in named_engines.ENGINES:
        plan = named_engines.plan(RIDGE, engine=name)
        assert callable(plan.sample)
        assert (plan.name, plan.reason) == (name, "asked for")


def test_sizes_that_were_asked_for_are_kept():
    plan = named_engines.plan(LASSO, chains=3, draws=20, warmup=7)
    told = []
    drawn = plan.run(LASSO, progress=lambda done, total: told.append((done, total)))
    assert drawn.params["weight"].shape == (3, 20, 1, 2)
    assert told[-1] == (27, 27)
    assert drawn.why.startswith("chosen for Gaussian noise with an L1 prior; ")


def test_svi_tells_its_progress():
    told = []
    plan = replace(named_engines.plan(RIDGE, engine="svi", draws=10), options={"steps": 40})
    plan.run(RIDGE, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (40, 40)


@pytest.mark.parametrize(
    ("problem", "model", "engine"),
    [
        (RIDGE, "penalty-tied", "normal-inverse-gamma"),
        (RIDGE, "park-casella", "normal-inverse-gamma"),
        (LASSO, "penalty-tied", "gibbs"),
        (LASSO, "park-casella", "gibbs"),
        (LASSO, "fixed-scale", "gibbs"),
    ],
)
def test_unknown_noise_is_sampled_around_the_true_one(problem, model, engine):
    drawn = named_engines.plan(problem, noise_model=model).run(problem)
    assert drawn.engine == engine
    assert float(drawn.noise_scale.mean()) == pytest.approx(0.5, rel=0.3)
    assert drawn.why.startswith(f"sigma is unknown, {model}; ")


@pytest.mark.parametrize(
    ("problem", "asked", "said"),
    [
        (RIDGE, {"engine": "stan"}, "no engine is called 'stan'"),
        (RIDGE, {"noise_model": "jeffreys"}, "no model of unknown noise is called 'jeffreys'"),
        (RIDGE, {"noise_model": "fixed-scale"}, "use penalty-tied"),
        (LASSO, {"noise_model": "penalty-tied", "engine": "exact"}, "gibbs samples sigma too"),
        (LOGISTIC, {"noise_model": "penalty-tied"}, "bernoulli likelihood has no noise scale"),
    ],
)
def test_what_does_not_fit_is_refused_before_any_work(problem, asked, said):
    with pytest.raises(InputError, match=said):
        named_engines.plan(problem, **asked)


def test_thinned_draws_are_every_kth_of_each_chain():
    drawn = bw.gibbs.sample(LASSO, chains=4, draws=50, noise=bw.gibbs.park_casella())
    kept, step = thinning.thinned(drawn, LASSO, most=4 * 17 * 30)  # 30 targets, 2 weights
    assert step == 3
    for part in (kept.params["weight"], kept.noise_scale, kept.sample_stats["lp"]):
        assert part.shape[:2] == (4, 16)
    torch.testing.assert_close(kept.params["weight"], drawn.params["weight"][:, 2::3])
    assert thinning.thinned(drawn, LASSO, most=10**6) == (drawn, 1)
    assert thinning.thinned(drawn, LASSO, most=1)[0].params["weight"].shape[:2] == (4, 1)


def test_without_cuda_all_is_drawn_on_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices.choose("auto", "gibbs", 10**6, 10) == ("cpu", "torch finds no CUDA device")
    assert devices.choose("cpu", "gibbs", 4, 2) == ("cpu", "asked for")
    with pytest.raises(InputError, match="torch finds no CUDA device; use --device cpu"):
        devices.choose("cuda", "gibbs", 4, 2)


def test_a_gpu_is_taken_for_a_large_batch_only(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    place, why = devices.choose("auto", "hmc", 4096, 200)
    assert place == "cuda"
    assert "4096 chains x 200 parameters" in why
    place, why = devices.choose("auto", "hmc", 32, 11)
    assert place == "cpu"
    assert "too few" in why
    assert devices.choose("auto", "nuts", 10**4, 10**4)[0] == "cpu"
    assert devices.choose("cuda", "gibbs", 1, 1) == ("cuda", "asked for")
