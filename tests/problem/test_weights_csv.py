"""Weights from CSV files: names, numbers, and how many digits they were written with."""

import numpy as np
import pytest

from bayeswd.errors import InputError
from bayeswd.problem import weights_csv


@pytest.fixture
def write(tmp_path):
    def to_file(text, name="w.csv"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return to_file


def test_names_and_values_are_read_in_any_columns(write):
    file = weights_csv.read(write('se,value,name\n1,0.25,age\n2,-3e-2,"body, mass"\n9,7,bias\n'))
    assert file.values == {"age": 0.25, "body, mass": -0.03, "bias": 7.0}
    file.require_columns(["age", "body, mass"])
    assert file.intercept_name(["age", "body, mass"]) == "bias"
    assert weights_csv.read(write("name;value\na;1.5\n")).values == {"a": 1.5}


@pytest.mark.parametrize("name", ["bias", "intercept", "(Intercept)", "const"])
def test_an_intercept_goes_by_several_names(write, name):
    file = weights_csv.read(write(f"name,value\nx,1.5\n{name},2.5\n"))
    file.require_columns(["x"])
    assert file.intercept_name(["x"]) == name
    assert file.intercept_name(["x", name]) is None  # a column may be called so


@pytest.mark.parametrize(
    ("cells", "off"),
    [
        (["0.1234", "12.5000"], [5e-5, 5e-5]),  # four decimals
        (["0.00123457", "1.23457e+06"], [5e-9, 5.0]),  # six significant digits
        (["0.1", "0.123456789012345678"], [0, 0]),  # nothing was rounded
        (["0.0", "1.25"], [5e-3, 5e-3]),
    ],
)
def test_the_last_digit_says_how_exact_a_file_is(write, cells, off):
    file = weights_csv.read(write(f"name,value\na,{cells[0]}\nb,{cells[1]}\n"))
    found = np.array(list(file.rounding.values()))
    np.testing.assert_allclose(found, off, rtol=1e-6, atol=1e-15)


def test_rounding_covers_what_was_rounded(write):
    values = np.random.default_rng(0).normal(size=50) * np.logspace(-3, 3, 50)
    for form in ("%.4f", "%.5g", "%.3e", "%.17g"):
        rows = "".join(f"x{i},{form % value}\n" for i, value in enumerate(values))
        file = weights_csv.read(write("name,value\n" + rows))
        off = np.array(list(file.rounding.values()))
        assert (np.abs(np.array(list(file.values.values())) - values) <= off + 1e-300).all()
        if form == "%.17g":
            assert (off <= 1.2e-16 * np.abs(values)).all()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("term,value\na,1\n", "has no column 'name'"),
        ("name,estimate\na,1\n", "has no column 'value'"),
        ("name,value\n", "has a header but no weights"),
        ("name,value\na,1\na,2\n", "line 3: 'a' stands there a second time"),
        ("name,value\na,nan\n", "line 2, 'a': nan is no weight"),
        ("name,value\na,1\nb,-inf\n", "line 3, 'b': -inf is no weight"),
        ("name,value\na,[1.5]\n", r"line 2, 'a': '\[1.5\]' is not a number"),
        ("name,value\na,\n", "line 2, 'a': an empty cell is not a number"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(write, text, says):
    with pytest.raises(InputError, match=says):
        weights_csv.read(write(text))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*none\.csv"):
        weights_csv.read(str(tmp_path / "none.csv"))


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("age,1\nsexx,2\n", r"names 'sexx' \(did you mean 'sex'\?\), which is no column"),
        ("age,1\n", "has no weight for 'sex', 'bmi': give 0"),
        ("age,1\nsex,1\nbmi,2\nbias,0\nintercept,1\n", "has 'bias' and 'intercept': keep one"),
    ],
)
def test_names_that_do_not_match_the_columns_are_refused(write, rows, says):
    file = weights_csv.read(write(f"name,value\n{rows}"))
    with pytest.raises(InputError, match=says):
        file.require_columns(["age", "sex", "bmi"])
