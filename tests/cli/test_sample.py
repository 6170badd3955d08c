"""The command `bayeswd sample`, from its arguments to its files."""

import json

import numpy as np
import pytest
import xarray

from bayeswd.cli import sample
from bayeswd.cli.main import main
from bayeswd.report import plots

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


@pytest.fixture
def csv(tmp_path):
    """A small regression, 40 rows of 3 columns; the weights after standardising about 1, 2, 0."""
    rng = np.random.default_rng(5)
    inputs = rng.normal(size=(40, 3)) * [1, 10, 0.1]
    targets = inputs @ [1.0, 0.2, 0.0] + rng.normal(size=40)
    path = tmp_path / "small.csv"
    rows = [",".join(map(repr, [*x, y])) for x, y in zip(inputs.tolist(), targets, strict=True)]
    rows = [row.replace("np.float64(", "").replace(")", "") for row in rows]
    path.write_text("\n".join(["a,b,c,price", *rows]) + "\n")
    return path


@pytest.fixture
def no_figures(monkeypatch):
    """For tests that do not look at figures: they take longer than all the rest."""
    monkeypatch.setattr(plots, "POSTERIOR_FIGURES", {})


@pytest.fixture
def run(capsys, csv, tmp_path):
    """Words -> (exit code, standard output, standard error) on the small regression."""

    def ran(*words, data=None):
        out = ("--out", str(tmp_path / "out"))
        first = [str(csv), "--target", "price"] if data is None else data
        code = main(["sample", *first, *out, *words])
        return code, *capsys.readouterr()

    return ran


@pytest.fixture
def interrupt_at(monkeypatch):
    """Ctrl-C, as it comes while the bar is told of the given sweep."""

    def arm(sweep):
        def call(self, done, total):
            if done == sweep:
                raise KeyboardInterrupt

        monkeypatch.setattr(sample.Progress, "__call__", call)

    return arm


def test_the_record_has_the_schema_and_the_exact_numbers(run, tmp_path):
    code, out, err = run("--json", "-", "--strict")
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


def test_both_penalties_give_two_records_and_two_groups(run, tmp_path):
    file = tmp_path / "both.json"
    code, out, _ = run("--penalty", "both", "--json", str(file))
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


def test_the_file_opens_plainly_and_holds_the_draws_of_the_record(no_figures, run, tmp_path):
    _, out, _ = run("--json", "-", "--chains", "3", "--draws", "200", "--penalty", "l1")
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
def test_engines_by_name_agree_with_the_penalised_fit(no_figures, run, words, engine):
    code, out, _ = run(*words, "--json", "-")
    record = json.loads(out)
    assert code == 0
    assert record["engine"] == engine
    assert record["noise"]["from"] == ("sampled" if "--unknown-noise" in words else "estimated")
    for row in record["coefficients"]:  # 30 rows of 3 columns: mean and mode are close
        assert abs(row["mean"] - row["penalized_fit"]) < 0.5 * row["sd"]


def test_pyro_engines_have_short_names(no_figures, run):
    words = ["--engine", "nuts", "--json", "-", "--chains", "2", "--draws", "20", "--warmup", "20"]
    code, out, _ = run(*words)
    assert code == 0
    assert json.loads(out)["engine"] == "pyro-nuts"


def test_what_has_not_converged_is_said_first_and_strict_exits_1(no_figures, run):
    words = ["--penalty", "l1", "--chains", "2", "--draws", "30"]
    code, out, _ = run(*words)
    assert code == 0
    assert out.splitlines()[0].startswith("NOT CONVERGED: ")
    assert "ESS" in out.splitlines()[0]
    assert "--draws" in out.splitlines()[0]
    assert run(*words, "--strict")[0] == 1


def test_a_single_chain_has_no_r_hat_and_is_not_believed(no_figures, run):
    code, out, _ = run("--penalty", "l1", "--chains", "1", "--json", "-", "--strict")
    record = json.loads(out)
    assert code == 1
    assert record["converged"] is False
    assert record["coefficients"][0]["r_hat"] is None


