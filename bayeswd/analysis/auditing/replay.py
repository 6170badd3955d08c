"""Computing a recorded graph again, in float64 and from other numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from bayeswd.analysis.auditing.graph import Call, Node, ancestors, at, mapped, places

NARROW = {torch.float16, torch.bfloat16, torch.float32}


def _unscaled(grads: list[Tensor], found: Tensor, scale: Tensor) -> None:
    """What a gradient scaler does, on float64 too."""
    for one in grads:
        one.mul_(scale)


WIDER: dict[str, Any] = {
    "_amp_foreach_non_finite_check_and_unscale_": _unscaled,
    **{"float": Tensor.double, "half": Tensor.double, "bfloat16": Tensor.double},
}


class ReplayError(Exception):
    """A recorded call failed, or rests on a value that is no longer known."""


def replay(
    wanted: Sequence[Node], known: Mapping[Node, Tensor], always_grad: bool = False
) -> list[Tensor]:
    """The values of `wanted`, from those of `known`, in float64.

    Random calls draw anew; gradients flow from `known` as they did in the program, or everywhere
    (`always_grad`: what ran without). ReplayError names the call that failed.
    """
    values: dict[Any, Any] = {}
    for node in ancestors(list(wanted), known):
        values[node] = known[node] if node in known else _value(node, values, always_grad)
    return [values[node] for node in wanted]


def constant(node: Node) -> Tensor:
    """The value of a root, unless it was overwritten since."""
    if node.value is None or node.value._version != node.version:
        raise ReplayError(f"a tensor {node.shape} is no longer what it was")
    return wide(node.value.detach())


def wide(tensor: Tensor) -> Tensor:
    return tensor.to(torch.float64) if tensor.dtype in NARROW else tensor


def _value(node: Node, values: dict[Any, Any], always_grad: bool) -> Tensor:
    if node.call is None:
        return constant(node)
    if node.call not in values:
        values[node.call] = _called(node.call, values, always_grad)
    result, args = values[node.call]
    kind, *where = node.where
    return at(result if kind == "out" else args, tuple(where))


def _called(call: Call, values: dict[Any, Any], always_grad: bool) -> tuple[Any, Any]:
    """(result, arguments after the call)."""
    if call.func == Tensor.data.__set__:  # type: ignore[attr-defined]
        return None, ((values[call.args[1]].detach(),), {})
    args, kwargs = mapped((call.args, call.kwargs), lambda one: _argument(one, values))
    if call.changed:
        changed = {id(at((args, kwargs), place)) for place in call.changed}
        fresh = {id(one): one.clone() for _, one in places((args, kwargs)) if id(one) in changed}
        args, kwargs = mapped((args, kwargs), lambda one: fresh.get(id(one), one))
    func = WIDER.get(call.name, call.func)
    try:
        with torch.set_grad_enabled(torch.is_grad_enabled() and (call.grad or always_grad)):
            return func(*args, **kwargs), (args, kwargs)
    except Exception as error:
        raise ReplayError(f"{call.name}: {str(error).splitlines()[0]}") from error


def _argument(one: Any, values: dict[Any, Any]) -> Any:
    if isinstance(one, Node):
        return values[one]
    if isinstance(one, torch.dtype) and one in NARROW:
        return torch.float64
    return one
