"""The same answers on a GPU; skipped, with the reason, where there is none."""

import math

import pytest
import torch

from bayeswd.analysis import statement
from bayeswd.analysis.belief import Belief
from bayeswd.cli.main import main
from bayeswd.estimate import descent, exact
from bayeswd.posterior import conjugate
from bayeswd.problem import datasets

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device"),
]


def stated(device, *kinds):
    split = datasets.split(datasets.load("d2l"))
    return statement.state(split, kinds, Belief(), device=device).problems


@pytest.mark.parametrize("kind", ["l2", "l1"])
def test_the_exact_optimum_and_training_are_those_of_the_cpu(kind):
    (here,), (there,) = stated("cpu", kind), stated("cuda", kind)
    best = exact.solve(here)
    found = exact.solve(there)
    assert found.params["weight"].device.type == "cuda"
    scale = float(best.params["weight"].abs().max())
    torch.testing.assert_close(
        found.params["weight"].cpu(), best.params["weight"], rtol=0, atol=1e-9 * scale
    )
    trained = descent.train(there)
    assert trained.certificate.gap <= 1e-6
    assert math.isclose(trained.objective, best.objective, rel_tol=1e-9)


def test_the_exact_posterior_is_that_of_the_cpu():
    (here,), (there,) = stated("cpu", "l2"), stated("cuda", "l2")
    one, other = conjugate.posterior(here), conjugate.posterior(there)
    torch.testing.assert_close(other.sd["weight"].cpu(), one.sd["weight"], rtol=1e-9, atol=0)
    assert math.isclose(one.log_evidence, other.log_evidence, rel_tol=1e-10)


def test_the_command_runs_on_the_device(tmp_path):
    assert main(["compare", "--device", "cuda", "--strict", "--out", str(tmp_path)]) == 0
