"""The Gibbs sampler as a reader uses it: forms that agree, seeds, paths, interrupts, refusals."""

import math
from dataclasses import replace

import arviz_stats
import numpy as np
import pytest
import torch
from torch import nn

from bayeswd.errors import InputError
from bayeswd.posterior import gibbs, gibbs_design, with_arviz
from bayeswd.posterior.gibbs_design import Rows
from bayeswd.posterior.gibbs_kernel import Kernel
from bayeswd.posterior.random_numbers import RandomNumbers
from bayeswd.problem.likelihoods import Bernoulli, GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import ElasticNet, Flat, Gaussian, Laplace

SIGMA = 0.8
BIASES = {"flat": Flat(), "absent": None, "gaussian": Gaussian(2.0), "laplace": Laplace(0.7)}
BELIEFS = {
    "known": gibbs.KNOWN,
    "park_casella": gibbs.park_casella(1.0, 0.5),
    "penalty_tied": gibbs.penalty_tied(1.0, 0.5),
    "fixed_scale": gibbs.fixed_scale(1.0, 0.5),
    "strength": gibbs.park_casella(1.0, 0.5, gibbs.StrengthPrior(2.0, 0.7)),
}
SHORT = {"chains": 3, "draws": 5, "warmup": 2, "seed": 4}


def state(n, d, bias=None, prior=None, outputs=1, dtype=torch.float64):
    random = np.random.default_rng(n + 10 * d)
    inputs = random.normal(size=(n, d)) + 0.5
    targets = inputs[:, :1] * 0.8 + 0.4 + SIGMA * random.normal(size=(n, outputs))
    priors = {"weight": prior or Laplace(0.4)} | ({"bias": bias} if bias else {})
    model = nn.Linear(d, outputs, bias=bias is not None)
    inputs = torch.tensor(inputs, dtype=dtype)
    return Problem(model, GaussianNoise(SIGMA), priors, inputs, torch.tensor(targets))


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("shape", [(9, 2), (4, 6)])
def test_draws_are_named_and_shaped_and_their_density_is_the_objective(shape, bias):
    problem = state(*shape, BIASES[bias])
    draws = gibbs.sample(problem, **SHORT)
    assert draws.params["weight"].shape == (3, 5, 1, shape[1])
    assert list(draws.params) == list(problem.priors)
    assert draws.noise_scale is None
    assert draws.engine == "gibbs"
    assert list(draws.sample_stats) == ["lp"]
    for chain in range(3):
        params = {name: value[chain, 4] for name, value in draws.params.items()}
        objective = float(problem.objective(params))
        assert float(draws.sample_stats["lp"][chain, 4]) == pytest.approx(-objective, rel=1e-12)


@pytest.mark.parametrize("bias", ["flat", "gaussian", "laplace"])
@pytest.mark.parametrize("belief", [name for name in BELIEFS if name != "known"])
def test_density_under_unknown_noise_is_that_of_the_problem_at_its_scales(belief, bias):
    """The same weights in a problem stated at the drawn sigma, with the scales that go with it."""
    noise, problem = BELIEFS[belief], state(9, 2, BIASES[bias])
    draws = gibbs.sample(problem, **SHORT, noise=noise)
    sigma = float(draws.noise_scale[1, 3])
    factor = (sigma / SIGMA) ** noise.power
    wanted = math.lgamma(1.0) * 0 + math.log(0.5) - 2 * 2 * math.log(sigma) - 0.5 / sigma**2
    if belief == "strength":
        strength = float(draws.sample_stats["strength"][1, 3])
        factor = sigma / strength / 0.4
        wanted += 2 * math.log(0.7) + 2 * math.log(strength) - 0.7 * strength**2

    def at_scale(name, prior):
        if isinstance(prior, Laplace):
            return Laplace(prior.scale * factor)
        same = noise.power == 0 or isinstance(prior, Flat)
        return prior if same else Gaussian(prior.scale * sigma / SIGMA)

    params = {name: value[1, 3] for name, value in draws.params.items()}
    wanted -= float(problem.with_noise(sigma).with_priors(at_scale).objective(params))
    assert float(draws.sample_stats["lp"][1, 3]) == pytest.approx(wanted, rel=1e-10)


