"""What the scripts share: their options, the D2L data, a linear model, one figure as a PNG."""

import argparse
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn

import bayeswd as bw
from bayeswd.report import style

LIKELIHOOD, PRIOR, POSTERIOR = style.LIKELIHOOD, style.PRIOR, style.POSTERIOR
TRAINED, PYRO = style.METHOD_COLOURS["penalized-sgd"], style.METHOD_COLOURS["pyro-map"]
OTHERS = style.OTHER_COLOURS


def options(docstring: str | None) -> argparse.Namespace:
    """The four options of every script; in a notebook kernel their defaults."""
    question = (docstring or "").splitlines()[0]
    parser = argparse.ArgumentParser(description=question)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--out", type=Path, default=Path("bayeswd-out"), help="folder of the PNG")
    parser.add_argument("--seed", type=int, default=0, help="of the data and the start")
    parser.add_argument("--quick", action="store_true", help="fewer steps: rougher numbers")
    found = parser.parse_args([] if "ipykernel" in sys.modules else None)
    if found.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda: torch finds no CUDA device; use --device cpu")
    found.device = found.device.replace("auto", "cpu")  # too small to gain from a GPU
    print(question)
    return found


def d2l(options: argparse.Namespace, seed: int | None = None) -> tuple[Tensor, ...]:
    """Inputs [20, 200] and targets [20, 1] that train, then 100 rows that validate; float64."""
    return load("d2l", options, seed)


def load(name: str, options: argparse.Namespace, seed: int | None = None) -> tuple[Tensor, ...]:
    """Inputs and targets [n, 1] that train, then those that validate; float64, on the device."""
    data = bw.datasets.load(name, seed=options.seed if seed is None else seed)
    rows = bw.datasets.split(data)
    train = (rows.train_inputs, rows.train_targets[:, None])
    validation = (rows.validation_inputs, rows.validation_targets[:, None])
    return tuple(torch.as_tensor(part, device=options.device) for part in (*train, *validation))


def linear(inputs: Tensor, seed: int, sd: float = 0.01) -> nn.Linear:
    """nn.Linear(d, 1) where the inputs are, weights drawn from N(0, sd^2), bias 0."""
    model = nn.Linear(inputs.shape[1], 1)
    drawn = torch.randn(model.weight.shape, generator=torch.Generator().manual_seed(seed))
    model.load_state_dict({"weight": sd * drawn, "bias": torch.zeros(1)})
    return model.to(inputs)


@contextmanager
def drawing(
    name: str, finding: str, options: argparse.Namespace, columns: int = 2, rows: int = 1
) -> Iterator[list[Axes]]:
    """Empty axes, row by row, under the finding; on leaving, the figure is saved as NAME.png."""
    width = 5.0 * columns if columns > 1 else 7.0
    with matplotlib.rc_context(style.SETTINGS):
        figure = Figure(figsize=(width, 3.9 * rows), layout="constrained")
        yield list(figure.subplots(rows, columns, squeeze=False).flat)
        above = [child for axes in figure.axes for child in axes.child_axes]
        for axis in (axis for axes in [*figure.axes, *above] for axis in (axes.xaxis, axes.yaxis)):
            if axis.get_scale() in ("log", "functionlog"):
                style.decade_ticks(axis)  # matplotlib's own labels are formulas
        title = textwrap.fill(finding, int(10 * width))
        figure.suptitle(title, x=0.01, ha="left", fontsize=11.5, fontweight="bold")
        options.out.mkdir(parents=True, exist_ok=True)
        path = options.out / f"{name}.png"
        figure.savefig(path, dpi=style.DPI)
    print(f"The figure: {path}")