def test_many_coefficients_are_counted_and_all_in_the_record(no_figures, run, tmp_path):
    file = tmp_path / "d2l.json"
    code, out, _ = run("--penalty", "l1", "--json", str(file), data=["d2l"])
    assert code == 0
    assert len(json.loads(file.read_text())["coefficients"]) == 201
    assert "180 more, nearer to 0" in out
    assert "183 of 200 weights are exactly 0 in the penalised fit, no posterior mean is" in out
    assert len(out.splitlines()) < 40


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--engine", "magic"], "no engine is called 'magic'; there are exact, gibbs, hmc"),
        (["--engine", "exact", "--penalty", "l1"], "no closed form under Laplace"),
        (["--engine", "gibbs"], "weights with an L1 part"),
        (["--engine", "laplace", "--penalty", "l1"], "second derivative of |w| is 0"),
        (["--unknown-noise", "jeffreys"], "no model of unknown noise is called 'jeffreys'"),
        (["--unknown-noise", "--engine", "hmc"], "draws at a known sigma"),
        (["--unknown-noise", "fixed-scale"], "use penalty-tied"),
        (["--chains", "0"], "--chains 0: it must be 1 or more"),
        (["--draws", "3"], "--draws 3: it must be 4 or more"),
        (["--warmup", "-1"], "--warmup -1: it must be 0 or more"),
        (["--noise", "much"], "give a number > 0, or auto"),
        (["--target", "weight"], "weight"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(no_figures, run, tmp_path, words, said):
    code, out, err = run(*words)
    assert code == 2
    assert out == ""
    assert said in err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("data", "words", "said"),
    [
        (["nowhere.csv"], [], "no data 'nowhere.csv'"),
        (["digits"], [], "add --penalize-bias"),
        (["breast-cancer"], ["--unknown-noise"], "a bernoulli likelihood has no noise scale"),
        (["d2l"], ["--unknown-noise", "fixed-scale", "--penalty", "l1"], "posterior is improper"),
    ],
)
def test_data_that_cannot_be_sampled(no_figures, run, data, words, said):
    code, _, err = run(*words, data=data)
    assert code == 2
    assert said in err.splitlines()[-1]


def test_an_interrupt_keeps_the_draws_that_are_done(no_figures, run, interrupt_at, tmp_path):
    interrupt_at(150)  # 100 of warm-up
    code, out, err = run("--penalty", "l1", "--json", str(tmp_path / "part.json"))
    lines = out.splitlines()
    assert code == 130
    assert lines[0].startswith("INTERRUPTED by Ctrl-C")
    assert any(line.startswith("INTERRUPTED: 50 of 400 draws of each of 32") for line in lines)
    assert "Traceback" not in err
    assert json.loads((tmp_path / "part.json").read_text())["coefficients"]
    with xarray.open_datatree(tmp_path / "out" / "posterior.nc") as tree:
        assert tree["posterior"].sizes["draw"] == 50


def test_an_interrupt_before_any_draw_leaves_nothing(no_figures, run, interrupt_at, tmp_path):
    interrupt_at(3)
    code, out, err = run("--penalty", "l1", "--json", str(tmp_path / "part.json"))
    assert (code, out) == (130, "")
    assert "interrupted; no file is half-written" in err
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "part.json").exists()


def test_an_interrupt_keeps_the_posterior_that_came_before(no_figures, run, interrupt_at, tmp_path):
    interrupt_at(3)
    code, out, _ = run("--penalty", "both")
    assert code == 130
    assert out.splitlines()[0] == "INTERRUPTED: no draws under l1."
    with xarray.open_datatree(tmp_path / "out" / "posterior.nc") as tree:
        assert tree["posterior"].sizes["chain"] == 4


def test_an_interrupted_write_leaves_no_half_file(no_figures, run, monkeypatch, tmp_path):
    def half(self, path, **options):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(xarray.DataTree, "to_netcdf", half)
    code, _, err = run()
    assert code == 130
    assert "Traceback" not in err
    assert list((tmp_path / "out").iterdir()) == []
