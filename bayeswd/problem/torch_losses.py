"""torch's losses as likelihoods: the row of the knobs that each has, or why it has none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from bayeswd.errors import InputError
from bayeswd.problem.likelihoods import Bernoulli, Categorical, GaussianNoise, Likelihood, Poisson

Loss = nn.Module | Callable[..., Tensor]

# A loss, and the loss whose row of the knobs it has: NLLLoss of log probabilities is cross-entropy.
ROWS: list[tuple[Any, str]] = [
    (nn.MSELoss, "MSELoss"),
    (functional.mse_loss, "MSELoss"),
    (nn.CrossEntropyLoss, "CrossEntropyLoss"),
    (functional.cross_entropy, "CrossEntropyLoss"),
    (nn.NLLLoss, "CrossEntropyLoss"),
    (functional.nll_loss, "CrossEntropyLoss"),
    (nn.BCEWithLogitsLoss, "BCEWithLogitsLoss"),
    (functional.binary_cross_entropy_with_logits, "BCEWithLogitsLoss"),
    (nn.PoissonNLLLoss, "PoissonNLLLoss"),
    (functional.poisson_nll_loss, "PoissonNLLLoss"),
]
NOISELESS: dict[str, type[Likelihood]] = {
    "CrossEntropyLoss": Categorical,
    "BCEWithLogitsLoss": Bernoulli,
    "PoissonNLLLoss": Poisson,
}


def row_of(loss: Loss) -> str:
    """The knob row of SGD with this loss; refused where the loss is tempered or unknown."""
    kind = type(loss) if isinstance(loss, nn.Module) else loss
    name = getattr(kind, "__name__", type(loss).__name__)
    row = next((row for known, row in ROWS if known is kind), None)
    if row is None or isinstance(loss, type):
        known = ", ".join(dict.fromkeys(f"nn.{row}()" for _, row in ROWS))
        raise InputError(f"loss {name}: no likelihood of ours; give one loss object of {known}.")
    for attribute in ("weight", "pos_weight"):
        if getattr(loss, attribute, None) is not None:
            raise InputError(
                f"loss {name} has a {attribute}: weighted rows or classes temper the likelihood; "
                "leave it out."
            )
    if getattr(loss, "label_smoothing", 0.0):
        raise InputError(
            f"loss {name} smooths labels, which is no likelihood of the labels seen: set "
            "label_smoothing=0."
        )
    if not getattr(loss, "log_input", True):
        raise InputError(f"loss {name} with log_input=False: let the model return the log mean.")
    reduction = getattr(loss, "reduction", "mean")
    if reduction not in ("mean", "sum"):
        raise InputError(f"loss {name} with reduction={reduction!r}: use 'mean' or 'sum'.")
    return f"torch.SGD+{row}" + (":sum" if reduction == "sum" else "")


def likelihood_of(loss: Loss, noise_scale: float | None) -> Likelihood:
    """The likelihood whose mean or sum the loss is, squared errors with sigma = `noise_scale`."""
    row = row_of(loss).removeprefix("torch.SGD+").removesuffix(":sum")
    if row == "MSELoss":
        if noise_scale is None:
            raise InputError(
                "give noise_scale: MSELoss fixes only sigma^2/tau^2, so sigma must be named."
            )
        return GaussianNoise(noise_scale)
    if noise_scale is not None:
        raise InputError(f"noise_scale={noise_scale:g}: {row} has no noise scale; leave it out.")
    return NOISELESS[row]()


def require_all_rows(loss: Loss, targets: Tensor) -> None:
    """Refuse targets that the loss leaves out: then n does not count what trains."""
    ignored = getattr(loss, "ignore_index", None)
    count = 0 if ignored is None else int((targets == ignored).sum())
    if count:
        raise InputError(
            f"{count} of the targets are {ignored}, which the loss ignores: drop those rows."
        )


def require_log_probabilities(loss: Loss, outputs: Tensor) -> None:
    """Refuse NLLLoss on anything else: it is a cross-entropy of log probabilities only."""
    asked = isinstance(loss, nn.NLLLoss) or loss is functional.nll_loss
    if asked and not bool((outputs.logsumexp(-1).abs() < 1e-3).all()):
        raise InputError(
            "NLLLoss on outputs that are no log probabilities: end the model in LogSoftmax, or "
            "use CrossEntropyLoss."
        )
