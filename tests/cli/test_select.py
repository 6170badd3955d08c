"""The command `bayeswd select`, from its arguments to its files."""

import json

import pytest
import xarray as xr

from bayeswd.cli import select
from bayeswd.cli.main import main
from bayeswd.errors import InputError
from bayeswd.posterior import with_arviz
from bayeswd.problem import conventions

ROW = {
    "strength",
    "prior_scale",
    "train_loss",
    "validation_loss",
    "validation_se",
    "loo",
    "log_evidence",
    "nonzero",
    "edf",
}


def run(capsys, *words):
    """(exit code, standard output, standard error) of one command."""
    code = main(["select", *words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_d2l_on_stdout_is_json_alone_and_the_evidence_finds_the_prior(capsys, tmp_path):
    out = tmp_path / "out"
    code, text, err = run(capsys, "--json", "-", "--out", str(out), "--strict")
    record = json.loads(text)
    assert code == 0
    assert set(record) == {"schema", "grid", "choices", "verdict"}
    assert record["schema"] == "bayeswd.select/1"
    assert len(record["grid"]) == 60
    assert all(set(row) == ROW for row in record["grid"])
    strengths = [row["strength"] for row in record["grid"]]
    assert strengths == sorted(strengths)
    for row in record["grid"]:
        meant = conventions.reading("d2l", row["strength"], n=20, noise_scale=0.01)
        assert row["prior_scale"] == pytest.approx(meant.scale, rel=1e-12)
    by = {choice["by"]: choice for choice in record["choices"]}
    assert list(by) == [*select.CRITERIA]
    low, high = by["evidence"]["interval"]
    assert low < 0.05 < high < 0.5  # sigma^2/(n 0.01^2), behind the weights of 0.01
    assert by["evidence"]["identified"]
    assert not by["validation"]["identified"]
    assert "validation loss cannot tell any λ of this grid from another" in record["verdict"]
    assert "λ = 3 is ruled out by" in record["verdict"]
    assert record["verdict"] in err
    assert {path.name for path in out.iterdir()} == {"select.png", "path.png", "posteriors.nc"}


def test_the_netcdf_holds_posteriors_that_arviz_reads(capsys, csv, tmp_path):
    words = (str(csv), "--target", "price", "--noise", "1", "--grid", "0.01:10:8")
    code, text, _ = run(capsys, *words, "--split", "1", "--out", str(tmp_path))
    assert code == 0
    assert "No validation: there are no validation rows" in text
    whole = xr.open_datatree(tmp_path / "posteriors.nc")
    trees = with_arviz.path_of(whole)
    assert next(iter(trees)) == "λ=0.01"
    assert list(trees)[-1] == "λ=10"
    assert set(trees) == {f"λ={float(label[2:]):.2g}" for label in trees}
    weights = trees["λ=0.01"]["posterior"]["weight"]
    assert weights.dims == ("chain", "draw", "feature")
    assert weights.feature.values.tolist() == ["a", "b", "c"]
    spreads = [float(tree["posterior"]["weight"].std()) for tree in trees.values()]
    assert spreads[-1] < spreads[0]
    whole.close()


def test_l1_and_both_penalties(capsys, csv, tmp_path):
    words = (str(csv), "--target", "price", "--noise", "1", "--grid", "0.05,0.2,1,5")
    code, text, _ = run(
        capsys,
        *words,
        *("--penalty", "both", "--no-posterior", "--by", "val,cv", "--folds", "3"),
        *("--json", str(tmp_path / "r.json"), "--out", str(tmp_path)),
    )
    l2, l1 = json.loads((tmp_path / "r.json").read_text())
    assert code == 0
    assert [row["strength"] for row in l2["grid"]] == pytest.approx([0.05, 0.2, 1, 5])
    assert [row["strength"] for row in l1["grid"]] == pytest.approx([0.05, 0.2, 1, 5])
    assert {row["nonzero"] for row in l2["grid"]} == {3}
    assert l1["grid"][-1]["nonzero"] == 0  # beyond the largest slope of the loss at 0
    assert [choice["by"] for choice in l1["choices"]] == ["validation", "cross-validation"]
    assert text.index("\nL2\n") < text.index("\nL1\n")
    assert not (tmp_path / "posteriors-l2.nc").exists()
    assert {"select-l2.png", "path-l2.png", "select-l1.png", "path-l1.png"} <= {
        path.name for path in tmp_path.iterdir()
    }


def test_logistic_data_says_what_does_not_apply(capsys, tmp_path):
    words = ("breast-cancer", "--grid", "0.001,0.1,10", "--folds", "2", "--out", str(tmp_path))
    code, text, _ = run(capsys, *words)
    assert code == 0
    assert "No leave-one-out: it takes HMC draws at each scale" in text
    assert "evidence by the Gaussian approximation at the mode" in text
    assert "bernoulli likelihood" in text


def test_strict_is_1_where_no_criterion_names_a_strength(capsys, tmp_path):
    words = ("--grid", "1:10:4", "--by", "validation", "--no-posterior", "--out", str(tmp_path))
    assert run(capsys, *words)[0] == 0
    code, text, _ = run(capsys, *words, "--strict")
    assert code == 1
    assert "name a prior instead" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--grid", "0,1,10"), "--grid 0,1,10: give two strengths > 0 or more"),
        (("--grid", "1:10:1"), "--grid 1:10:1"),
        (("--grid", "1:1:5"), "--grid 1:1:5"),
        (("--grid", "3"), "--grid 3: give two strengths > 0 or more"),
        (("--grid", "1:10:1e9"), "--grid 1:10:1e9"),
        (("--grid", "a,b"), "--grid a,b"),
        (("--grid", "1:inf"), "--grid 1:inf"),
        (("--grid", "1:2:3:4"), "--grid 1:2:3:4"),
        (("--by", "guess"), "--by guess: give some of validation"),
        (("--by", ","), "--by ,: give some of"),
        (("--folds", "1"), "--folds 1: it must be 2 or more"),
        (("--penalty", "elastic-net", "--l1-ratio", "0.5"), "an elastic net has two scales"),
        (("--strength", "0"), "the flat prior, and has no place on the path"),
        (("nowhere.csv",), "no data 'nowhere.csv'"),
        (("--convention", "torch.SGD+MSELos"), "torch.SGD+MSELoss"),
    ],
)
def test_bad_input_is_one_line_before_any_work(capsys, tmp_path, words, message):
    code, out, err = run(capsys, *words, "--out", str(tmp_path / "out"))
    assert (code, out) == (2, "")
    assert err.startswith("bayeswd select: ")
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_grids_as_they_are_written():
    assert select.grid(None) is None
    assert select.grid("10, 0.1,1,1") == (0.1, 1.0, 10.0)
    assert select.grid("0.1:10:3") == pytest.approx((0.1, 1.0, 10.0))
    assert select.grid("10:0.1:3") == pytest.approx((0.1, 1.0, 10.0))
    assert len(select.grid("1:2")) == 60
    with pytest.raises(InputError):
        select.grid("1:10:2.5")


def test_criteria_by_their_beginnings():
    assert select.criteria(None) is None
    assert select.criteria("evidence") == ("evidence",)
    assert select.criteria("loo, CV ,val") == ("validation", "cross-validation", "leave-one-out")
