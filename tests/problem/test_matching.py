"""Which prior a parameter gets, and which models count as linear."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from bayeswd.errors import InputError
from bayeswd.problem.matching import LinearLayout, linear_layout, priors_by_name
from bayeswd.problem.priors import Flat, Gaussian, Laplace

NAMES = ["0.weight", "0.bias", "2.weight", "2.bias"]


def test_names_and_patterns_give_each_parameter_one_prior() -> None:
    wide, narrow = Gaussian(1.0), Laplace(0.1)
    found = priors_by_name({"*.bias": Flat(), "2.weight": narrow, "0.w*": wide}, NAMES)
    assert found == {"0.weight": wide, "0.bias": Flat(), "2.weight": narrow, "2.bias": Flat()}
    assert list(found) == NAMES  # the model's order, not the patterns'


def test_resolving_a_second_time_changes_nothing() -> None:
    once = priors_by_name({"*.bias": Flat(), "*.weight": Gaussian(1.0)}, NAMES)
    assert priors_by_name(once, NAMES) == once


def test_a_pattern_is_case_sensitive() -> None:
    with pytest.raises(InputError, match=r"parameter '0.bias' has no prior"):
        priors_by_name({"*.Bias": Flat(), "*.weight": Gaussian(1.0)}, NAMES)


def test_a_parameter_without_prior_is_refused() -> None:
    words = r"'0.bias' has no prior: the patterns '\*.weight' do not match it; add '0.bias': Flat"
    with pytest.raises(InputError, match=words):
        priors_by_name({"*.weight": Gaussian(1.0)}, NAMES)


def test_a_parameter_with_two_priors_is_refused() -> None:
    words = r"'0.weight' has 2 priors, from the patterns '\*', '0.weight'; leave one"
    with pytest.raises(InputError, match=words):
        priors_by_name({"*": Flat(), "0.weight": Gaussian(1.0)}, NAMES)


def test_a_pattern_that_matches_nothing_is_refused() -> None:
    patterns = {"*.weight": Gaussian(1.0), "*.bias": Flat(), "1.weight": Flat()}
    words = r"'1.weight' matches no parameter; the model's trainable parameters are '0.weight', "
    with pytest.raises(InputError, match=words):
        priors_by_name(patterns, NAMES)


@pytest.mark.parametrize("prior", [0.1, None, Gaussian])
def test_what_is_no_prior_is_refused(prior: object) -> None:
    with pytest.raises(InputError, match=r"prior of '0.weight' is .*; give an object such as Gau"):
        priors_by_name({"0.weight": prior}, ["0.weight"])  # type: ignore[dict-item]


def test_a_model_without_trainable_parameters_is_refused() -> None:
    with pytest.raises(InputError, match=r"no trainable parameter; there is nothing to estimate"):
        priors_by_name({}, [])


def linear(bias: bool = True) -> nn.Linear:
    return nn.Linear(6, 2, bias=bias)


@pytest.mark.parametrize(
    ("model", "weight", "bias"),
    [
        (linear(), "weight", "bias"),
        (linear(bias=False), "weight", None),
        (nn.Sequential(linear()), "0.weight", "0.bias"),
        (nn.Sequential(nn.Flatten(), linear()), "1.weight", "1.bias"),
        (nn.Sequential(nn.Identity(), linear(bias=False)), "1.weight", None),
        (nn.Sequential(nn.Flatten(), nn.Sequential(linear())), "1.0.weight", "1.0.bias"),
    ],
    ids=str,
)
def test_one_linear_layer_is_linear(model: nn.Module, weight: str, bias: str | None) -> None:
    """And the layout's parameters do rebuild the outputs as inputs @ weight.T + bias."""
    layout = linear_layout(model)
    assert layout == LinearLayout(weight, bias)
    params = dict(model.named_parameters())
    inputs = torch.linspace(-1, 1, 24).reshape(4, 2, 3)
    inputs = inputs if isinstance(model, nn.Sequential) and len(model) > 1 else inputs.flatten(1)
    flat = inputs.flatten(1)
    if isinstance(model, nn.Sequential) and isinstance(model[0], nn.Identity):
        inputs = flat
    outputs = flat @ params[weight].T + (params[bias] if bias else 0)
    torch.testing.assert_close(model(inputs), outputs)


class Doubled(nn.Sequential):
    """A Sequential with a forward pass of its own."""

    def forward(self, inputs: Tensor) -> Tensor:
        return 2 * super().forward(inputs)


class Cosine(nn.Linear):
    """A Linear with a forward pass of its own."""

    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs).cos()


def frozen_bias() -> nn.Linear:
    layer = linear()
    layer.bias.requires_grad_(False)
    return layer


def hooked() -> nn.Linear:
    layer = linear()
    layer.register_forward_hook(lambda module, inputs, output: output**2)
    return layer


@pytest.mark.parametrize(
    "model",
    [
        nn.Sequential(linear(), nn.ReLU()),
        nn.Sequential(linear(), nn.Linear(2, 1)),
        nn.Sequential(nn.Flatten()),
        nn.Sequential(),
        nn.Conv1d(2, 1, 3),
        nn.utils.parametrizations.weight_norm(linear()),
        prune.l1_unstructured(linear(), "weight", amount=3),
        Doubled(linear()),
        Cosine(6, 2),
        frozen_bias(),
        hooked(),
        nn.Sequential(hooked()),
    ],
    ids=lambda model: type(model).__name__,
)
def test_any_other_model_is_not(model: nn.Module) -> None:
    assert linear_layout(model) is None
