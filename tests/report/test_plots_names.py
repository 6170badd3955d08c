"""Names that people give to columns and methods: drawn as they are, within their room."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from bayeswd.analysis.comparison import Comparisons
from bayeswd.report import plots, style, words
from bayeswd.report.forest_figure import FACTORS
from bayeswd.report.weights import column_name, weight_name, weight_names

Results = Callable[[str], Comparisons]
Ridge = Callable[..., Comparisons]
ODD = (
    "$\\frac$",
    "price in $ and $",
    "$x_1^2$",
    "价格_usd",
    "a column of WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW",
)


@pytest.fixture(scope="module")
def odd(compared_ridge: Ridge) -> Comparisons:
    random = np.random.default_rng(4)
    x = random.standard_normal((40, 5))
    y = x @ np.array([3.0, -2.0, 1.0, 0.5, 2.0]) + random.standard_normal(40)
    result = compared_ridge(ODD, x, y, 1.0, 1.0)
    (one,) = result.comparisons
    mine = replace(one.methods[1], method="_$\\frac$ 価格")
    return replace(result, comparisons=(replace(one, methods=(*one.methods, mine)),))


def test_odd_names_are_drawn_without_a_warning(
    odd: Comparisons,
    check_page: Callable[[str, Figure], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(style, "DPI", Figure().dpi)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        figures = plots.compare(odd, tmp_path)
    assert [str(warning.message) for warning in caught] == []
    assert figures.skipped == {}
    for name, figure in figures:
        check_page(name, figure)


def test_dollars_are_dollars_on_every_figure(odd: Comparisons) -> None:
    drawn = [text for _, figure in plots.compare(odd) for text in figure.findobj(Text)]
    parsed = [text.get_parse_math() for text in drawn if "$" in text.get_text()]
    assert len(parsed) > 5
    assert not any(parsed)
    labels = plots.forest(odd).axes[0].texts
    assert {"$\\frac$", "price in $ and $", "$x_1^2$"} <= {text.get_text() for text in labels}


def test_a_method_of_ones_own_is_in_the_legend(odd: Comparisons) -> None:
    for draw in (plots.weights_by_method, plots.convergence):
        legend = draw(odd).axes[0].get_legend()
        assert any("_$\\frac$ □:" in text.get_text() for text in legend.get_texts())


def test_letters_that_the_font_lacks_leave_the_columns_number() -> None:
    assert column_name("价格_usd", 2) == "column 3: □_usd"
    assert column_name("価格", 3) == "column 4"
    assert column_name(" ", 0) == "column 1"
    assert column_name("Größe σ² [µm]", 0) == "Größe σ² [µm]"
    assert column_name("two\nlines", 0) == "two lines"


def test_a_bold_headline_has_every_letter_too() -> None:
    """U+F000 is in the regular face of the font alone."""
    assert words.drawable("a \uf000 b") == "a □ b"


def test_a_weight_of_one_of_several_outputs_names_it(results: Results) -> None:
    digits, two = results("digits"), results("two-outputs")
    problem = digits.comparisons[0].problem
    columns = problem.inputs.shape[1]
    name = digits.data.names[1]
    assert weight_name(digits.data, problem, 2 * columns + 1) == f"{name} (class 2)"
    assert weight_name(two.data, two.comparisons[0].problem, 4) == "x2 (output 1)"
    assert "→" not in plots.contours(digits).axes[0].get_xlabel()


def test_names_cut_to_the_same_are_told_apart(odd: Comparisons) -> None:
    long = replace(odd.data, names=tuple(f"{'m' * 40}{k}{'m' * 40}" for k in range(5)))
    names = weight_names(long, odd.comparisons[0].problem, [0, 3])
    assert len(set(names)) == 2
    assert all("…" in name for name in names)


def test_lines_are_broken_by_the_width_of_letters() -> None:
    wide, narrow = "WWWW " * 20, "iiii " * 20
    for text in (wide.strip(), narrow.strip()):
        lines = words.wrapped(text, 3.0, 11, bold=True).split("\n")
        assert " ".join(lines) == text
        assert max(words.width(line, 11, bold=True) for line in lines) <= 3.0
    assert words.wrapped(wide, 3, 11).count("\n") > 3 * words.wrapped(narrow, 3, 11).count("\n")
    assert words.wrapped("an unbreakably_long_word", 0.5, 11) == "an\nunbreakably_long_word"
    short = words.shortened("W" * 50, 1.0, 9.5)
    assert short.startswith("W")
    assert words.width(short, 9.5) <= 1.0 < words.width(short + "W", 9.5)


def test_counts_and_shares() -> None:
    assert [words.counted(n, "step") for n in (0, 1, 2)] == ["0 steps", "1 step", "2 steps"]
    assert [words.percent(share) for share in (0.89, 0.001, 0.3)] == ["89 %", "0.1 %", "30 %"]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (2, "what is not drawn stays where it was fitted"),
        (3, "the other weight stays where it was fitted"),
        (4, "the other 2 weights stay where they were fitted"),
    ],
)
def test_the_weights_that_are_held_are_counted(
    columns: int, said: str, compared_ridge: Ridge
) -> None:
    x = np.random.default_rng(0).standard_normal((20, columns))
    result = compared_ridge((), x, x.sum(1), 1.0, 1.0)
    assert said in " ".join(plots.contours(result).get_supxlabel().split())


def test_one_weight_is_one_weight(results: Results) -> None:
    rug = plots.prior_and_penalty(results("single-weight")).axes[2]
    assert rug.get_ylabel() == "L2 fit, 1 weight"


def test_the_forest_names_the_weight_that_moves_most(compared_ridge: Ridge) -> None:
    x = np.random.default_rng(0).standard_normal((60, 2))
    x[:, 1] *= 0.05  # the data say little about it
    y = x @ np.array([3.0, 2.0])
    said = plots.forest(compared_ridge(("strong", "weak"), x, y, 0.3, 1.0)).get_suptitle()
    assert "; weak goes from " in " ".join(said.split())
    assert f"over {FACTORS[-1] / FACTORS[0]:g} times the penalty" in " ".join(said.split())


def test_the_forest_says_so_where_nothing_moves(compared_ridge: Ridge) -> None:
    x = np.random.default_rng(0).standard_normal((60, 2))
    y = x @ np.array([-1.5, 1.0])
    said = plots.forest(compared_ridge(("b & c", "d"), x, y, 1e-4, 1.0)).get_suptitle()
    assert "no weight moves in two digits over 256 times" in " ".join(said.split())
    assert "goes from" not in said


def test_intervals_are_written_as_shares_are_elsewhere(results: Results) -> None:
    label = plots.forest(results("single-weight")).axes[1].get_xlabel()
    assert label == "weight (lines: 50 % and 89 % intervals)"
