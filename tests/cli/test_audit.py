"""`bayeswd audit`: the report, the schema, the figure, and what it refuses."""

import json
from pathlib import Path

import pytest

from bayeswd.cli.main import main

PROGRAM = """
import sys
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(12, 3)
y = x @ torch.ones(3, 1)
net = nn.Linear(3, 1)

def fit(decay=float(sys.argv[1]) if len(sys.argv) > 1 else 0.3):
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, weight_decay=decay)
    for step in range(8):
        loss = nn.functional.mse_loss(net(x), y) - 0.1 * net.weight.abs().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print("the program's own words")

if __name__ == "__main__":
    fit()
"""


@pytest.fixture
def script(tmp_path: Path) -> str:
    path = tmp_path / "train.py"
    path.write_text(PROGRAM)
    return str(path)


def test_report(script: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", script]) == 0
    out, err = capsys.readouterr()
    sentence, _, rest = out.partition("\n\n")
    assert sentence.startswith("This program trains weight under an improper prior: elastic-net")
    assert "parameter  weights  role" in rest
    assert "error: weight: the penalty pushes weights outward (l1)" in rest
    assert "the program's own words" in err
    assert "the program's own words" not in out


def test_json_is_the_schema(script: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", script, "--json", "-", "--noise", "0.5"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert list(record) == [
        "schema",
        "parameters",
        "data_term",
        "findings",
        "converged",
        "sentence",
    ]
    assert record["schema"] == "bayeswd.audit/1"
    weight, bias = record["parameters"]
    assert list(weight) == ["name", "prior", "strength", "status"]
    assert list(weight["prior"]) == ["family", "scale", "variance", "proper"]
    assert (weight["prior"]["family"], weight["prior"]["proper"]) == ("elastic-net", False)
    assert bias["prior"]["variance"] == pytest.approx(2 * 0.25 / (12 * 0.3), rel=1e-6)
    assert record["data_term"] == {"reduction": "mean", "half": False, "scale": 1.0}
    assert {tuple(one) for one in record["findings"]} == {
        ("code", "severity", "parameter", "message", "evidence")
    }
    assert record["converged"]["steps"] == 8


def test_entry_arguments_and_strict(script: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", script, "--entry", "fit", "--strict"]) == 1  # the penalty's sign
    assert main(["audit", script, "--json", "-", "--arguments", "0.7"]) == 0
    out = capsys.readouterr().out
    record = json.loads(out[out.index('{\n "schema"') :])
    assert record["parameters"][1]["strength"] == pytest.approx(0.7, rel=1e-6)


def test_figure_and_file(script: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, record = tmp_path / "figures", tmp_path / "audit.json"
    assert main(["audit", script, "--out", str(out), "--json", str(record)]) == 0
    assert (out / "forces.png").stat().st_size > 10_000
    assert json.loads(record.read_text())["schema"] == "bayeswd.audit/1"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.py"], "there is no such file"),
        (["SCRIPT", "--entry", "learn"], "no function 'learn'; it has fit"),
        (["SCRIPT", "--noise", "-1"], "give a finite number > 0"),
        (["SCRIPT", "--json", "/nowhere/audit.json"], "there is no folder"),
    ],
)
def test_refuses(
    arguments: list[str], message: str, script: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [script if one == "SCRIPT" else one for one in arguments]
    assert main(["audit", *asked]) == 2
    assert message in capsys.readouterr().err
