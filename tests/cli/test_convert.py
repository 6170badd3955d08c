"""`bayeswd convert`: what a person reads, what a program reads, and what is refused."""

import json
import math
import subprocess
import sys
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch

from bayeswd.cli.main import main
from bayeswd.problem import conventions, knobs
from bayeswd.report import conversion

BOOK = ["--n", "20", "--noise", "0.01"]


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["convert", *words])
    out, err = capsys.readouterr()
    return code, out, err


def document(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    code, out, err = run(capsys, *words, "--json", "-")
    assert code == 0
    assert err == ""
    return json.loads(out)


def test_a_person_reads_objective_prior_numbers_and_pyro(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, _ = run(capsys, "3", "--from", "torch.SGD+MSELoss", *BOOK)
    assert code == 0
    for said in (
        "torch.SGD+MSELoss, weight_decay = 3",
        "(1/(n K)) sum r^2 + (weight_decay/2) |w|^2",
        "mean of squared errors over rows and outputs + half of weight_decay",
        "sigma = 0.01, n = 20, K = 1",
        "penalised too: the same prior",
        "tau^2 = 2 sigma^2/(n K weight_decay)",
        "tau = 0.00182574, variance 3.33333e-06",
        "95 % of weights within +-0.0036",
        'pyro.sample("weight", dist.Normal(0, 0.0018257419).expand(shape).to_event())',
        'pyro.sample("bias", ',
    ):
        assert said in out
    rows = {line.split("  ")[0]: line for line in out.splitlines()}
    assert "alpha = 30 " in rows["sklearn.Ridge"]
    assert "alpha = 1.5, l1_ratio = 0 " in rows["sklearn.ElasticNet"]
    assert "l2 = 1.5 " in rows["keras.L2"]


def test_json_is_the_schema_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys, "3", "--from", "d2l.jax", *BOOK, "--to", "sklearn.Ridge")
    tau = math.sqrt(1e-4 / 60)
    assert found == {
        "schema": "bayeswd.convert/1",
        "from": {"framework": "d2l", "object": "jax", "knob": "wd", "strength": 3.0},
        "prior": {
            "family": "gaussian",
            "scale": pytest.approx(tau, rel=1e-14),
            "variance": pytest.approx(tau**2, rel=1e-14),
            "bias_penalized": True,
            "status": "exact",
        },
        "to": [
            {
                "name": "sklearn.Ridge",
                "knob": "alpha",
                "strength": pytest.approx(60, rel=1e-14),
                "status": "exact",
                "note": knobs.rows()["sklearn.Ridge"].note,
            }
        ],
    }


def test_all_lists_every_other_row_with_a_number_or_the_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = document(capsys, "3", "--from", "d2l", *BOOK, "--to", "all")["to"]
    assert [each["name"] for each in found] == [n for n in knobs.names() if n != "d2l.scratch"]
    by_name = {each["name"]: each for each in found}
    assert by_name["torch.SGD+MSELoss:sum"]["strength"] == pytest.approx(120, rel=1e-14)
    assert by_name["glmnet.gaussian:ridge"]["strength"] is None
    assert "give sd_y (--sd-y)" in by_name["glmnet.gaussian:ridge"]["note"]
    assert by_name["sklearn.Lasso"]["strength"] is None
    assert "states l1, not l2" in by_name["sklearn.Lasso"]["note"]
    assert by_name["torch.AdamW"]["status"] == knobs.NO_PRIOR
    assert by_name["torch.AdamW"]["strength"] is None
    code, out, _ = run(capsys, "3", "--from", "d2l", *BOOK, "--to", "all")
    assert code == 0
    assert "needs --sd-y: glmnet.gaussian:ridge" in out
    assert "no Gaussian or Laplace prior: torch.AdamW" in out


def test_every_number_that_is_written_means_the_prior_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["0.2", "--from", "sklearn.Lasso", *BOOK, "--sd-y", "3", "--sd-x", "1.5"]
    found = document(capsys, *words, "--to", "all")
    known: dict[str, Any] = {"n": 20, "noise_scale": 0.01, "sd_y": 3.0, "column_sd": 1.5}
    numbers = [each for each in found["to"] if each["strength"] is not None]
    assert len(numbers) > 30
    for each in numbers:
        back = conventions.reading(each["name"], each["strength"], penalty="l1", **known)
        assert back.scale == pytest.approx(found["prior"]["scale"], rel=1e-12)


def test_backwards_from_a_scale_or_a_variance(capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys, "--prior-scale", "0.01", "--to", "torch.SGD+MSELoss", *BOOK)
    assert found["from"] == dict.fromkeys(("framework", "object", "knob", "strength"))
    assert found["to"][0]["strength"] == pytest.approx(0.1, rel=1e-14)
    words = ["--prior-variance", "0.02", "--family", "laplace", "--to", "pyro.Laplace"]
    assert document(capsys, *words)["to"][0]["strength"] == pytest.approx(0.1, rel=1e-14)
    code, out, _ = run(capsys, "--prior-scale", "0.01", "--to", "sklearn.LogisticRegression")
    assert code == 0
    assert "C = 0.0001 " in out


def test_numbers_that_do_not_exist_are_null(capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys, "0", "--from", "d2l", "--to", "sklearn.Ridge")
    assert found["prior"]["family"] == "flat"
    assert found["prior"]["scale"] is None
    assert found["prior"]["variance"] is None
    assert found["to"][0]["strength"] == 0
    assert found["from"]["knob"] == "lambd"
    words = ["0.5", "--from", "d2l", "--l1-ratio", "0.3", *BOOK, "--to", "sklearn.ElasticNet"]
    both = document(capsys, *words)
    assert both["prior"]["scale"] is None
    assert both["prior"]["variance"] > 0
    assert both["to"][0]["note"].startswith("l1_ratio = 0.3; ")
    flat = document(capsys, "0", "--from", "torch.SGD+BCEWithLogitsLoss", "--to", "all")
    by_name = {each["name"]: each for each in flat["to"]}
    assert by_name["sklearn.LogisticRegression"]["strength"] is None
    assert "infinite" in by_name["sklearn.LogisticRegression"]["note"]


def test_a_prior_is_carried_to_another_likelihood_when_asked_by_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["60", "--from", "sklearn.Ridge", "--noise", "0.01", "--to"]
    found = document(capsys, *words, "sklearn.LogisticRegression")["to"][0]
    assert found["strength"] == pytest.approx(1e-4 / 60, rel=1e-14)
    assert found["note"].startswith("with its own likelihood, bernoulli; ")


def test_the_other_options_reach_the_map(capsys: pytest.CaptureFixture[str]) -> None:
    assert document(
        capsys, "3", "--from", "torch.SGD+MSELoss", *BOOK, "--outputs", "4", "--bias", "free"
    )["prior"] == {
        "family": "gaussian",
        "scale": pytest.approx(math.sqrt(2e-4 / 240), rel=1e-14),
        "variance": pytest.approx(2e-4 / 240, rel=1e-14),
        "bias_penalized": False,
        "status": "exact",
    }
    words = ["3", "--from", "sklearn.MLPRegressor:minibatch", *BOOK, "--batch-size", "5"]
    assert document(capsys, *words)["prior"]["variance"] == pytest.approx(1e-4 * 5 / 60, rel=1e-14)
    words = ["3", "--from", "d2l", "--likelihood", "categorical", "--n", "20"]
    assert document(capsys, *words)["prior"]["variance"] == pytest.approx(1 / 60, rel=1e-14)


def test_a_guessed_name_is_said_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "3", "--from", "sklearn.Rigde", "--noise", "1")
    assert code == 0
    assert err == "read 'sklearn.Rigde' as sklearn.Ridge\n"
    assert out.startswith("sklearn.Ridge, alpha = 3")


