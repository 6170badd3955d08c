"""From draws to rows beside the penalised fit, and the words around them."""

import json
import math

import numpy as np
import pytest
import torch
from torch import nn

import bayeswd as bw
from bayeswd.analysis.posterior_summary import PosteriorSummaries
from bayeswd.errors import InputError
from bayeswd.results import Draws


def problem_of(prior, outputs=1, columns=3):
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(40, columns, generator=generator, dtype=torch.float64)
    targets = inputs[:, :outputs] + torch.randn(40, outputs, generator=generator).double()
    model = nn.Linear(columns, outputs, dtype=torch.float64)
    return bw.Problem(
        model, bw.GaussianNoise(1.0), {"weight": prior, "bias": bw.Flat()}, inputs, targets
    )


RIDGE = problem_of(bw.Gaussian(0.5))


def test_rows_meet_the_closed_form():
    exact = bw.conjugate.posterior(RIDGE)
    drawn = bw.sample(RIDGE, draws=4000)
    summary = bw.summarize(drawn, RIDGE, probability=0.5)
    means = [*exact.mean["weight"][0].tolist(), *exact.mean["bias"].tolist()]
    sds = [*exact.sd["weight"][0].tolist(), *exact.sd["bias"].tolist()]
    assert [row.name for row in summary.coefficients] == ["x1", "x2", "x3", "bias"]
    for row, mean, sd in zip(summary.coefficients, means, sds, strict=True):
        error = sd / math.sqrt(row.ess_bulk)
        assert abs(row.mean - mean) < 4 * error
        assert abs(row.sd**2 - sd**2) < 4 * math.sqrt(2 / row.ess_bulk) * sd**2
        assert row.penalized_fit == pytest.approx(mean, rel=1e-9)
        half = 0.6744898 * sd  # of a normal, the middle half; the error of a quartile is 1.36 sd
        low, high = row.interval
        assert abs(low - (mean - half)) < 4 * 1.36 * error
        assert abs(high - (mean + half)) < 4 * 1.36 * error


def test_a_problem_of_several_outputs_names_each():
    problem = problem_of(bw.Gaussian(0.5), outputs=2)
    summary = bw.summarize(bw.sample(problem, draws=50), problem)
    names = [row.name for row in summary.coefficients]
    assert names[:4] == ["x1 (output 0)", "x2 (output 0)", "x3 (output 0)", "x1 (output 1)"]
    assert names[-2:] == ["bias (output 0)", "bias (output 1)"]
    exact = bw.conjugate.posterior(problem).mean["weight"].flatten().tolist()
    assert [row.penalized_fit for row in summary.coefficients[:6]] == pytest.approx(exact)


def test_a_network_has_rows_without_a_fit():
    model = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1)).double()
    inputs, targets = torch.zeros(5, 2).double(), torch.ones(5, 1).double()
    problem = bw.Problem(model, bw.GaussianNoise(1.0), {"*": bw.Gaussian(1.0)}, inputs, targets)
    generator = torch.Generator().manual_seed(0)
    params = {
        name: torch.randn((4, 300, *value.shape), generator=generator).double()
        for name, value in problem.initial.items()
    }
    summary = bw.summarize(Draws(params, "hmc", "", 0.0), problem)
    assert "0.weight[1, 0]" in [row.name for row in summary.coefficients]
    assert all(row.penalized_fit is None for row in summary.coefficients)
    assert summary.converged
    assert "penalised fit is within" not in str(summary)


def test_sampled_noise_is_told_with_what_was_stated():
    drawn = bw.gibbs.sample(problem_of(bw.Laplace(0.5)), noise=bw.gibbs.penalty_tied())
    summary = bw.summarize(drawn, problem_of(bw.Laplace(0.5)))
    assert summary.noise.source == "sampled"
    assert summary.noise.scale == pytest.approx(float(drawn.noise_scale.mean()))
    assert "sigma is sampled: mean" in str(summary)
    assert "(stated: 1)" in str(summary)


