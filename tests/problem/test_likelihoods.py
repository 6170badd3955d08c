"""Likelihoods against torch.distributions, and the loss that a training loop prints."""

import math

import pytest
import torch
from torch import Tensor, distributions

from bayeswd.errors import InputError
from bayeswd.problem.likelihoods import Bernoulli, Categorical, GaussianNoise, Likelihood, Poisson

N, K = 6, 3
ALL: list[Likelihood] = [GaussianNoise(0.7), Bernoulli(), Categorical(), Poisson()]
DRAWS = 100_000


def outputs_of(*shape: int, seed: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 1.5 * torch.randn(shape, generator=generator, dtype=torch.float64)


def targets_of(likelihood: Likelihood) -> Tensor:
    """[N, K] numbers or [N] classes: values that this likelihood can see."""
    index = torch.arange(N, dtype=torch.float64)
    if isinstance(likelihood, Categorical):
        return likelihood.as_targets(index % K)
    grid = index[:, None] + torch.arange(K, dtype=torch.float64)
    limit = {"gaussian": grid - 2.5, "bernoulli": grid % 2, "poisson": grid % 4}
    return likelihood.as_targets(limit[likelihood.family])


def reference(likelihood: Likelihood, outputs: Tensor) -> distributions.Distribution:
    """PyTorch's own distribution of one example."""
    if isinstance(likelihood, GaussianNoise):
        return distributions.Independent(distributions.Normal(outputs, likelihood.scale), 1)
    if isinstance(likelihood, Bernoulli):
        return distributions.Independent(distributions.Bernoulli(logits=outputs), 1)
    if isinstance(likelihood, Categorical):
        return distributions.Categorical(logits=outputs)
    return distributions.Independent(distributions.Poisson(outputs.exp()), 1)


@pytest.mark.parametrize("likelihood", ALL, ids=str)
@pytest.mark.parametrize("leading", [(), (2,), (2, 5)])
def test_pointwise_meets_torch_distributions(
    likelihood: Likelihood, leading: tuple[int, ...]
) -> None:
    outputs, targets = outputs_of(*leading, N, K), targets_of(likelihood)
    found = likelihood.pointwise(outputs, targets)
    assert found.shape == (*leading, N)
    expected = -reference(likelihood, outputs).log_prob(targets)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    misfit = likelihood.misfit(outputs, targets)
    assert misfit.shape == leading
    torch.testing.assert_close(misfit, found.sum(-1))


@pytest.mark.parametrize("likelihood", ALL, ids=str)
def test_misfit_is_the_scaled_loss_and_a_constant(likelihood: Likelihood) -> None:
    targets = targets_of(likelihood)
    outputs = outputs_of(40, N, K)
    misfit = likelihood.misfit(outputs, targets)
    constant = misfit - N / likelihood.loss_scale * likelihood.loss(outputs, targets)
    torch.testing.assert_close(constant, constant[:1].expand(40), rtol=0, atol=1e-11)
    normaliser = N * K * math.log(0.7 * math.sqrt(2 * math.pi))
    expected = normaliser if isinstance(likelihood, GaussianNoise) else 0.0
    assert float(constant[0]) == pytest.approx(expected, abs=1e-11)


def test_losses_are_what_torch_prints() -> None:
    functional = torch.nn.functional
    outputs = outputs_of(N, K)
    for likelihood, printed in (
        (GaussianNoise(0.7), lambda o, t: K * functional.mse_loss(o, t) / 2),
        (Bernoulli(), lambda o, t: K * functional.binary_cross_entropy_with_logits(o, t)),
        (Categorical(), functional.cross_entropy),
        (
            Poisson(),
            lambda o, t: K * functional.poisson_nll_loss(o, t) + torch.lgamma(t + 1).sum() / N,
        ),
    ):
        targets = targets_of(likelihood)
        torch.testing.assert_close(likelihood.loss(outputs, targets), printed(outputs, targets))


def test_a_surely_right_answer_still_has_its_small_misfit() -> None:
    """log(1 + exp(-25)) = 1.4e-11 nats: softplus rounds it, and its slope, to 0."""
    outputs = torch.tensor([[25.0], [-25.0]], dtype=torch.float64, requires_grad=True)
    targets = torch.tensor([[1.0], [0.0]], dtype=torch.float64)
    found = Bernoulli().pointwise(outputs, targets)
    tail = math.log1p(math.exp(-25))
    assert found.tolist() == pytest.approx([tail, tail], rel=1e-12, abs=0)
    (slope,) = torch.autograd.grad(found.sum(), outputs)
    assert slope.flatten().tolist() == pytest.approx([-tail, tail], rel=1e-10, abs=0)


@pytest.mark.parametrize("likelihood", ALL, ids=str)
def test_far_outputs_stay_finite(likelihood: Likelihood) -> None:
    outputs = torch.full((N, K), -700.0, dtype=torch.float64)
    outputs[:, 0] = 500.0
    assert torch.isfinite(likelihood.pointwise(outputs, targets_of(likelihood))).all()


@pytest.mark.parametrize("likelihood", ALL, ids=str)
def test_float32_stays_float32(likelihood: Likelihood) -> None:
    outputs, targets = outputs_of(N, K), targets_of(likelihood)
    single = targets.float() if targets.is_floating_point() else targets
    found = likelihood.pointwise(outputs.float(), single)
    assert found.dtype == torch.float32
    torch.testing.assert_close(
        found.double(), likelihood.pointwise(outputs, targets), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("likelihood", ALL, ids=str)
def test_draws_have_the_mean_and_variance_of_the_distribution(likelihood: Likelihood) -> None:
    outputs = outputs_of(N, K)
    generator = torch.Generator().manual_seed(5)
    draws = likelihood.draw(outputs.expand(DRAWS, N, K), generator)
    if isinstance(likelihood, Categorical):
        assert draws.shape == (DRAWS, N)
        draws = torch.nn.functional.one_hot(draws, K).double()
        expected = outputs.softmax(-1)
        spread = expected * (1 - expected)
    else:
        base = reference(likelihood, outputs)
        expected, spread = base.mean, base.variance
    assert draws.shape == (DRAWS, N, K)
    standard_error = (spread / DRAWS).sqrt()
    assert float(((draws.mean(0) - expected) / standard_error).abs().max()) < 4
    squares = (draws - expected) ** 2
    standard_error = squares.std(0) / math.sqrt(DRAWS)
    assert float(((squares.mean(0) - spread) / standard_error).abs().max()) < 4


@pytest.mark.parametrize("likelihood", ALL, ids=str)
def test_draws_come_from_their_generator_alone(likelihood: Likelihood) -> None:
    outputs, before = outputs_of(N, K), torch.get_rng_state()
    first, again = (likelihood.draw(outputs, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(first, again)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("likelihood", ALL, ids=str)
def test_a_draw_can_be_a_target(likelihood: Likelihood) -> None:
    outputs = outputs_of(N, K)
    draws = likelihood.draw(outputs, torch.Generator().manual_seed(1))
    assert torch.equal(likelihood.as_targets(draws), draws)


@pytest.mark.parametrize("likelihood", [GaussianNoise(1.0), Bernoulli(), Poisson()], ids=str)
def test_single_targets_become_a_column(likelihood: Likelihood) -> None:
    targets = torch.tensor([0.0, 1.0, 1.0], dtype=torch.float64)
    assert torch.equal(likelihood.as_targets(targets), targets[:, None])
    assert torch.equal(likelihood.as_targets(targets[:, None]), targets[:, None])


def test_classes_become_indices() -> None:
    classes = Categorical().as_targets(torch.tensor([0.0, 2.0]))
    assert classes.dtype == torch.int64
    assert classes.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("likelihood", "targets", "words"),
    [
        (Bernoulli(), [0.0, 1.0, -1.0], r"^Bernoulli\(\): .* 0 or 1; found -1 at row 2"),
        (Bernoulli(), [0.5, 1.0], r"0 or 1; found 0.5 at row 0"),
        (Poisson(), [0.0, -2.0], r"^Poisson\(\): .* counts 0, 1, 2, ...; found -2 at row 1"),
        (Poisson(), [0.0, 1.0, 2.5], r"found 2.5 at row 2"),
        (Categorical(), [0.0, -1.0], r"^Categorical\(\): .* class indices .* from -1 to 0"),
        (Categorical(), [0.0, 1.5], r"found shape \(2,\) with values from 0 to 1.5"),
        (Categorical(), [[0.0, 1.0], [1.0, 0.0]], r"one for each row; found shape \(2, 2\)"),
    ],
)
def test_impossible_targets_are_refused(
    likelihood: Likelihood, targets: list[float], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        likelihood.as_targets(torch.tensor(targets, dtype=torch.float64))


@pytest.mark.parametrize(
    "scale", [0, -1.0, math.nan, math.inf, True, None, "auto", torch.tensor(0.1)]
)
def test_a_noise_scale_that_is_no_positive_number_is_refused(scale: object) -> None:
    with pytest.raises(InputError, match=r"^GaussianNoise\(scale=.*\): sigma must be a finite"):
        GaussianNoise(scale)  # type: ignore[arg-type]
