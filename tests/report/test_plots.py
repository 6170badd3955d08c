"""Every figure on every kind of problem: it says something, fits on its page, is saved whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib
import pytest
from matplotlib.figure import Figure

from bayeswd.analysis.comparison import Comparisons
from bayeswd.errors import InputError
from bayeswd.report import plots, style

NAMES = list(plots.FIGURES)
SKIPPED = {
    "d2l": set(),
    "diabetes": set(),
    "breast-cancer": {"forest"},
    "digits": {"forest"},
    "survey.csv": {"forest"},
    "network": {"forest"},
    "unpenalised": {"prior-and-penalty", "contours", "strength-and-variance", "forest"},
    "single": {"contours"},
    "two outputs": set(),
}
Results = Callable[[str], Comparisons]
Drawn = tuple[Comparisons, plots.Figures, Path]


@pytest.fixture(scope="module")
def drawn(any_result: Comparisons, tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """All figures of one result, drawn and saved once, at the size in which texts are measured."""
    folder = tmp_path_factory.mktemp("figures") / "new" / "folder"
    before = dict(matplotlib.rcParams)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(style, "DPI", Figure().dpi)
        figures = plots.compare(any_result, folder)
    assert dict(matplotlib.rcParams) == before
    return any_result, figures, folder


def test_what_applies_is_drawn_and_the_rest_has_a_reason(drawn: Drawn) -> None:
    result, figures, _ = drawn
    assert set(figures.skipped) == SKIPPED[result.data.name]
    assert [name for name, _ in figures] == [n for n in NAMES if n not in figures.skipped]
    assert all(len(reason) > 20 for reason in figures.skipped.values())


def test_each_figure_is_saved_as_a_whole_png(drawn: Drawn) -> None:
    _, figures, folder = drawn
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(files) == {f"{name}.png" for name, _ in figures}
    for content in files.values():
        assert content.startswith(b"\x89PNG\r\n\x1a\n")
        assert b"IEND" in content[-16:]
        assert len(content) > 10_000


def test_each_figure_has_a_headline_with_a_number_and_labelled_axes(drawn: Drawn) -> None:
    for name, figure in drawn[1]:
        headline = figure.get_suptitle()
        assert name == "contours" or any(letter.isdigit() for letter in headline), headline
        filled = [axes for axes in figure.axes if axes.lines or axes.collections]
        ticked = [axes for axes in filled if axes.xaxis.get_tick_params()["labelbottom"]]
        assert filled
        assert ticked
        assert all(axes.get_xlabel() for axes in ticked)
        assert name == "forest" or all(axes.get_ylabel() for axes in filled[:1])


def test_no_text_leaves_the_page_or_another_one_its_room(
    drawn: Drawn, check_page: Callable[[str, Figure], None]
) -> None:
    for name, figure in drawn[1]:
        check_page(name, figure)


def test_numbers_on_the_axes_are_short(drawn: Drawn) -> None:
    for name, figure in drawn[1]:
        for axes in figure.axes:
            for label in [*axes.get_xticklabels(), *axes.get_yticklabels()]:
                assert len(label.get_text()) <= 8 or name == "forest", label.get_text()


def test_pyplot_knows_none_of_the_figures(drawn: Drawn) -> None:
    from matplotlib import pyplot

    assert pyplot.get_fignums() == []


def test_a_users_style_reaches_neither_size_nor_font(results: Results, tmp_path: Path) -> None:
    plots.save(plots.convergence(results("network")), tmp_path / "plain.png")
    with matplotlib.rc_context({"font.size": 20, "savefig.bbox": "tight", "font.family": "serif"}):
        plots.save(plots.convergence(results("network")), tmp_path / "styled.png")
    assert (tmp_path / "plain.png").read_bytes() == (tmp_path / "styled.png").read_bytes()


def test_a_failed_write_leaves_the_old_picture(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weights.png"
    path.write_bytes(b"old")

    def half(self: Figure, target: Path, **options: object) -> None:
        Path(target).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    figure = plots.weights_by_method(results("network"))
    monkeypatch.setattr(Figure, "savefig", half)
    with pytest.raises(InputError, match=r"weights\.png' cannot be written \(No space left"):
        plots.save(figure, path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_where_the_folder_should_be(results: Results, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(InputError, match="cannot be written"):
        plots.compare(results("unpenalised"), tmp_path / "taken")
