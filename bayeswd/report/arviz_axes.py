"""ArviZ drawing on axes made here, so that pyplot neither knows nor keeps the figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from xarray import Dataset


def collection(
    data: Dataset, figure: Figure, axes: Sequence[Axes], along: str | None = None, **options: Any
) -> Any:
    """ArviZ's bookkeeping of `axes`: one for each coordinate of `data` along a dimension.

    Without `along` there is a single one. options: of PlotCollection, such as `aes`.
    """
    import xarray as xr
    from arviz_plots import PlotCollection

    if along is None:
        (only,) = axes
        panels = xr.Dataset({"plot": _object(only), "row_index": 0, "col_index": 0})
    else:
        count = range(len(axes))
        panels = xr.Dataset(
            {
                "plot": (along, np.array(axes, dtype=object)),
                "row_index": (along, [0 for _ in count]),
                "col_index": (along, list(count)),
            },
            {along: data[along].to_numpy()},
        )
    panels["figure"] = _object(figure)
    return PlotCollection(data, xr.DataTree(panels), backend="matplotlib", **options)


def _object(value: Any) -> np.ndarray:
    """A single thing in an array without dimensions."""
    return np.array(value, dtype=object)
