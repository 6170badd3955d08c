"""The data term of a loss: of which likelihood it is, and in which unit.

The model's output is the node through which every weight reaches the loss. There the force of the
data is compared, at several outputs, with the score of each likelihood: what is linear in the
output is Gaussian, what is linear in softmax(output) categorical, and so on. No target is needed,
it follows.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from bayeswd.analysis.auditing.branches import LossGraph
from bayeswd.analysis.auditing.graph import Node
from bayeswd.analysis.auditing.injected import GRAD
from bayeswd.analysis.auditing.replay import CannotReplay, replay

EXACT = 1e-7

Force = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class DataTerm:
    """precision * (negative log likelihood of one element), summed: what `backward` was given.

    likelihood: "gaussian" (half squares; precision is then that of an element for sigma = 1),
        "categorical", "bernoulli", "poisson", "laplace", "huber", or "unknown".
    precision: None where it differs between rows; `weights` then has each one's.
    rows, outputs: elements of the output along its first axis, and of each of them.
    threshold: where a Huber loss becomes linear. note: what is unusual about it.
    """

    likelihood: str
    precision: float | None = None
    weights: Tensor | None = None
    rows: int = 0
    outputs: int = 1
    threshold: float | None = None
    smoothing: float = 0.0
    broadcast: bool = False
    note: str = ""

    @property
    def known(self) -> bool:
        return self.likelihood != "unknown"

    @property
    def mean_precision(self) -> float:
        """Of one row, on average."""
        assert self.weights is not None
        return float(self.weights.sum()) / (self.rows * self.outputs)

    @property
    def says(self) -> tuple[str, bool | None, float | None]:
        """(reduction, half, scale): the scale is 1 where reduction and half say it all."""
        if self.precision is None:
            return "weighted", None, None
        elements = self.rows * self.outputs
        for reduction, unit in (
            ("mean", 1 / elements),
            ("sum", 1.0),
            ("mean of rows", 1 / self.rows),
        ):
            factor = self.precision / unit
            halves = (1.0, 2.0) if self.likelihood == "gaussian" else (1.0,)
            for known in halves:
                if math.isclose(factor, known, rel_tol=1e-6):
                    half = None if self.likelihood != "gaussian" else known == 1.0
                    return reduction, half, 1.0
        return "scaled", None, self.precision * elements


def output_of(graph: LossGraph) -> Node | None:
    """The first node that all weights of the model must pass to reach the loss."""
    penalties = {id(one.node) for one in graph.penalties}
    place = {id(node): order for order, node in enumerate(graph.nodes)}
    ends = [node for node, _ in graph.event.losses]
    if len(ends) != 1:
        return None
    waiting = [(-place[id(ends[0])], ends[0])]
    seen = {id(ends[0])}
    last = None
    while waiting:
        _, node = heapq.heappop(waiting)
        if not graph.is_tainted(node):
            break  # a weight of the model: from here on there is more than one way
        if not waiting and node.dtype.is_floating_point:
            last = node
        for parent in node.parents():
            wanted = graph.is_own(parent) and id(parent) not in penalties
            if wanted and id(parent) not in seen:
                seen.add(id(parent))
                heapq.heappush(waiting, (-place[id(parent)], parent))
    return last


def data_term(graph: LossGraph) -> tuple[DataTerm, Node | None]:
    """The data term of one call of backward, and the node of the model's output."""
    output = output_of(graph)
    if output is None:
        return DataTerm("unknown", note="several losses were differentiated at once"), None
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return _scored(graph, output), output
    except CannotReplay as reason:
        return DataTerm("unknown", note=str(reason)), output


def force_at_output(graph: LossGraph, output: Node) -> tuple[Tensor, Force]:
    """The output as it was, and d loss / d output at any other."""
    known = graph.at(graph.weights)
    with torch.no_grad():
        wanted = [output, *(one.node for one in graph.penalties)]
        value, *held = replay(wanted, known)
    fixed = {one.node: v for one, v in zip(graph.penalties, held, strict=True)}

    def force(at: Tensor) -> Tensor:
        leaf = at.detach().clone().requires_grad_()
        with torch.enable_grad():
            whole = graph.objective({**known, **fixed, output: leaf})
        (found,) = GRAD(whole, [leaf], allow_unused=True)
        return torch.zeros_like(leaf) if found is None else found

    return value, force