@pytest.mark.parametrize("belief", BELIEFS)
@pytest.mark.parametrize("shape", [(9, 2), (4, 6)])
def test_a_chain_is_the_same_in_any_company(shape, belief):
    problem = state(*shape, Flat())
    run = {"draws": 30, "warmup": 3, "seed": 11, "noise": BELIEFS[belief]}
    alone, many = (gibbs.sample(problem, chains=chains, **run) for chains in (1, 131))
    again, other = (
        gibbs.sample(problem, chains=1, **run),
        gibbs.sample(problem, chains=1, **run | {"seed": 12}),
    )
    for name, value in alone.params.items():
        torch.testing.assert_close(many.params[name][:1], value, rtol=1e-8, atol=1e-10)
        assert torch.equal(again.params[name], value)
        assert not torch.equal(other.params[name], value)
        assert not torch.allclose(many.params[name][1:2], value)
        assert not torch.allclose(many.params[name][128:129], value)


@pytest.mark.parametrize("belief", BELIEFS)
@pytest.mark.parametrize("bias", ["flat", "gaussian"])
def test_a_path_is_a_row_of_runs(belief, bias):
    problem, scales = state(9, 2, BIASES[bias]), [0.05, 0.4, 3.0]
    found = gibbs.path(problem, scales, **SHORT, noise=BELIEFS[belief])
    for scale, draws in zip(scales, found, strict=True):
        own = {"weight": Laplace(scale), "bias": BIASES[bias]}
        if bias == "gaussian":
            own["bias"] = Gaussian(2.0 * scale / 0.4)
        alone = gibbs.sample(replace(problem, priors=own), **SHORT, noise=BELIEFS[belief])
        for name, value in alone.params.items():
            torch.testing.assert_close(draws.params[name], value, rtol=1e-9, atol=1e-11)
        for name, value in alone.sample_stats.items():
            torch.testing.assert_close(draws.sample_stats[name], value, rtol=1e-9, atol=1e-9)


def moments(tree):
    """Means of the weights, of their squares and of their products, with their errors."""
    weights = tree["posterior"]["weight"]
    pairs = weights * weights.roll(feature=1, roll_coords=False)
    dataset = tree["posterior"].to_dataset()[["weight"]]
    dataset = dataset.assign(square=weights**2, pair=pairs, noise=tree["posterior"]["noise_scale"])
    return dataset.mean(["chain", "draw"]), arviz_stats.mcse(dataset, method="mean")


@pytest.mark.parametrize("belief", [name for name in BELIEFS if name != "known"])
def test_the_form_for_more_weights_than_rows_has_the_same_law(belief):
    """The same five rows of three columns, once from moments and once as rows."""
    problem, found = state(5, 3), []
    design = gibbs_design.of([problem], "gibbs.sample")
    rows = replace(design, data=Rows(problem.inputs, problem.targets[:, 0]))
    for seed, each in enumerate((design, rows)):
        kernel = Kernel(each, BELIEFS[belief], RandomNumbers(seed, 256, torch.device("cpu")))
        current, kept, noise = kernel.init(), [], []
        for count in range(250):
            kernel.step(current, torch.empty_like(current.weights))
            if count >= 50:
                kept.append(current.weights[:, 0])
                noise.append(current.noise[0])
        weight = torch.stack(kept).permute(2, 0, 1)[:, :, None]
        example = gibbs.sample(problem, **SHORT)
        draws = replace(example, params={"weight": weight}, noise_scale=torch.stack(noise, 1))
        draws = replace(draws, sample_stats={})
        tree = with_arviz.to_datatree(draws, problem, pointwise=False, prior_draws=0)
        convergence = with_arviz.convergence(tree)
        assert convergence.ess_bulk > 5000
        assert convergence.r_hat < 1.01
        found.append(moments(tree))
    (first, first_error), (second, second_error) = found
    distance = abs(first - second) / (first_error**2 + second_error**2) ** 0.5
    for name in ("weight", "square", "pair", "noise"):
        assert float(distance[name].max()) < 4, name


def test_results_have_the_dtype_of_the_inputs():
    draws = gibbs.sample(state(9, 2, Flat(), dtype=torch.float32), **SHORT)
    exact = gibbs.sample(state(9, 2, Flat()), **SHORT)
    for name, value in draws.params.items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value.double(), exact.params[name], rtol=1e-4, atol=1e-5)


