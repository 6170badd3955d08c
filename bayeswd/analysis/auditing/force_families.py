"""From a force measured at many weights to the penalty it is the slope of.

A penalty's force is fitted, weight by weight, by the fewest slopes of the dictionary that leave
less than `tolerance` of it: w (Gaussian), sign w (Laplace), w/|w| over groups (the norm without
its square, the group lasso), a constant (a tilt, which with w is a centre), all of them about 0
or about another centre.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

EXACT = 1e-8  # of a force computed in float64
UNIFORM = 1e-6  # spread of a strength over weights that is rounding
PROBES = 8
ROUNDING = 1e-13  # of the largest force: a sum of terms that cancel

Weights = dict[int, Tensor]  # parameter -> its weights
Table = tuple[tuple[float, float], ...]  # (|w|, force towards the centre)


@dataclass(frozen=True, eq=False)
class Pull:
    """What pulls one parameter: penalty slopes and how strong each is.

    parts: slope name -> strength, one number or one for each weight. centre: None for 0.
    residual: share of the force that is left. table: (|w|, force towards the centre) as measured.
    names: "l2", "l1", "norm" (this tensor), "norm-all" (all penalised tensors as one vector),
    "norm-rows", "norm-columns", "tilt", "box", "max-norm", "decoupled"; none of them: unknown.
    """

    parameter: int
    parts: dict[str, Tensor]
    residual: float
    source: str
    centre: Tensor | None = None
    table: Table = ()
    note: str = ""

    @property
    def known(self) -> bool:
        return bool(self.parts)


Slope = Callable[[Tensor, float], Tensor]  # (weights about the centre, norm of all) -> slope


def _norm_of(*kept: int) -> Slope:
    def slope(w: Tensor, whole: float) -> Tensor:
        over = tuple(axis for axis in range(w.ndim) if axis not in kept)
        return w / w.norm(dim=over, keepdim=True)

    return slope


SLOPES: dict[str, Slope] = {
    "l2": lambda w, whole: w,
    "l1": lambda w, whole: w.sign(),
    "norm-all": lambda w, whole: w / whole,
    "norm": lambda w, whole: w / w.norm(),
    "norm-rows": _norm_of(0),
    "norm-columns": _norm_of(1),
    "tilt": lambda w, whole: torch.ones_like(w),
}
ALONE = ["l2", "l1", "norm", "norm-all", "norm-rows", "norm-columns", "tilt"]
PAIRS = [
    ("l2", "l1"),
    ("l2", "tilt"),
    ("l2", "norm"),
    ("l2", "norm-all"),
    ("l2", "norm-rows"),
    ("l2", "norm-columns"),
    ("l1", "norm"),
    ("l1", "norm-rows"),
]


def probes(like: Weights, seed: int = 0, count: int = PROBES) -> list[Weights]:
    """Weights of every sign and of scales from a tenth to ten times those given, never near 0."""
    generator = torch.Generator().manual_seed(seed)
    found = []
    for step in range(count):
        factor = 10 ** (2 * step / max(count - 1, 1) - 1)
        found.append({key: factor * _drawn(value, generator) for key, value in like.items()})
    return found


def _drawn(like: Tensor, generator: torch.Generator) -> Tensor:
    size = float(like.double().square().mean().sqrt()) if like.numel() else 1.0
    size = size if 1e-6 < size < 1e6 else 1.0
    drawn = torch.randn(like.shape, generator=generator, dtype=torch.float64)
    return size * torch.where(drawn.abs() < 0.1, drawn.sign() + drawn, drawn)


def match(
    points: Sequence[Weights],
    forces: Sequence[Weights],
    source: str,
    centres: dict[int, list[Tensor]] | None = None,
    tolerance: float = EXACT,
) -> list[Pull]:
    """The pull on each parameter whose force is not 0 throughout.

    points, forces: weights, and the slope of the penalty there, in the same order.
    """
    size = max((float(f.abs().max()) for one in forces for f in one.values()), default=0.0)
    moved = [
        key
        for key in forces[0]
        if any(not float(one[key].abs().max()) <= ROUNDING * size for one in forces)
    ]
    whole = [_length([point[key] for key in moved]) for point in points]
    found = []
    for key in moved:
        weights = torch.stack([point[key] for point in points])
        force = torch.stack([one[key] for one in forces])
        found.append(_one(key, weights, force, whole, source, (centres or {}).get(key), tolerance))
    return found


def _one(
    key: int,
    weights: Tensor,
    force: Tensor,
    whole: list[float],
    source: str,
    centres: list[Tensor] | None,
    tolerance: float,
) -> Pull:
    if not bool(force.isfinite().all()):
        return Pull(key, {}, math.inf, source, note="the force is not finite")
    least = math.inf
    for centre in [None, *(centres or [])]:
        about = weights if centre is None else weights - centre
        for names in _combinations(weights.ndim - 1):
            slopes = [
                torch.stack([SLOPES[name](w, size) for w, size in zip(about, whole, strict=True)])
                for name in names
            ]
            strengths, residual = fitted(slopes, force)
            least = min(least, residual)
            if residual <= tolerance:
                parts = dict(zip(names, map(shared, strengths), strict=True))
                pull = _centred(Pull(key, parts, residual, source, centre))
                return replace(pull, table=_table(pull, weights, force))
    table = table_of(weights, force)
    return Pull(key, {}, least, source, table=table, note="outside the dictionary")


def _table(pull: Pull, weights: Tensor, force: Tensor) -> Table:
    """Of each weight; of the whole tensor where it is pulled as a whole."""
    about = weights if pull.centre is None else weights - pull.centre
    if set(pull.parts) & {"norm", "norm-all"} and len(pull.parts) == 1:
        pairs = zip(about, force, strict=True)
        return tuple((float(w.norm()), float((f * w).sum() / w.norm())) for w, f in pairs)
    return table_of(about, force)


def _combinations(axes: int) -> Iterator[tuple[str, ...]]:
    """Those that make sense for a tensor of so many axes, single slopes first."""
    for names in [*((name,) for name in ALONE), *PAIRS]:
        if axes < 2 and any(name in ("norm-rows", "norm-columns") for name in names):
            continue
        yield names


def fitted(slopes: Sequence[Tensor], force: Tensor) -> tuple[list[Tensor], float]:
    """Strengths weight by weight, least squares over the probes [probe, *weight]; what is left."""
    if len(slopes) == 1:
        (x,) = slopes
        strengths = [(x * force).sum(0) / (x * x).sum(0)]
    else:
        x, z = slopes
        xx, zz, xz = (x * x).sum(0), (z * z).sum(0), (x * z).sum(0)
        xf, zf = (x * force).sum(0), (z * force).sum(0)
        size = xx * zz - xz * xz
        if bool((size <= 1e-9 * xx * zz).any()):
            return [xx, zz], math.inf
        strengths = [(xf * zz - zf * xz) / size, (zf * xx - xf * xz) / size]
    left = force - sum(s * x for s, x in zip(strengths, slopes, strict=True))
    scale = float(force.norm())
    residual = float(left.norm()) / scale if scale > 0 else 0.0
    return strengths, residual if math.isfinite(residual) else math.inf


def shared(strengths: Tensor) -> Tensor:
    """One number where the weights agree on it, else the strength of each weight."""
    middle = strengths.mean()
    spread = float((strengths - middle).abs().max())
    return middle if spread <= UNIFORM * float(middle.abs()) else strengths


def _centred(pull: Pull) -> Pull:
    """a w + b is a pull a (w - centre)."""
    if set(pull.parts) != {"l2", "tilt"}:
        return pull
    strength = pull.parts["l2"]
    centre = -pull.parts["tilt"] / strength
    return Pull(pull.parameter, {"l2": strength}, pull.residual, pull.source, centre, pull.table)


def table_of(weights: Tensor, force: Tensor, most: int = 60) -> Table:
    """(|w|, force towards 0), evenly picked: what a figure shows."""
    size, toward = weights.abs().flatten(), (force * weights.sign()).flatten()
    picked = torch.linspace(0, len(size) - 1, min(most, len(size))).long()
    return tuple(sorted(zip(size[picked].tolist(), toward[picked].tolist(), strict=True)))


def _length(parts: list[Tensor]) -> float:
    return math.sqrt(sum(float(part.square().sum()) for part in parts))