def test_chains_that_do_not_agree_are_said_first_with_what_to_do():
    drawn = bw.gibbs.sample(problem_of(bw.Laplace(0.5)), chains=4, draws=200)
    drawn.params["weight"][0] += 1
    summary = bw.summarize(drawn, problem_of(bw.Laplace(0.5)))
    first = str(summary).splitlines()[0]
    assert first.startswith("NOT CONVERGED: R-hat above 1.01 for 3 of 4 coefficients, ")
    assert "Draw longer" in first
    assert not summary.converged
    assert "<p>NOT CONVERGED" in summary._repr_html_()


def test_diverging_trajectories_are_no_convergence():
    drawn = bw.sample(problem_of(bw.Laplace(0.5)), chains=8, draws=300)
    drawn.sample_stats["diverging"] = torch.zeros(8, 300, dtype=torch.bool)
    drawn.sample_stats["diverging"][0, :100] = True
    summary = bw.summarize(drawn, problem_of(bw.Laplace(0.5)))
    assert summary.warnings()[0].startswith("NOT CONVERGED: 4.2 % of the draws diverged")


def test_a_stuck_chain_is_no_convergence():
    """One of 256: R-hat and ESS alone would pass."""
    problem = problem_of(bw.Laplace(0.5))
    drawn = bw.hmc.sample(problem)
    assert bw.summarize(drawn, problem).converged
    drawn.params["weight"][7] = drawn.params["weight"][7, :1]
    drawn.sample_stats["acceptance_rate"][7] = 0.0
    summary = bw.summarize(drawn, problem)
    assert not summary.converged
    assert summary.warnings()[0].startswith("NOT CONVERGED: 1 of 256 chains hardly moved. Draw")


def test_draws_cut_short_are_counted():
    drawn = bw.sample(RIDGE, draws=50)
    (line,) = bw.summarize(drawn, RIDGE, asked=80).warnings()
    assert line.startswith("INTERRUPTED: 50 of 80 draws of each of 4 chains")


def test_numbers_that_do_not_exist_are_null_in_the_record():
    drawn = bw.gibbs.sample(problem_of(bw.Laplace(0.5)), chains=1, draws=50)
    record = bw.summarize(drawn, problem_of(bw.Laplace(0.5))).to_dict()
    text = json.dumps(record, allow_nan=False)
    assert json.loads(text)["coefficients"][0]["r_hat"] is None
    assert record["converged"] is False


def test_several_posteriors_are_a_list_and_their_doubts_have_names():
    lasso = problem_of(bw.Laplace(0.5))
    few = bw.summarize(bw.gibbs.sample(lasso, chains=2, draws=20), lasso)
    both = PosteriorSummaries((bw.summarize(bw.sample(RIDGE), RIDGE), few))
    assert [record["engine"] for record in both.to_json()] == ["conjugate", "gibbs"]
    assert not both.converged
    assert str(both).splitlines()[0].startswith("l1 penalty 0.05 (d2l): NOT CONVERGED")


def test_a_table_of_many_weights_shows_20_and_counts_the_rest():
    problem = problem_of(bw.Laplace(0.1), columns=60)
    summary = bw.summarize(bw.sample(problem, chains=8, draws=80), problem)
    text = str(summary)
    assert "\n40 more, nearer to 0: |mean| at most" in text
    shown = [line.split()[0] for line in text.splitlines() if line.startswith(("x", "bias"))]
    assert len(shown) == 21
    apart = {row.name: abs(row.mean) / row.sd for row in summary.coefficients[:60]}
    assert shown[:20] == sorted(apart, key=apart.get, reverse=True)[:20]
    zeros = int((summary.fit.params["weight"] == 0).sum())
    assert zeros > 0
    assert f"{zeros} of 60 weights are exactly 0 in the penalised fit" in text


@pytest.mark.parametrize("probability", [0, 1, 1.5, np.nan])
def test_a_probability_must_be_one(probability):
    with pytest.raises(InputError, match="give a number between 0 and 1"):
        bw.summarize(bw.sample(RIDGE, draws=10), RIDGE, probability=probability)


def test_draws_of_another_problem_are_refused():
    drawn = Draws({"w": torch.zeros(2, 9, 1)}, "hmc", "", 0.0)
    with pytest.raises(InputError, match="draws of w for a problem of weight, bias"):
        bw.summarize(drawn, RIDGE)