def test_progress_counts_every_sweep():
    seen = []
    gibbs.sample(state(9, 2), **SHORT, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 7) for done in range(1, 8)]


@pytest.mark.parametrize("stop", [3, 5])
def test_an_interrupt_leaves_the_draws_that_are_whole(stop):
    def interrupt(done, total):
        if done == stop:
            raise KeyboardInterrupt

    problem = state(9, 2, Flat())
    draws = gibbs.sample(problem, **SHORT, progress=interrupt)
    whole = gibbs.sample(problem, **SHORT)
    made = stop - SHORT["warmup"]
    assert torch.equal(draws.params["weight"], whole.params["weight"][:, :made])
    assert draws.params["bias"].shape == (3, made, 1)
    assert draws.sample_stats["lp"].shape == (3, made)
    assert f"; cut short after {made} of 5 draws (interrupted)" in draws.why
    assert "interrupted" not in whole.why


@pytest.mark.parametrize("stop", [1, 2])
def test_an_interrupt_of_the_warm_up_is_not_swallowed(stop):
    def interrupt(done, total):
        if done == stop:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gibbs.sample(state(9, 2), **SHORT, progress=interrupt)


def logistic():
    inputs = np.array([[-1.0], [0.5], [2.0]])
    priors = {"weight": Laplace(1.0), "bias": Flat()}
    return Problem(nn.Linear(1, 1), Bernoulli(), priors, inputs, np.array([0.0, 1, 1]))


def constant():
    return replace(state(9, 2, Flat()), targets=torch.full((9, 1), 2.0))


IMPROPER = "the posterior is improper: some weights explain all"
REFUSED = [
    (
        lambda: gibbs.sample(logistic()),
        "for one linear layer with GaussianNoise; found .*: use hmc",
    ),
    (lambda: gibbs.sample(state(9, 2, prior=Flat())), r"found Flat\(\) on 'weight'.*conjugate"),
    (lambda: gibbs.sample(state(9, 2, outputs=2)), "one output; found 2: state a problem for each"),
    (lambda: gibbs.sample(state(9, 2), chains=0), "0 chains of 250 draws after 100; give at least"),
    (lambda: gibbs.path(state(9, 2), [0.1], warmup=-1), "gibbs.path: 64 chains of 250 draws after"),
    (lambda: gibbs.sample(state(4, 6), noise=gibbs.fixed_scale()), f"sigma\\^-2 .* {IMPROPER} 4 "),
    (lambda: gibbs.sample(state(4, 3, Flat()), noise=gibbs.fixed_scale(2.0)), f"-6 .*{IMPROPER} 3"),
    (lambda: gibbs.sample(constant(), noise=gibbs.penalty_tied()), IMPROPER),
    (lambda: gibbs.sample(state(1, 2, Flat()), noise=gibbs.park_casella()), f"{IMPROPER} 0 "),
    (
        lambda: gibbs.park_casella(rate=-1.0),
        "rate of sigma.2 must be a finite number >= 0; found -",
    ),
    (lambda: gibbs.StrengthPrior(0.0, 1.0), r"StrengthPrior\(shape=0.0, rate=1.0\): both must be"),
]
ELASTIC = state(9, 2, prior=ElasticNet(0.4, 0.5))


@pytest.mark.parametrize(("ask", "says"), REFUSED)
def test_what_has_no_answer_is_refused(ask, says):
    with pytest.raises(InputError, match=says):
        ask()


@pytest.mark.parametrize("noise", [gibbs.penalty_tied(), gibbs.known(gibbs.StrengthPrior(1, 1))])
def test_an_elastic_net_of_varying_shape_is_refused(noise):
    with pytest.raises(InputError, match="conjugate only while b / tau is fixed; name sigma"):
        gibbs.sample(ELASTIC, noise=noise)


@pytest.mark.parametrize("belief", ["known", "park_casella", "penalty_tied"])
def test_what_seems_improper_and_is_not_is_drawn(belief):
    """Rank n - 1 is no obstacle where b goes to 0 with sigma, or sigma is known."""
    noise = {"known": gibbs.KNOWN, "park_casella": gibbs.park_casella()}.get(
        belief, gibbs.penalty_tied()
    )
    draws = gibbs.sample(state(4, 6, Flat()), **SHORT, noise=noise)
    assert bool(torch.isfinite(draws.sample_stats["lp"]).all())