def test_the_list_has_every_row(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--list")
    assert code == 0
    first = [line.split("  ")[0] for line in out.splitlines()]
    assert set(knobs.names()) <= set(first)
    assert "residual: relative gradient" in " ".join(out.split())
    some = run(capsys, "--list", "adamw")[1]
    assert "torch.AdamW" in some
    assert "sklearn" not in some
    one = run(capsys, "--list", "mlpregressor:mini")[1]
    for said in ("alpha, default 1e-4", "(alpha/(2 B)) |w|^2", "BATCH size", "scikit-learn 1.9.1"):
        assert said in one


READINGS = {
    "gaussian": conventions.gaussian(0.4),
    "laplace": conventions.laplace(0.3),
    "elastic-net": conventions.elastic_net(0.3, 0.4),
    "flat": conventions.FLAT,
}


@pytest.mark.parametrize("family", READINGS)
def test_the_line_of_pyro_is_that_prior(family: str) -> None:
    """Run the printed lines: their log density falls with w as the penalty rises."""
    reading, shape = READINGS[family], (3,)
    code = "\n".join(conversion.pyro_lines(reading))

    def model() -> None:
        exec(code, {"pyro": pyro, "dist": dist, "shape": shape})

    def log_density(weights: torch.Tensor) -> float:
        held = pyro.poutine.condition(model, {"weight": weights})
        return float(pyro.poutine.trace(held).get_trace().log_prob_sum())

    weights = torch.tensor([0.1, -0.7, 0.5])
    penalty = 0.0
    if reading.l1_scale:
        penalty += float(weights.abs().sum()) / reading.l1_scale
    if reading.l2_scale:
        penalty += float(weights.square().sum()) / (2 * reading.l2_scale**2)
    fall = log_density(torch.zeros(3)) - log_density(weights)
    assert fall == pytest.approx(penalty, abs=1e-5)


def test_nothing_heavy_is_loaded() -> None:
    code = (
        "import sys; from bayeswd.cli.main import main;"
        "main(['convert', '3', '--from', 'd2l', '--n', '20', '--noise', '0.01', '--to', 'all']);"
        "print(sorted({'torch', 'numpy', 'scipy', 'pyro'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
