"""The command `bayeswd sample`, from its arguments to its files."""

import json

import numpy as np
import pytest
import xarray

KEYS = {"schema", "engine", "engine_why", "seconds", "converged", "noise", "coefficients"}
ROW_KEYS = {
    "name",
    "mean",
    "sd",
    "median",
    "interval",
    "interval_probability",
    "ess_bulk",
    "r_hat",
    "penalized_fit",
}
FIGURES = {
    "posterior-forest.png",
    "posterior-densities.png",
    "posterior-ranks.png",
    "predictive-check.png",
}


def test_the_record_has_the_schema_and_the_exact_numbers(sampled, tmp_path):
    code, out, err = sampled("--json", "-", "--strict")
    record = json.loads(out)
    assert code == 0
    assert set(record) == KEYS
    assert record["schema"] == "bayeswd.sample/1"
    assert record["engine"] == "conjugate"
    assert "Gaussian" in record["engine_why"]
    assert record["converged"] is True
    assert set(record["noise"]) == {"scale", "from"}
    assert record["noise"]["from"] == "estimated"
    assert [row["name"] for row in record["coefficients"]] == ["a", "b", "c", "bias"]
    for row in record["coefficients"]:
        assert set(row) == ROW_KEYS
        error = row["sd"] / row["ess_bulk"] ** 0.5
        assert abs(row["mean"] - row["penalized_fit"]) < 4 * error  # the mode is the mean
        assert row["interval"][0] < row["median"] < row["interval"][1]
        width = row["interval"][1] - row["interval"][0]
        assert width == pytest.approx(2 * 1.96 * row["sd"], rel=0.05)
    assert "drawn on the CPU" in err
    assert {path.name for path in (tmp_path / "out").iterdir()} == FIGURES | {"posterior.nc"}


def test_both_penalties_give_two_records_and_two_groups(sampled, tmp_path):
    file = tmp_path / "both.json"
    code, out, _ = sampled("--penalty", "both", "--json", str(file))
    first, second = json.loads(file.read_text())
    assert code == 0
    assert (first["engine"], second["engine"]) == ("conjugate", "gibbs")
    assert set(first) == set(second) == KEYS
    assert "l2 penalty" in out
    assert "l1 penalty" in out
    with xarray.open_datatree(tmp_path / "out" / "posterior.nc") as tree:
        assert set(tree.children) == {"l2", "l1"}
        assert tree["l1/posterior/weight"].sizes == {"chain": 32, "draw": 400, "feature": 3}
        assert tree["l1"]["posterior"].feature.values.tolist() == ["a", "b", "c"]
    assert (tmp_path / "out" / "mode-and-posterior.png").exists()


def test_the_file_opens_plainly_and_holds_the_draws_of_the_record(no_figures, sampled, tmp_path):
    _, out, _ = sampled("--json", "-", "--chains", "3", "--draws", "200", "--penalty", "l1")
    rows = json.loads(out)["coefficients"]
    with xarray.open_datatree(tmp_path / "out" / "posterior.nc") as tree:
        weights = tree["posterior"]["weight"]
        assert weights.shape == (3, 200, 3)
        found = weights.mean(("chain", "draw")).values
        np.testing.assert_allclose(found, [row["mean"] for row in rows[:3]], rtol=1e-12)
        groups = {"log_likelihood", "log_prior", "prior", "posterior_predictive", "observed_data"}
        assert groups <= set(tree.children)


@pytest.mark.parametrize(
    ("words", "engine"),
    [
        (["--engine", "hmc"], "hmc"),
        (["--engine", "hmc", "--penalty", "l1"], "hmc"),
        (["--engine", "laplace"], "laplace-full"),
        (["--engine", "laplace-full"], "laplace-full"),
        (["--engine", "exact", "--unknown-noise"], "normal-inverse-gamma"),
        (["--unknown-noise", "park-casella", "--penalty", "l1"], "gibbs"),
        (["--penalty", "elastic-net", "--l1-ratio", "0.5"], "gibbs"),
    ],
)
def test_engines_by_name_agree_with_the_penalised_fit(no_figures, sampled, words, engine):
    code, out, _ = sampled(*words, "--json", "-")
    record = json.loads(out)
    assert code == 0
    assert record["engine"] == engine
    assert record["noise"]["from"] == ("sampled" if "--unknown-noise" in words else "estimated")
    for row in record["coefficients"]:  # 30 rows of 3 columns: mean and mode are close
        assert abs(row["mean"] - row["penalized_fit"]) < 0.5 * row["sd"]


def test_pyro_engines_have_short_names(no_figures, sampled):
    words = ["--engine", "nuts", "--json", "-", "--chains", "2", "--draws", "20", "--warmup", "20"]
    code, out, _ = sampled(*words)
    assert code == 0
    assert json.loads(out)["engine"] == "pyro-nuts"


def test_what_has_not_converged_is_said_first_and_strict_exits_1(no_figures, sampled):
    words = ["--penalty", "l1", "--chains", "2", "--draws", "30"]
    code, out, _ = sampled(*words)
    assert code == 0
    assert out.splitlines()[0].startswith("NOT CONVERGED: ")
    assert "ESS" in out.splitlines()[0]
    assert "--draws" in out.splitlines()[0]
    assert sampled(*words, "--strict")[0] == 1


def test_a_single_chain_has_no_r_hat_and_is_not_believed(no_figures, sampled):
    code, out, _ = sampled("--penalty", "l1", "--chains", "1", "--json", "-", "--strict")
    record = json.loads(out)
    assert code == 1
    assert record["converged"] is False
    assert record["coefficients"][0]["r_hat"] is None


def test_many_coefficients_are_counted_and_all_in_the_record(no_figures, sampled, tmp_path):
    file = tmp_path / "d2l.json"
    code, out, _ = sampled("--penalty", "l1", "--json", str(file), data=["d2l"])
    assert code == 0
    assert len(json.loads(file.read_text())["coefficients"]) == 201
    assert "180 more, nearer to 0" in out
    assert "183 of 200 weights are exactly 0 in the penalised fit, no posterior mean is" in out
    assert len(out.splitlines()) < 40
