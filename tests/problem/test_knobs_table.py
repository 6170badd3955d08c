"""The table is whole, and a name is found, refused or guessed as it should be."""

import re
import tomllib
from pathlib import Path

import pytest

from bayeswd.errors import InputError
from bayeswd.problem import formulas, knobs, settings

ROWS = list(knobs.rows().values())


def test_the_table_covers_the_frameworks() -> None:
    frameworks = {row.framework for row in ROWS}
    assert frameworks == set(knobs.versions())
    assert len(frameworks) == 26
    assert len(ROWS) >= 138


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_says_what_there_is_to_know(row: knobs.Knob) -> None:
    assert row.status in (knobs.EXACT, knobs.APPROXIMATE, knobs.NO_PRIOR)
    for text in (row.what, row.words, row.note, row.source, row.rescales):
        assert text
        assert text == text.strip()
    assert row.residual is not None or row.checked, "how was this row checked?"
    if row.status == knobs.NO_PRIOR:
        assert len(row.instead) > 40
        assert formulas.prior(row) == knobs.NO_PRIOR
        return
    assert row.knob
    assert row.likelihoods
    assert row.penalties
    assert set(row.penalties) <= set(settings.PENALTIES)
    assert (row.l1 is not None) or not {"l1", "elastic-net"} & set(row.penalties)
    assert (row.l2 is not None) or not {"l2", "elastic-net"} & set(row.penalties)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_factors_are_made_of_known_symbols(row: knobs.Knob) -> None:
    known = set(knobs.symbols()) | {"strength"}
    for factor in (row.data, row.l1, row.l2):
        assert factor is None or set(factor.powers) <= known
    if row.hidden:
        assert row.hidden in known
    if row.data is not None:
        used = formulas.precisions(row, None, 0 if row.l2 else 1)
        assert all(inverse.powers["strength"] in (1, -1, -2) for inverse in used.values())


def test_residuals_prove_what_the_status_claims() -> None:
    """Exact and run with a deterministic solver: small, and far smaller than the wrong map's."""
    for row in ROWS:
        if row.status == knobs.EXACT and row.residual is not None and not row.checked:
            assert row.residual < 1e-4 or "stops early" in row.note, row.name
            if row.wrong_residual is not None:
                assert row.wrong_residual >= 100 * row.residual, row.name


def test_known_faults_are_visible_with_their_numbers() -> None:
    rows = knobs.rows()
    assert "2.31" in rows["statsmodels.OLS:l1"].note
    assert rows["statsmodels.OLS:l1"].status == knobs.APPROXIMATE
    assert "estimated scale" in rows["statsmodels.GLM:gaussian-ridge"].note
    assert "n times" in rows["laplace.Laplace"].note
    assert "20 times too wide" in rows["laplace.Laplace"].note
    assert "sd_y" in rows["glmnet.gaussian:ridge"].note
    assert rows["glmnet.gaussian:ridge"].wrong_residual == 2.1
    assert "BATCH size" in rows["sklearn.MLPRegressor:minibatch"].note
    assert "13.001" in rows["sklearn.MLPRegressor:minibatch"].note


