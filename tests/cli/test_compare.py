"""The command `bayeswd compare`, from its arguments to its files."""

import json
import shlex

import numpy as np
import pytest
import xarray

from bayeswd.cli.main import main

METHOD_KEYS = {
    "method",
    "objective",
    "gap",
    "kkt",
    "max_abs_difference",
    "max_sd_difference",
    "exact_zeros",
    "bias",
    "train_loss",
    "validation_loss",
    "steps",
    "seconds",
    "converged",
    "weights",
}


def run(capsys, *words):
    """(exit code, standard output, standard error) of one command."""
    code = main(["compare", *words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_default_run_on_stdout_is_json_alone(capsys, tmp_path):
    code, out, err = run(capsys, "--json", "-", "--out", str(tmp_path / "out"), "--strict")
    record = json.loads(out)
    assert code == 0
    assert record["schema"] == "bayeswd.compare/1"
    assert set(record) == {"schema", "data", "comparisons"}
    assert set(record["data"]) == {
        "name",
        "names",
        "n_train",
        "n_validation",
        "d",
        "noise_scale",
        "noise_from",
        "inputs_mean",
        "inputs_sd",
    }
    l2, l1 = record["comparisons"]
    assert [m["method"] for m in l2["methods"]][:3] == ["exact", "penalized-sgd", "pyro-map"]
    assert all(set(m) == METHOD_KEYS for one in (l2, l1) for m in one["methods"])
    assert l2["prior"]["variance"] == pytest.approx(l1["prior"]["variance"], rel=1e-12)
    assert l2["verdict"]["equivalent"]
    assert l1["verdict"]["equivalent"]
    assert "Verdict: the same fit" in err
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"train.csv", "validation.csv", "posterior.nc"} <= names
    with xarray.open_datatree(tmp_path / "out" / "posterior.nc") as tree:
        assert tree["l1/posterior/weight"].sizes["feature"] == 200
        assert "log_likelihood" in tree["l2"].children
    assert sum(name.endswith(".png") for name in names) == 6


def test_the_files_written_repeat_the_run_to_the_last_digit(capsys, tmp_path):
    out = tmp_path / "first"
    _, text, _ = run(
        capsys, "diabetes", "--penalty", "l2", "--out", str(out), "--json", str(tmp_path / "a.json")
    )
    again = next(line for line in text.splitlines() if line.startswith("Again from the files: "))
    words = shlex.split(again.removeprefix("Again from the files: "))
    assert words[:2] == ["bayeswd", "compare"]
    code, _, _ = run(
        capsys, *words[2:], "--out", str(tmp_path / "second"), "--json", str(tmp_path / "b.json")
    )
    first, second = (json.loads((tmp_path / name).read_text()) for name in ("a.json", "b.json"))
    assert code == 0
    assert second["data"]["inputs_sd"] == first["data"]["inputs_sd"]
    for one, other in zip(
        first["comparisons"][0]["methods"], second["comparisons"][0]["methods"], strict=True
    ):
        np.testing.assert_allclose(other["weights"], one["weights"], rtol=1e-12)
        assert other["validation_loss"] == pytest.approx(one["validation_loss"], rel=1e-12)


def test_a_csv_with_its_evidence(capsys, csv, tmp_path):
    code, text, _ = run(
        capsys, str(csv), "--target", "price", "--penalty", "l2", "--out", str(tmp_path)
    )
    assert code == 0
    assert "30 training rows, 10 validation rows, 3 inputs, standardised" in text
    assert "(estimated)" in text
    assert "the same fit" in text


def test_all_rows_train_and_there_is_no_validation_loss(capsys, csv, tmp_path):
    code, out, _ = run(
        capsys,
        str(csv),
        *("--target", "price", "--split", "1", "--penalty", "elastic-net", "--l1-ratio", "0.5"),
        *("--noise", "1", "--strength", "0.1", "--json", "-", "--out", str(tmp_path)),
    )
    record = json.loads(out)
    assert code == 0
    assert record["data"]["n_validation"] == 0
    (one,) = record["comparisons"]
    assert one["methods"][0]["validation_loss"] is None
    assert set(one["prior"]) == {"family", "scale", "variance", "l1_scale", "l2_scale"}
    assert one["prior"]["l1_scale"] == pytest.approx(1 / (40 * 0.1 * 0.5))
    assert one["prior"]["scale"] is None


def test_strict_tells_an_unfinished_run(capsys, tmp_path):
    words = ["--penalty", "l2", "--as-in-the-book", "--out", str(tmp_path)]
    code, text, _ = run(capsys, *words)
    assert code == 0
    assert "not yet: after 40 steps 30 % of the initial weights' null-space part" in text
    code, _, _ = run(capsys, *words, "--strict")
    assert code == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nosuch"], "no data 'nosuch'"),
        (["--strength", "-1"], "strength = -1"),
        (["--noise", "0"], "sigma = 0"),
        (["--noise", "much"], "--noise much: give a number > 0, or auto"),
        (["--convention", "sklearn.Rigde"], "the nearest is sklearn.Ridge"),
        (["--strength", "0"], "the mode is not unique"),
        (["--penalty", "elastic-net"], "give --l1-ratio"),
        (["--steps", "0"], "--steps 0: it must be > 0"),
        (["--optimizer", "Foo"], "torch.optim has no such class"),
        (["--optimizer", "AdamW", "--penalty", "l2"], "decouple"),
        (["{csv}"], "target"),
        (["{csv}", "--target", "prize"], "price"),
        (["{csv}", "--target", "price", "--split", "0"], "0"),
        (["{csv}", "--target", "price", "--likelihood", "bernoulli"], "two"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(capsys, csv, tmp_path, words, message):
    words = [word.replace("{csv}", str(csv)) for word in words]
    code, out, err = run(capsys, *words, "--out", str(tmp_path / "none"))
    lines = [line for line in err.splitlines() if line.startswith("bayeswd compare: ")]
    assert code == 2
    assert out == ""
    assert len(lines) == 1
    assert message in lines[0]
    assert not (tmp_path / "none").exists()


def test_cuda_without_cuda(capsys, tmp_path):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("a CUDA device is present")
    code, _, err = run(capsys, "--device", "cuda", "--out", str(tmp_path))
    assert code == 2
    assert "finds no CUDA device" in err


def test_an_output_folder_that_cannot_be_made(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = run(capsys, "--out", str(tmp_path / "file"))
    assert code == 2
    assert "cannot be used as a folder" in err


def test_a_json_place_that_cannot_be_written_is_told_before_any_work(capsys, tmp_path):
    code, out, err = run(capsys, "--json", str(tmp_path / "no" / "x.json"), "--out", str(tmp_path))
    assert code == 2
    assert out == ""
    assert "there is no folder" in err
    code, _, err = run(capsys, "--json", str(tmp_path), "--out", str(tmp_path))
    assert code == 2
    assert "it is a folder" in err
    assert not list(tmp_path.iterdir())


def test_the_data_file_itself_is_never_written_over(capsys, csv, tmp_path):
    mine = tmp_path / "train.csv"
    mine.write_bytes(csv.read_bytes())
    words = [str(mine), "--target", "price", "--penalty", "l2", "--out", str(tmp_path)]
    code, _, err = run(capsys, *words)
    assert code == 2
    assert "would be written over the data file" in err
    code, _, _ = run(capsys, *words, "--split", "1")
    assert code == 0
    assert mine.read_bytes() == csv.read_bytes()


def test_a_flat_prior_has_no_scale_in_json(capsys, csv, tmp_path):
    code, out, _ = run(
        capsys,
        *(str(csv), "--target", "price", "--strength", "0", "--penalty", "l2", "--json", "-"),
        *("--out", str(tmp_path / "out")),
    )
    (one,) = json.loads(out)["comparisons"]
    assert code == 0
    assert one["prior"] == {"family": "flat", "scale": None, "variance": None}
    assert one["penalty"]["strength"] == 0


def test_a_convention_of_l1_alone_means_l1(capsys, csv, tmp_path):
    words = ["--target", "price", "--convention", "sklearn.Lasso", "--strength", "0.1"]
    code, out, _ = run(capsys, str(csv), *words, "--json", "-", "--out", str(tmp_path / "out"))
    (one,) = json.loads(out)["comparisons"]
    assert code == 0
    assert one["penalty"] == {"kind": "l1", "strength": 0.1, "convention": "sklearn.Lasso"}


def test_separable_classes_without_a_penalty_have_no_optimum(capsys, tmp_path):
    path = tmp_path / "sep.csv"
    path.write_text("x,y\n" + "".join(f"{k},{int(k > 9)}\n" for k in range(20)))
    words = ["--target", "y", "--strength", "0", "--penalty", "l2", "--split", "1"]
    code, _, err = run(capsys, str(path), *words, "--out", str(tmp_path / "out"))
    assert code == 2
    assert "no exact optimum" in err


def test_interrupted_work_leaves_one_line_and_no_file(capsys, tmp_path, monkeypatch):
    from bayeswd.estimate import descent

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(descent, "train", interrupt)
    code, _, err = run(capsys, "--penalty", "l2", "--out", str(tmp_path / "out"))
    assert code == 130
    assert "interrupted" in err
    assert not (tmp_path / "out").exists()
