"""Which calls of torch functions change something, say something, or may be passed over."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn.parameter import UninitializedTensorMixin  # type: ignore[attr-defined]

from bayeswd.analysis.auditing.graph import Call

GET_DATA, SET_DATA = getattr(Tensor, "data").__get__, getattr(Tensor, "data").__set__  # noqa: B009
GET_GRAD, SET_GRAD = getattr(Tensor, "grad").__get__, getattr(Tensor, "grad").__set__  # noqa: B009
SINKS = {"item", "__float__", "tolist", "numpy", "__array__", "__format__", "__repr__"}
PICKING = {"__getitem__", "index_select", "narrow", "split", "chunk", "take", "unbind", "select"}
HOOKS = {"register_hook", "register_post_accumulate_grad_hook"}
UNCOUNTED = {"_amp_foreach_non_finite_check_and_unscale_"}  # writes, and no version tells
VIEWS = [getattr(Tensor, name).__get__ for name in ("data", "T", "mT", "H", "mH", "real")]
QUIET = {"backward", "requires_grad_"} | HOOKS


def is_one_number(tensor: Tensor) -> bool:
    """Zeros, ones and the like are constants of the program and no data."""
    return bool((tensor == tensor.flatten()[0]).all())


def is_leaf(tensor: Tensor) -> bool:
    """No for views made without gradients whose base was written since: torch refuses to tell."""
    try:
        return tensor.is_leaf
    except RuntimeError:
        return False


def says_nothing(func: Any, name: str, tensors: list[tuple[Any, Tensor]]) -> bool:
    """Shapes, devices and the like; and layers that have no weights yet."""
    if name == "__get__":
        lazy = any(isinstance(one, UninitializedTensorMixin) for _, one in tensors)
        return lazy or func not in VIEWS
    return any(isinstance(one, UninitializedTensorMixin) for _, one in tensors)


def writes(name: str, kwargs: dict[str, Any]) -> bool:
    """Whether a function of this name writes into its arguments."""
    in_place = name.endswith("_") and not name.endswith("__")
    return in_place or name[:3] == "__i" or name in ("__setitem__", "batch_norm") or "out" in kwargs


def rows_behind(call: Call) -> int | None:
    """How many rows the data have that this was taken from."""
    for parent in call.parents():
        if parent.rows is not None and (call.name in PICKING or parent.shape):
            return parent.rows
    return None
