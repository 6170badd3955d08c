"""`bayeswd sample` on bad input, and interrupted: one line, and never half a file."""

import json

import pytest
import xarray

from bayeswd.cli import sample


@pytest.fixture
def interrupt_at(monkeypatch):
    """Ctrl-C, as it comes while the bar is told of the given sweep."""

    def arm(sweep):
        def call(self, done, total):
            if done == sweep:
                raise KeyboardInterrupt

        monkeypatch.setattr(sample.Progress, "__call__", call)

    return arm


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
def test_bad_input_is_one_line_and_leaves_nothing(no_figures, sampled, tmp_path, words, said):
    code, out, err = sampled(*words)
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
def test_data_that_cannot_be_sampled(no_figures, sampled, data, words, said):
    code, _, err = sampled(*words, data=data)
    assert code == 2
    assert said in err.splitlines()[-1]


def test_an_interrupt_keeps_the_draws_that_are_done(no_figures, sampled, interrupt_at, tmp_path):
    interrupt_at(150)  # 100 of warm-up
    code, out, err = sampled("--penalty", "l1", "--json", str(tmp_path / "part.json"))
    lines = out.splitlines()
    assert code == 130
    assert lines[0].startswith("INTERRUPTED by Ctrl-C")
    assert any(line.startswith("INTERRUPTED: 50 of 400 draws of each of 32") for line in lines)
    assert "Traceback" not in err
    assert json.loads((tmp_path / "part.json").read_text())["coefficients"]
    with xarray.open_datatree(tmp_path / "out" / "posterior.nc") as tree:
        assert tree["posterior"].sizes["draw"] == 50


def test_an_interrupt_after_one_draw_says_how_little_that_is(sampled, interrupt_at, tmp_path):
    interrupt_at(101)
    code, out, _ = sampled("--penalty", "l1")
    assert code == 130
    assert "NOT CONVERGED: R-hat does not exist for so few draws" in out
    assert (tmp_path / "out" / "posterior.nc").exists()
    assert (tmp_path / "out" / "posterior-forest.png").exists()


def test_an_interrupt_before_any_draw_leaves_nothing(no_figures, sampled, interrupt_at, tmp_path):
    interrupt_at(3)
    code, out, err = sampled("--penalty", "l1", "--json", str(tmp_path / "part.json"))
    assert (code, out) == (130, "")
    assert "interrupted; no file is half-written" in err
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "part.json").exists()


def test_an_interrupt_keeps_the_posterior_that_came_before(
    no_figures, sampled, interrupt_at, tmp_path
):
    interrupt_at(3)
    code, out, _ = sampled("--penalty", "both")
    assert code == 130
    assert out.splitlines()[0] == "INTERRUPTED: no draws under l1."
    with xarray.open_datatree(tmp_path / "out" / "posterior.nc") as tree:
        assert tree["posterior"].sizes["chain"] == 4


def test_an_interrupted_write_leaves_no_half_file(no_figures, sampled, monkeypatch, tmp_path):
    def half(self, path, **options):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(xarray.DataTree, "to_netcdf", half)
    code, _, err = sampled()
    assert code == 130
    assert "Traceback" not in err
    assert list((tmp_path / "out").iterdir()) == []