def _scored(graph: LossGraph, output: Node) -> DataTerm:
    value, force = force_at_output(graph, output)
    generator = torch.Generator().manual_seed(0)
    spread = float(value.std()) if value.numel() > 1 else 1.0
    spread = spread if spread > 0 else 1.0
    steps = [
        size * spread * torch.randn(value.shape, generator=generator, dtype=torch.float64)
        for size in (1.0, 0.3)
    ]
    slopes = [force(value)] + [force(value + step) for step in steps]
    rows = len(value) if value.ndim else 1
    shape = {"rows": rows, "outputs": max(value.numel() // max(rows, 1), 1)}
    for name in SCORES:
        weights = _fit(name, value, steps, slopes)
        if weights is not None:
            return _finished(name, weights, graph, output, value, slopes[0], shape)
    bounded = _bounded(value, force, shape)
    return bounded or DataTerm("unknown", note=_what(graph, output), **shape)


SCORES: dict[str, Callable[[Tensor], Tensor]] = {
    "gaussian": lambda value: value,
    "bernoulli": torch.sigmoid,
    "poisson": torch.exp,
    "categorical": lambda value: value.softmax(1),
    "categorical, last axis": lambda value: value.softmax(-1),
}


def _fit(name: str, value: Tensor, steps: list[Tensor], slopes: list[Tensor]) -> Tensor | None:
    """The precision of each element, if the force changes as this score does."""
    score, axis = SCORES[name], _class_axis(name)
    if axis is not None and (value.ndim < 2 or value.shape[axis] < 2):
        return None
    scored = torch.stack([score(value + step) - score(value) for step in steps])
    moved = torch.stack([one - slopes[0] for one in slopes[1:]])
    if not (bool(scored.isfinite().all()) and bool(moved.isfinite().all())):
        return None
    product, square = (scored * moved).sum(0), (scored * scored).sum(0)
    if axis is not None:  # one weight for all classes of a row
        product, square = product.sum(axis, keepdim=True), square.sum(axis, keepdim=True)
    weights = product / square
    left, whole = float((moved - weights * scored).norm()), float(moved.norm())
    return weights if whole > 0 and left <= EXACT * whole else None


def _class_axis(name: str) -> int | None:
    return {"categorical": 1, "categorical, last axis": -1}.get(name)


def _finished(
    name: str,
    weights: Tensor,
    graph: LossGraph,
    output: Node,
    value: Tensor,
    force: Tensor,
    shape: dict[str, int],
) -> DataTerm:
    notes, smoothing = [], 0.0
    kept = weights[weights != 0]
    one = kept.mean()
    uniform = len(kept) == weights.numel() and bool(((kept - one).abs() <= 1e-6 * one.abs()).all())
    axis = _class_axis(name)
    if axis is not None:
        shape = {"rows": len(value), "outputs": weights.numel() // len(value)}
        targets, classes = SCORES[name](value) - force / weights, value.shape[axis]
        smoothing = float(1 - targets.amax(axis).mean()) * classes / (classes - 1)
        smoothing = smoothing if smoothing > 1e-6 else 0.0
        if not bool(((targets.sum(axis) - 1).abs() < 1e-6).all()):
            return DataTerm("unknown", note="the force does not sum to 0 over classes", **shape)
        name = "categorical"
    if float(one) < 0:
        notes.append("the data term has the wrong sign: training makes the fit worse")
    broadcast = name == "gaussian" and _is_broadcast(graph, output)
    return DataTerm(
        name,
        float(one) if uniform else None,
        weights.flatten(),
        smoothing=smoothing,
        broadcast=broadcast,
        note="; ".join(notes),
        **shape,  # type: ignore[arg-type]
    )


def _is_broadcast(graph: LossGraph, output: Node) -> bool:
    """Outputs [n, 1] against targets [n]: somewhere after the output stand n x n numbers."""
    rows = output.shape[0] if output.shape else 1
    if rows < 2 or output.size != rows:
        return False
    later = [one for one in graph.nodes if one.order > output.order and graph.is_own(one)]
    # a loss function does it inside: there its two arguments show it
    for node in later:
        shapes = [one.shape for one in node.parents() if one.size > 1]
        together = node.size == rows * rows
        inside = node.size in (1, rows * rows) and {(rows, 1), (rows,)} <= set(shapes)
        if together or inside:
            return True
    return False


def _bounded(value: Tensor, force: Force, shape: dict[str, int]) -> DataTerm | None:
    """Absolute errors and Huber's: a score that is linear around the target and then constant."""
    far = 1e6 * (1 + float(value.abs().max()))
    high, low = force(value + far), force(value - far)
    largest = float(high.abs().max())
    if largest == 0 or float((high + low).abs().max()) > EXACT * largest:
        return None
    if not bool(((force(value + 2 * far) - high).abs() <= EXACT * largest).all()):
        return None
    below, above = value - far, value + far
    for _ in range(100):
        middle = (below + above) / 2
        up = force(middle) * high.sign() > 0
        above, below = torch.where(up, middle, above), torch.where(up, below, middle)
    center = (below + above) / 2
    return _huber(value, center, force, high, shape)


def _huber(
    value: Tensor, center: Tensor, force: Force, high: Tensor, shape: dict[str, int]
) -> DataTerm | None:
    spread = float((value - center).abs().mean()) or 1.0
    tiny = force(center + 1e-7 * spread)
    constant = bool(((tiny - high).abs() <= EXACT * high.abs()).all())
    if constant:
        kind, weights, threshold = "laplace", high.abs(), None
    else:
        small = 1e-3 * spread
        while float((force(center + small) / high).abs().max()) >= 1 and small > 1e-12:
            small /= 10
        weights = force(center + small) / small
        limit = high.abs() / weights
        kind, threshold = "huber", float(limit.mean())
        for factor in (0.3, 0.9, 1.7):
            at = center + factor * threshold
            wanted = weights * torch.minimum((at - center), limit)
            if float((force(at) - wanted).abs().max()) > 1e-5 * float(high.abs().max()):
                return None
    uniform = float(weights.max() - weights.min()) <= 1e-6 * float(weights.max())
    precision = float(weights.mean()) if uniform else None
    return DataTerm(kind, precision, weights.flatten(), threshold=threshold, **shape)  # type: ignore[arg-type]


def _what(graph: LossGraph, output: Node) -> str:
    if output in [node for node, _ in graph.event.losses]:
        return "weights reach the loss by more than one way; no single output of a model"
    return "the force at the output is the score of no likelihood that is known here"
