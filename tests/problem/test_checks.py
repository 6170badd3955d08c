"""Input that cannot be worked with: one line each, before any work."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bayeswd.errors import InputError
from bayeswd.problem import checks
from bayeswd.problem.likelihoods import Bernoulli, Categorical, GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Gaussian

N, D = 5, 3
NOISE = GaussianNoise(1.0)


def rows(n: int = N, d: int = D) -> Tensor:
    return torch.linspace(-1, 1, n * d, dtype=torch.float64).reshape(n, d)


def state(
    model: object = None,
    inputs: object = None,
    targets: object = None,
    likelihood: object = NOISE,
    priors: object = None,
) -> Problem:
    """A plain linear problem, but for what is named."""
    return Problem(
        model=nn.Linear(D, 1) if model is None else model,  # type: ignore[arg-type]
        likelihood=likelihood,  # type: ignore[arg-type]
        priors={"*": Gaussian(1.0)} if priors is None else priors,  # type: ignore[arg-type]
        inputs=rows() if inputs is None else inputs,  # type: ignore[arg-type]
        targets=rows()[:, 0] if targets is None else targets,  # type: ignore[arg-type]
    )


def holed(shape: tuple[int, ...], where: tuple[int, ...], value: float) -> Tensor:
    tensor = torch.zeros(shape, dtype=torch.float64)
    tensor[where] = value
    return tensor


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (holed((N, D), (2, 1), math.nan), r"^inputs: nan at row 2, column 1 .*, 1 such in all"),
        (holed((N, D), (4, 0), -math.inf), r"^inputs: -inf at row 4, column 0 \(counted from 0\)"),
        (torch.full((N, D), math.inf), r"inf at row 0, column 0 .* 15 such in all; drop or impu"),
        (torch.zeros(0, D), r"^inputs are empty \(shape \(0, 3\)\); give at least one row"),
        (torch.zeros(N, 0), r"^inputs are empty \(shape \(5, 0\)\); .* one row and column"),
        (torch.zeros(N), r"^inputs have shape \(5,\); .* \(a single column is inputs\[:, None\]"),
        (torch.zeros(()), r"^inputs have shape \(\)"),
        (torch.zeros(N, 7), r"does not accept inputs of shape \(5, 7\): .*shapes cannot be mult"),
        (torch.zeros(N, D, dtype=torch.complex64), r"^inputs must be real .* torch.complex64"),
        ([["1.0", "x", "2.0"]] * N, r"^inputs must be real numbers; found <U3: encode or drop"),
        (np.array([[1.0, None, 2.0]] * N), r"^inputs must be real numbers; found object"),
        ([[1.0, 2.0], [3.0]], r"^inputs must be real numbers; found a ragged list"),
    ],
    ids=str,
)
def test_inputs_that_cannot_be_used(inputs: object, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        state(inputs=inputs)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        (holed((N,), (3,), math.nan), r"^targets: nan at row 3 \(counted from 0\), 1 such"),
        (holed((N, 1), (3, 0), math.inf), r"^targets: inf at row 3, column 0"),
        (torch.zeros(N - 1), r"^targets have shape \(4,\) for 5 rows of inputs; give one target"),
        (torch.zeros(N, 1, 1), r"^targets have shape \(5, 1, 1\) for 5 rows"),
        (torch.zeros(()), r"^targets have shape \(\) for 5 rows"),
        (torch.zeros(N, 0), r"^targets are empty \(shape \(5, 0\)\)"),
        (torch.zeros(N, 2), r"returns shape \(2, 1\) for 2 rows whose .* \(2, 2\); make them eq"),
        (["yes"] * N, r"^targets must be real numbers; found <U3"),
    ],
    ids=str,
)
def test_targets_that_cannot_be_used(targets: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        state(targets=targets)


def test_one_row_is_checked_as_well_as_two() -> None:
    assert state(inputs=rows(1), targets=[2.0]).targets.shape == (1, 1)
    with pytest.raises(InputError, match=r"returns shape \(1, 1\) for 1 rows whose targets have"):
        state(inputs=rows(1), targets=[[2.0, 3.0]])


def test_a_class_without_output_is_refused() -> None:
    words = r"^class index 4 needs at least 5 outputs; the model returns shape \(3,\) for each row"
    with pytest.raises(InputError, match=words):
        state(nn.Linear(D, 3), targets=[0, 1, 4, 0, 1], likelihood=Categorical())


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", "i8", "u1", "?", ">f8"])
def test_arrays_are_copied_to_float64_or_float32(dtype: str) -> None:
    inputs, targets = np.eye(N, D).astype(dtype), np.arange(N).astype(dtype)
    problem = state(inputs=inputs, targets=targets)
    expected = torch.float32 if dtype == "f4" else torch.float64
    assert problem.inputs.dtype == problem.targets.dtype == expected
    np.testing.assert_array_equal(problem.inputs, np.eye(N, D))
    inputs[:] = 0
    assert problem.inputs.sum() == D


def test_other_containers_are_accepted() -> None:
    frozen = np.eye(N, D)[::-1]
    frozen.flags.writeable = False
    for inputs in (frozen, frozen.tolist(), np.asfortranarray(frozen)):
        problem = state(inputs=inputs, targets=frozen[:, 0])
        assert problem.inputs.dtype == torch.float64
        np.testing.assert_array_equal(problem.inputs, frozen)
    assert state(inputs=torch.eye(N, D, dtype=torch.int64)).inputs.dtype == torch.float64


def test_inputs_that_require_gradients_are_detached() -> None:
    problem = state(inputs=rows().requires_grad_(), targets=rows()[:, 0].clone().requires_grad_())
    assert not problem.inputs.requires_grad
    assert not problem.targets.requires_grad


class FunctionalDropout(nn.Linear):
    """Randomness that no layer's type gives away."""

    def forward(self, inputs: Tensor) -> Tensor:
        return nn.functional.dropout(super().forward(inputs), 0.5, self.training)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (nn.Sequential(nn.Linear(D, 1), nn.Dropout(0.5)), r"layer '1' \(Dropout\) is in training"),
        (nn.Sequential(nn.Linear(D, 1), nn.AlphaDropout(0.1)), r"'1' \(AlphaDropout\)"),
        (nn.Sequential(nn.BatchNorm1d(D), nn.Linear(D, 1)), r"'0' \(BatchNorm1d\) is in training"),
        (nn.Sequential(nn.Linear(D, 32), nn.RReLU(), nn.Linear(32, 1)), r"returns two answers to"),
        (nn.Sequential(FunctionalDropout(D, 64), nn.Linear(64, 1)), r"two answers to the same in"),
    ],
    ids=str,
)
def test_a_model_in_training_mode_is_no_function(model: nn.Module, words: str) -> None:
    with pytest.raises(InputError, match=rf"{words}.*call model.eval\(\) first"):
        state(model)
    assert state(model.eval()).n == N


