"""Data and the split of its rows: which rows train, and inputs standardised by those rows alone."""

from dataclasses import dataclass, replace

import numpy as np

from bayeswd.errors import InputError
from bayeswd.problem.csv_text import listed

# An input that holds one value in more than this share of the training rows can teach a fit
# next to nothing, and standardising would throw its few other rows far out (|z| above 10).
NEARLY_CONSTANT = 0.99


@dataclass(frozen=True, eq=False)
class Data:
    """A regression table: inputs, one target, and what is known about them.

    `classes` are labels in the order of the class index. `train` is a mask where the data say
    which rows train. `noise_scale`, `weights_true`, `bias_true` are known for drawn data.
    """

    name: str
    inputs: np.ndarray  # [n, d] float64
    targets: np.ndarray  # [n] float64, or int64 class indices
    names: tuple[str, ...]  # of the d inputs
    target_name: str
    likelihood: str  # "gaussian" | "bernoulli" | "categorical" | "poisson"
    likelihood_why: str  # a clause: "the target has 2 distinct values"
    classes: tuple[str, ...] | None = None
    noise_scale: float | None = None
    standardize: bool = True  # what `split` does unless told otherwise
    train: np.ndarray | None = None  # bool [n]
    weights_true: np.ndarray | None = None  # [d]
    bias_true: float | None = None
    notes: tuple[str, ...] = ()  # what was done to the data
    strength: float | None = None  # the lambda to start from, where the data come with one
    drop_constant: bool = False  # True: `split` drops constant inputs, False: it refuses them


@dataclass(frozen=True, eq=False)
class Split:
    """The rows of `data` that train, and those that validate (perhaps none).

    Inputs here are (inputs - inputs_mean) / inputs_sd, with mean and population sd [d] of the
    training rows where `standardized`, else 0 and 1. `data` holds the columns in use, as read.
    """

    data: Data
    train_inputs: np.ndarray
    train_targets: np.ndarray
    validation_inputs: np.ndarray
    validation_targets: np.ndarray
    inputs_mean: np.ndarray
    inputs_sd: np.ndarray
    train_rows: np.ndarray  # bool [n]
    standardized: bool


def split(
    data: Data, *, fraction: float = 0.75, seed: int = 0, standardize: bool | None = None
) -> Split:
    """Take the training rows that the data name, or a random `fraction` of all rows.

    `fraction` 1 leaves no validation rows; `standardize` None follows the data. Raises InputError
    where fewer than two rows train, where an input or the target is constant among them (built-in
    data lose such inputs instead, with a note), or where they lack a class.
    """
    rows = _training_rows(data, fraction, generator(seed))
    _require_targets(data, rows)
    data = _without_constant_inputs(data, rows)
    standardized = data.standardize if standardize is None else standardize
    mean, sd = np.zeros(len(data.names)), np.ones(len(data.names))
    inputs = data.inputs
    if standardized:
        inputs, mean, sd = _standardized(data, rows)
    return Split(
        data=data,
        train_inputs=inputs[rows],
        train_targets=data.targets[rows],
        validation_inputs=inputs[~rows],
        validation_targets=data.targets[~rows],
        inputs_mean=mean,
        inputs_sd=sd,
        train_rows=rows,
        standardized=standardized,
    )


def generator(seed: int) -> np.random.Generator:
    """NumPy's generator; InputError where `seed` is no seed."""
    if not isinstance(seed, int | np.integer) or not 0 <= seed < 2**63:
        raise InputError(f"seed {seed!r}: it must be a whole number from 0 to 2^63 - 1")
    return np.random.default_rng(seed)


def _training_rows(data: Data, fraction: float, random: np.random.Generator) -> np.ndarray:
    count = len(data.targets)
    if not 0 < fraction <= 1:
        raise InputError(f"training fraction {fraction:g}: it must be above 0 and at most 1")
    if data.train is not None:
        if fraction != 0.75:
            raise InputError(
                f"training fraction {fraction:g}: {data.name!r} itself says which"
                f" {data.train.sum()} of its {count} rows train, so there is nothing to split"
            )
        rows = data.train.copy()
    else:
        wanted = count if fraction == 1 else min(round(fraction * count), count - 1)
        rows = np.zeros(count, dtype=bool)
        rows[random.permutation(count)[:wanted]] = True
    if rows.sum() < 2:
        raise InputError(
            f"{data.name!r}: {rows.sum()} of its {count} rows would train, at least 2 must"
        )
    return rows


def _require_targets(data: Data, rows: np.ndarray) -> None:
    """Among the training rows the target varies, and every class is there."""
    present = np.unique(data.targets[rows])
    if data.classes is not None and len(present) < len(data.classes):
        absent = [label for k, label in enumerate(data.classes) if k not in present]
        raise InputError(
            f"no training row of {data.name!r} has the class {listed(absent)} of"
            f" {data.target_name!r}: train on more rows or remove its rows"
        )
    if len(present) < 2:
        raise InputError(
            f"the target {data.target_name!r} is {present[0]:g} in all {rows.sum()} training rows"
        )


def _without_constant_inputs(data: Data, rows: np.ndarray) -> Data:
    train = data.inputs[rows]
    if not data.drop_constant:
        constant = [data.names[column] for column in np.flatnonzero(_constant(train))]
        if constant:
            column = "column" if len(constant) == 1 else "columns"
            raise InputError(
                f"{data.name!r}: drop the {column} {listed(constant)}, constant in the"
                f" {len(train)} training rows"
            )
        return data
    # where one value fills more than half of the rows, it is the median
    same = (train == np.median(train, axis=0)).mean(axis=0) > NEARLY_CONSTANT
    drop = same | _constant(train)
    if not drop.any():
        return data
    note = (
        f"{drop.sum()} of {len(drop)} inputs hold one value in more than"
        f" {100 * NEARLY_CONSTANT:g} % of the training rows: dropped"
    )
    return _keep_inputs(data, ~drop, note)


def _constant(train: np.ndarray) -> np.ndarray:
    """Inputs whose values differ by no more than their rounding; bool [d]."""
    low, high = train.min(axis=0), train.max(axis=0)
    rounding = 16 * np.finfo(np.float64).eps * np.maximum(abs(low), abs(high))
    # halves: high - low may overflow
    return high / 2 - low / 2 <= rounding / 2


def _keep_inputs(data: Data, keep: np.ndarray, note: str) -> Data:
    weights = data.weights_true
    return replace(
        data,
        inputs=data.inputs[:, keep],
        names=tuple(name for name, kept in zip(data.names, keep, strict=True) if kept),
        weights_true=None if weights is None else weights[keep],
        notes=(*data.notes, note),
    )


def _standardized(data: Data, rows: np.ndarray) -> tuple[np.ndarray, ...]:
    """(inputs standardised by the training `rows`, their mean [d], their population sd [d])."""
    # a power of two per column: exact, and no square over- or underflows
    _, exponent = np.frexp(abs(data.inputs[rows]).max(axis=0))
    with np.errstate(over="ignore"):
        scaled = np.ldexp(data.inputs, -exponent)
        mean, sd = scaled[rows].mean(axis=0), scaled[rows].std(axis=0)
        inputs = (scaled - mean) / sd
    if not np.isfinite(inputs).all():
        column = data.names[np.argwhere(~np.isfinite(inputs))[0, 1]]
        raise InputError(
            f"{data.name!r}: column {column!r} has validation rows too far from its training rows"
            " to standardise: rescale it"
        )
    return inputs, np.ldexp(mean, exponent), np.ldexp(sd, exponent)
