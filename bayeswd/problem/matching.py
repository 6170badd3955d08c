"""Which prior belongs to which parameter, and which parameters a linear model has."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from torch import nn

from bayeswd.errors import InputError
from bayeswd.problem.priors import Prior


def priors_by_name(patterns: Mapping[str, Prior], names: Iterable[str]) -> dict[str, Prior]:
    """Resolve names or glob patterns (`"*.bias"`) so that each parameter has exactly one prior."""
    names = list(names)
    if not names:
        raise InputError("the model has no trainable parameter; there is nothing to estimate.")
    resolved = {name: _the_one_match(name, patterns) for name in names}
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise InputError(
                f"the prior pattern {pattern!r} matches no parameter; "
                f"the model's trainable parameters are {', '.join(map(repr, names))}."
            )
    return resolved


def _the_one_match(name: str, patterns: Mapping[str, Prior]) -> Prior:
    matches = [pattern for pattern in patterns if fnmatchcase(name, pattern)]
    if not matches:
        raise InputError(
            f"parameter {name!r} has no prior: the patterns {', '.join(map(repr, patterns))} "
            f"do not match it; add {name!r}: Flat() if it is not to be decayed."
        )
    if len(matches) > 1:
        raise InputError(
            f"parameter {name!r} has {len(matches)} priors, from the patterns "
            f"{', '.join(map(repr, matches))}; leave one."
        )
    prior = patterns[matches[0]]
    if not isinstance(prior, Prior):
        raise InputError(
            f"the prior of {name!r} is {prior!r}; give an object such as Gaussian(scale=0.1)."
        )
    return prior


@dataclass(frozen=True)
class LinearLayout:
    """Names of the parameters of a model whose outputs are inputs @ weight.T + bias."""

    weight: str
    bias: str | None


def linear_layout(model: nn.Module) -> LinearLayout | None:
    """The layout of one `nn.Linear`, bare or alone in a Sequential; None for anything else.

    A subclass or a hook (pruning, spectral norm) may compute something else: None too.
    """
    prefix = ""
    while type(model) is nn.Sequential and not _has_hooks(model):
        layers = [
            (name, layer)
            for name, layer in model.named_children()
            if not isinstance(layer, (nn.Flatten, nn.Identity))
        ]
        if len(layers) != 1:
            return None
        prefix, model = f"{prefix}{layers[0][0]}.", layers[0][1]
    if type(model) is not nn.Linear or _has_hooks(model):
        return None
    if not all(parameter.requires_grad for parameter in model.parameters()):
        return None
    return LinearLayout(f"{prefix}weight", None if model.bias is None else f"{prefix}bias")


def _has_hooks(model: nn.Module) -> bool:
    return bool(model._forward_hooks or model._forward_pre_hooks)
