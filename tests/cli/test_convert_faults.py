"""`bayeswd convert`: what cannot be answered is one line on standard error and exit code 2."""

import pytest

from bayeswd.cli.main import main

BOOK = ["--n", "20", "--noise", "0.01"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["3", "--from", "d2l", "--n", "20"], "give noise_scale (--noise): a Gaussian loss fixes"),
        (["3", "--from", "Ridge"], "no knob is called 'Ridge'; nearest: "),
        (["0.01", "--from", "torch.AdamW"], "the box |w| <= 1/weight_decay = 100"),
        (["-1", "--from", "d2l", *BOOK], "d2l.scratch: lambd = -1.0 has no prior"),
        (["nan", "--from", "d2l", *BOOK], "lambd = nan has no prior"),
        (["3"], "give a strength and --from NAME, or --prior-scale"),
        ([], "give a strength and --from NAME, or --prior-scale"),
        (["--prior-scale", "0"], "the scale of a prior must be positive"),
        (["--prior-scale", "1", "--prior-variance", "1"], "not both"),
        (["3", "--from", "d2l", "--prior-scale", "1"], "or a prior, not both"),
        (
            ["3", "--from", "d2l", *BOOK, "--to", "glmnet.gaussian:ridge"],
            "glmnet.gaussian:ridge: give sd_y (--sd-y)",
        ),
        (
            ["3", "--from", "d2l", *BOOK, "--to", "sklearn.Lasso"],
            "sklearn.Lasso states l1, not l2: use sklearn.Ridge",
        ),
        (["3", "--from", "d2l", *BOOK, "--likelihood", "cauchy"], "likelihood, not cauchy"),
        (["--list", "--json", "-"], "--list is a table to read: --to all --json has the numbers"),
        (["--list", "nothing-like-it"], "--list nothing-like-it: no name has that in it"),
        (["3", "--from", "d2l", *BOOK, "--json", "/nowhere/x.json"], "cannot write"),
    ],
)
def test_faults_are_one_line_and_exit_2(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["convert", *words])
    out, err = capsys.readouterr()
    assert code == 2
    assert out == ""
    assert message in err
    assert err.startswith("bayeswd convert: ")
    assert err.count("\n") == 1