def test_layers_without_effect_in_training_are_accepted() -> None:
    state(nn.Sequential(nn.Linear(D, 1), nn.Dropout(0.0), nn.LayerNorm(1)))


def test_a_lazy_layer_is_refused_until_it_has_a_shape() -> None:
    model = nn.Sequential(nn.LazyLinear(1))
    with pytest.raises(InputError, match=r"'0.weight' has no shape yet \(a lazy layer\): call th"):
        state(model)
    model(rows().float())
    assert state(model).n == N


class Pair(nn.Linear):
    """A model of two answers."""

    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs), inputs  # type: ignore[return-value]


def test_a_model_that_returns_no_tensor_is_refused() -> None:
    with pytest.raises(InputError, match=r"returns a tuple; wrap it so that it returns its outpu"):
        state(Pair(D, 1))


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (nn.Sequential(nn.BatchNorm2d(D), nn.Flatten()).eval(), "expected 4D input"),
        (nn.Sequential(nn.Flatten(5), nn.Linear(D, 1)), "Dimension out of range"),
        (nn.Bilinear(D, D, 1), "missing 1 required positional argument: 'input2'"),
    ],
    ids=lambda given: type(given).__name__,
)
def test_a_model_that_takes_other_inputs_is_refused(model: nn.Module, reason: str) -> None:
    with pytest.raises(InputError, match=rf"does not accept inputs of shape \(5, 3\): .*{reason}"):
        state(model)


def test_a_part_of_another_kind_is_refused() -> None:
    with pytest.raises(InputError, match=r"^model: found <built-in .*; give .* torch.nn.Linear\(d"):
        state(torch.sin)
    with pytest.raises(InputError, match=r"^likelihood: found <class .*Bernoulli'>; .* Gaussian"):
        state(likelihood=Bernoulli)
    with pytest.raises(
        InputError, match=r"^priors: found Gaussian\(scale=1.0\); give an .* {.weight"
    ):
        state(priors=Gaussian(1.0))


def test_a_linear_problem_without_a_unique_mode_is_refused() -> None:
    priors = {"weight": Flat(), "bias": Flat()}
    words = r"strength 0 \(Flat prior\) with 4 coefficients and 3 rows: the mode is not unique"
    with pytest.raises(InputError, match=words):
        checks.require_unique_mode(state(inputs=rows(3), targets=rows(3)[:, 0], priors=priors))
    four = {"inputs": rows(4), "targets": rows(4)[:, 0]}
    checks.require_unique_mode(state(**four, priors=priors))
    three = {"inputs": rows(3), "targets": rows(3)[:, 0]}
    checks.require_unique_mode(state(**three, priors={"weight": Gaussian(1.0), "bias": Flat()}))
    without_bias = nn.Linear(D, 1, bias=False)
    checks.require_unique_mode(state(without_bias, **three, priors={"weight": Flat()}))


def test_only_a_linear_model_is_asked_for_a_unique_mode() -> None:
    model = nn.Sequential(nn.Linear(D, 9), nn.Tanh(), nn.Linear(9, 1))
    checks.require_unique_mode(state(model, priors={"*": Flat()}))
