"""What must hold before a problem is worked on; each failure is one line."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from bayeswd.errors import InputError

if TYPE_CHECKING:
    from bayeswd.problem.objective import Problem


def is_positive_number(value: object) -> bool:
    """Whether `value` can be a scale: a plain finite number > 0, no bool, no tensor."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return math.isfinite(value) and value > 0


def as_inputs(inputs: Any) -> Tensor:
    """A finite floating tensor [n, ...] with n >= 1; arrays and integers become float64."""
    tensor = _as_real("inputs", inputs)
    tensor = tensor if tensor.is_floating_point() else tensor.double()
    if tensor.ndim < 2:
        raise InputError(
            f"inputs have shape {tuple(tensor.shape)}; give one row for each example, [n, d] "
            "(a single column is inputs[:, None])."
        )
    _require_finite("inputs", tensor)
    return tensor


def as_targets(targets: Any, inputs: Tensor) -> Tensor:
    """Finite targets [n] or [n, K], in the dtype and on the device of the inputs."""
    tensor = _as_real("targets", targets)
    if tensor.ndim not in (1, 2) or len(tensor) != len(inputs):
        raise InputError(
            f"targets have shape {tuple(tensor.shape)} for {len(inputs)} rows of inputs; "
            "give one target (or one row of K targets) for each row."
        )
    tensor = tensor.to(inputs)
    _require_finite("targets", tensor)
    return tensor


def require_kind(what: str, value: object, kind: type, example: str) -> None:
    """Refuse a part of a problem that is not of its kind (a class in place of an object)."""
    if not isinstance(value, kind):
        found = repr(value).splitlines()[0]
        raise InputError(f"{what}: found {found}; give an object such as {example}.")


def require_function(model: nn.Module) -> None:
    """Refuse a model whose output is not a function of its weights and inputs alone."""
    for name, layer in model.named_modules():
        noisy = isinstance(layer, _DropoutNd) and layer.p > 0
        if layer.training and (noisy or isinstance(layer, _BatchNorm)):
            raise InputError(
                f"layer {name!r} ({type(layer).__name__}) is in training mode, so the objective "
                "is not a function of the weights; call model.eval() first."
            )
    for name, value in model.named_parameters():
        if isinstance(value, nn.parameter.UninitializedParameter):
            raise InputError(
                f"parameter {name!r} has no shape yet (a lazy layer): call the model once on "
                "the inputs before stating a problem."
            )


def require_matching_outputs(problem: Problem) -> None:
    """Refuse targets that would broadcast against the outputs ((n, 1) - (n,) is n x n)."""
    outputs = _outputs_of_two_rows(problem)
    targets = problem.targets
    if targets.is_floating_point():
        if outputs.shape != targets[:2].shape:
            raise InputError(
                f"the model returns shape {tuple(outputs.shape)} for {len(targets[:2])} rows whose "
                f"targets have shape {tuple(targets[:2].shape)}; make them equal."
            )
    elif outputs.ndim != 2 or int(targets.max()) >= outputs.shape[-1]:
        raise InputError(
            f"class index {int(targets.max())} needs at least {int(targets.max()) + 1} outputs; "
            f"the model returns shape {tuple(outputs.shape[1:])} for each row."
        )


def _outputs_of_two_rows(problem: Problem) -> Tensor:
    few, weights = problem.inputs[:2], problem.initial
    try:
        outputs, again = (problem.outputs(weights, few) for _ in range(2))
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"the model does not accept inputs of shape {tuple(problem.inputs.shape)}: {reason}"
        ) from error
    if not isinstance(outputs, Tensor):
        raise InputError(
            f"the model returns a {type(outputs).__name__}; wrap it so that it returns its "
            "outputs as one tensor [n, K]."
        )
    if not torch.allclose(outputs, again, rtol=1e-3, equal_nan=True):
        raise InputError(
            "the model returns two answers to the same inputs, so the objective is not a function "
            "of the weights; call model.eval() first, or take the randomness out."
        )
    return outputs


def require_unique_mode(problem: Problem) -> None:
    """Refuse a linear problem under a flat prior with more weights than rows."""
    layout = problem.linear
    if layout is None or layout.weight in problem.penalized:
        return
    columns = problem.initial[layout.weight].shape[-1] + (layout.bias is not None)
    if columns > problem.n:
        raise InputError(
            f"strength 0 (Flat prior) with {columns} coefficients and {problem.n} rows: the mode "
            "is not unique, and training returns whatever its start leaves there; give a "
            "strength > 0 or more rows."
        )


def _as_real(what: str, values: Any) -> Tensor:
    """A tensor as it is; anything else as a copy, float32 if it was that, float64 if not."""
    if isinstance(values, Tensor):
        if values.is_complex():
            raise _not_real(what, values.dtype)
        return values.detach()
    try:
        array = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise _not_real(what, f"a ragged {type(values).__name__}") from error
    if array.dtype.kind not in "biuf":
        raise _not_real(what, array.dtype)
    kind = np.float32 if array.dtype == np.float32 else np.float64
    return torch.from_numpy(array.astype(kind, order="C"))


def _not_real(what: str, found: object) -> InputError:
    return InputError(f"{what} must be real numbers; found {found}: encode or drop what is not.")


def _require_finite(what: str, tensor: Tensor) -> None:
    if tensor.numel() == 0:
        raise InputError(
            f"{what} are empty (shape {tuple(tensor.shape)}); give at least one row and column."
        )
    bad = (~torch.isfinite(tensor)).nonzero()
    if len(bad):
        row, *rest = bad[0].tolist()
        where = f"row {row}" + "".join(f", column {column}" for column in rest[:1])
        raise InputError(
            f"{what}: {float(tensor[tuple(bad[0])])} at {where} (counted from 0), "
            f"{len(bad)} such in all; drop or impute them first."
        )
