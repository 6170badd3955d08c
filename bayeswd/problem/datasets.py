"""The data door: a name or a CSV file -> inputs, targets and column names; then training rows.

    data = load("diabetes")            # or load("houses.csv", target="price")
    parts = split(data)                # training and validation rows, inputs standardised

Five data sets are built in and need no network: `d2l` and `clear` are drawn from a seed,
`diabetes`, `breast-cancer` and `digits` come with scikit-learn. Every fault of the data is an
InputError before any work is done.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bayeswd.errors import InputError
from bayeswd.problem import csv_files, csv_text, targets
from bayeswd.problem.built_in import BUILT_IN
from bayeswd.problem.splits import Data, Split, generator, split

__all__ = ["BUILT_IN", "Data", "Split", "load", "split", "write_csv"]


def load(
    source: str,
    *,
    target: str | None = None,
    likelihood: str | None = None,
    train_column: str | None = None,
    validation: str | None = None,
    seed: int = 0,
) -> Data:
    """Load built-in data by name (drawn data with `seed`), or a CSV file with its `target` column.

    For a file, `validation` is a second file with the same columns whose rows do not train, or
    `train_column` a column of 1/0, true/false or train/validation that says which rows do. The
    likelihood is the one that the target suggests unless it is given. Raises InputError.
    """
    source = os.fspath(source)
    random = generator(seed)
    if source in BUILT_IN:
        if target is not None or train_column is not None or validation is not None:
            raise InputError(
                f"{source!r} is built in: a target, a training column and a validation file can"
                " be chosen for a CSV file only"
            )
        cells, fields = BUILT_IN[source](random)
        return _data(cells, likelihood, lambda row: f"{source!r} row {row + 1}", **fields)
    if not os.path.exists(source):
        hint = csv_text.did_you_mean(source, BUILT_IN)
        raise InputError(
            f"no data {csv_text.shown(source)}{hint}: there is no such file, and built in are"
            f" {', '.join(BUILT_IN)}"
        )
    if target is None:
        columns = csv_text.listed(csv_files.column_names(source))
        raise InputError(f"{source!r} needs the name of its target column, one of {columns}")
    return _from_csv(source, target, likelihood, train_column, validation)


def write_csv(path: str | Path, data: Data, rows: np.ndarray) -> None:
    """Write the `rows` (mask or indices) of `data` so that `load` gives them back bit for bit.

    The target is the last column, classes by their labels; the file is written whole or not at
    all. Classes keep their index as long as the rows hold every class.
    """
    chosen = data.targets[rows]
    if data.classes is None:
        cells = [f"{value:.17g}" for value in chosen.tolist()]
    else:
        cells = [data.classes[index] for index in chosen.tolist()]
    csv_files.write(path, [*data.names, data.target_name], data.inputs[rows], cells)


def _from_csv(
    source: str,
    target: str,
    likelihood: str | None,
    train_column: str | None,
    validation: str | None,
) -> Data:
    tables, train = _tables(source, target, train_column, validation)
    return _data(
        [cell for table in tables for cell in table.text[target]],
        likelihood,
        lambda row: _place(tables, row, target),
        name=Path(source).name,
        inputs=np.concatenate([table.numbers for table in tables]),
        names=tables[0].names,
        target_name=target,
        train=train,
        notes=tuple(dict.fromkeys(note for table in tables for note in table.notes)),
    )


def _tables(
    source: str, target: str, train_column: str | None, validation: str | None
) -> tuple[list[csv_files.Table], np.ndarray | None]:
    """The file or the two files, and the mask of training rows where they are marked."""
    if train_column is not None and validation is not None:
        raise InputError("a training column and a validation file were given: choose one of them")
    if train_column == target:
        raise InputError(f"column {target!r} cannot be both the target and the training column")
    text_columns = [target] if train_column is None else [target, train_column]
    table = csv_files.read(source, text_columns)
    if not table.names:
        raise InputError(f"{source!r} has no input column besides {csv_text.listed(text_columns)}")
    if train_column is not None:
        return [table], csv_files.training_marks(table, train_column)
    if len(table.lines) < 2:
        raise InputError(f"{source!r} has one row: at least 2 must train")
    if validation is None:
        return [table], None
    other = _like(table, csv_files.read(validation, text_columns))
    rows = len(table.lines)
    return [table, other], np.arange(rows + len(other.lines)) < rows


def _like(table: csv_files.Table, other: csv_files.Table) -> csv_files.Table:
    """`other` with its columns in the order of `table`; InputError where they are not the same."""
    for name in table.names:
        csv_text.require_column(other.path, other.names, name)
    extra = [name for name in other.names if name not in table.names]
    if extra:
        raise InputError(
            f"{other.path!r} has columns that {table.path!r} lacks: {csv_text.listed(extra)}"
        )
    order = [other.names.index(name) for name in table.names]
    return replace(other, names=table.names, numbers=other.numbers[:, order])


def _place(tables: Sequence[csv_files.Table], row: int, column: str) -> str:
    first = len(tables[0].lines)
    table, row = (tables[0], row) if row < first else (tables[1], row - first)
    return table.place(row, column)


def _data(
    cells: Sequence[str] | np.ndarray,
    likelihood: str | None,
    place: Callable[[int], str],
    *,
    target_name: str,
    notes: tuple[str, ...] = (),
    **fields: Any,
) -> Data:
    """Data whose target column is `cells`, read under `likelihood` (None: the one it suggests)."""
    target = targets.encode(cells, target_name, likelihood, place)
    if target.likelihood == "bernoulli" and target.classes is not None:
        zero, one = target.classes
        notes = (*notes, f"{target_name!r} is 1 for {one!r} and 0 for {zero!r}")
    return Data(
        targets=target.values,
        target_name=target_name,
        likelihood=target.likelihood,
        likelihood_why=target.why,
        classes=target.classes,
        notes=notes,
        **fields,
    )