def test_measurements_are_not_inherited() -> None:
    table = tomllib.loads(Path(knobs.__file__).with_name("knobs.toml").read_text())["knob"]
    for row in ROWS:
        assert row.residual == table[row.name].get("residual")
        assert row.headline == table[row.name].get("headline", False)


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("d2l", "d2l.scratch"),
        ("SKLEARN.ridge", "sklearn.Ridge"),
        ("scikit-learn.Ridge", "sklearn.Ridge"),
        ("torch.optim.SGD + nn.MSELoss()", "torch.SGD+MSELoss"),
        ("pytorch.SGD+MSELoss(reduction)", None),
        ("torch.SGD+MSELoss(sum)", "torch.SGD+MSELoss:sum"),
        ("torch.SGD+MSELoss(mean)", "torch.SGD+MSELoss"),
        ("torch.SGD+CrossEntropy", "torch.SGD+CrossEntropyLoss"),
        ("torch.adam+crossentropyloss", "torch.Adam+CrossEntropyLoss"),
        ("torch.RMSprop+BCEWithLogitsLoss:sum", "torch.RMSprop+BCEWithLogitsLoss:sum"),
        ("torch.AdamW+CrossEntropyLoss", "torch.AdamW+CrossEntropyLoss"),
        ("statsmodels.GLM(Poisson)", "statsmodels.GLM"),
        ("sklearn.LogisticRegression(liblinear)", "sklearn.LogisticRegression:liblinear"),
    ],
)
def test_names_are_found_whatever_the_case_and_punctuation(asked: str, name: str | None) -> None:
    if name is None:
        with pytest.raises(InputError, match="nearest: "):
            knobs.find(asked)
    else:
        assert knobs.find(asked).name == name


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("sklearn.SGDRegresor", "sklearn.SGDRegressor"),
        ("torch.SGD+MSELos", "torch.SGD+MSELoss"),
        ("sklearn.Rigde", "sklearn.Ridge"),
    ],
)
def test_a_slip_of_the_pen_is_taken_for_its_row_and_said(asked: str, name: str) -> None:
    with pytest.warns(UserWarning, match=re.escape(f"read {asked!r} as {name}")):
        assert knobs.find(asked).name == name
    assert knobs.nearest(asked) == (knobs.rows()[name], True)


@pytest.mark.parametrize(
    "asked",
    [
        "Ridge",  # whose?
        "keras.L3",  # L1 is not L2
        "torch.SGD+MSELoss:median",  # a sum is not a mean
        "torch.nn.MSELoss",  # without an optimiser
        "statsmodels.GLMPoisson",  # GLM and Poisson differ by n
        "keras.L2L1",
        "",
        "nonsense",
    ],
)
def test_what_could_mean_two_rows_is_refused_with_the_nearest_names(asked: str) -> None:
    with pytest.raises(InputError, match=r"no knob is called .*; (nearest: |see bayeswd convert)"):
        knobs.find(asked)


def test_nearest_names_help() -> None:
    with pytest.raises(InputError, match=r"cuml.Ridge.*sklearn.Ridge|sklearn.Ridge.*cuml.Ridge"):
        knobs.find("Ridge")
    with pytest.raises(InputError, match=r"torch.SGD[+]MSELoss"):
        knobs.find("weight_decay")


@pytest.mark.parametrize(
    ("name", "objective", "prior"),
    [
        (
            "torch.SGD+MSELoss",
            "(1/(n K)) sum r^2 + (weight_decay/2) |w|^2",
            "tau^2 = 2 sigma^2/(n K weight_decay)",
        ),
        ("sklearn.Lasso", "(1/n) sum r^2/2 + alpha |w|_1", "b = sigma^2/(n alpha)"),
        ("sklearn.LogisticRegression", "C sum -log p(y|f) + (1/2) |w|^2", "tau^2 = C"),
        (
            "torch.ASGD+MSELoss",
            "(1/(n K)) sum r^2 + ((weight_decay + lambd)/2) |w|^2",
            "tau^2 = 2 sigma^2/(n K (weight_decay + lambd))",
        ),
        (
            "glmnet.gaussian:elastic-net",
            "(1/n) sum r^2/2 + rho lambda |w|_1 + ((1-rho) lambda/(2 sd_y)) |w|^2",
            "b = sigma^2/(n rho lambda), tau^2 = sigma^2 sd_y/(n (1-rho) lambda)",
        ),
    ],
)
def test_formulas_are_written_from_the_factors(name: str, objective: str, prior: str) -> None:
    row = knobs.rows()[name]
    assert formulas.objective(row) == objective
    assert formulas.prior(row) == prior


def test_formulas_of_another_penalty_and_likelihood() -> None:
    row = knobs.rows()["torch.SGD+MSELoss"]
    assert formulas.objective(row, l1_share=1.0) == "(1/(n K)) sum r^2 + lambda |w|_1"
    book = knobs.rows()["d2l.scratch"]
    assert formulas.prior(book, "categorical") == "tau^2 = 1/(n lambd)"
    assert formulas.depends_on(book, "categorical") == ["n"]
    assert formulas.depends_on(book) == ["noise_scale", "n", "outputs"]
