"""The figure of an audit shows what was measured, and the matched prior through it."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import bayeswd as bw
from bayeswd.analysis.audit import Audit
from bayeswd.errors import InputError
from bayeswd.report import audit_figure


def audited(penalty: Callable[[nn.Linear], Tensor]) -> Audit:
    torch.manual_seed(0)
    net = nn.Linear(5, 2)
    inputs, targets = torch.randn(12, 5), torch.randn(12, 2)
    return bw.audit.loss(
        lambda x, y: (net(x) - y).square().mean() + penalty(net), net, inputs, targets
    )


PENALTIES: list[tuple[Callable[[nn.Linear], Tensor], Callable[[np.ndarray], np.ndarray]]] = [
    (lambda net: 0.3 * net.weight.square().sum(), lambda w: 0.6 * w),
    (lambda net: 0.3 * net.weight.abs().sum(), lambda w: 0.3 + 0 * w),
    (lambda net: 0.3 * net.weight.norm(), lambda w: 0.3 + 0 * w),
    (lambda net: -0.3 * net.weight.abs().sum(), lambda w: -0.3 + 0 * w),
]


@pytest.mark.parametrize(("penalty", "force"), PENALTIES)
def test_dots_and_line_are_the_force(
    penalty: Callable[[nn.Linear], Tensor], force: Callable[[np.ndarray], np.ndarray]
) -> None:
    figure = audit_figure.forces(audited(penalty))
    (axes,) = figure.axes
    dots, line = (one for one in axes.lines if len(one.get_xdata()) > 2)
    for drawn in (dots, line):
        at, height = np.asarray(drawn.get_xdata()), np.asarray(drawn.get_ydata())
        np.testing.assert_allclose(height, force(at), rtol=1e-8)
    assert axes.get_title("left").startswith("weight: ")
    assert figure._suptitle.get_text().startswith("This program trains weight")  # type: ignore[union-attr]


def test_one_panel_for_each_penalised_parameter_and_none_for_nothing() -> None:
    both = audited(lambda net: net.weight.square().sum() + net.bias.pow(4).sum())
    assert len(audit_figure.forces(both).axes) == 2
    with pytest.raises(InputError, match="no force was measured"):
        audit_figure.forces(audited(lambda net: torch.zeros(())))
