"""What may stand in a file of the repository: short, and true on any machine."""

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

LINES = {"bayeswd": 250, "tests": 250, "benchmarks": 250, "examples": 80}

# Written with brackets, so that these lines do not match themselves.
FORBIDDEN = {
    "a path of one machine": r"(?<![\w./~-])/(?:[w]ork|[o]pt|[r]oot|[h]ome|[m]nt|[U]sers)\b",
    "a file outside the repository": r"[.]{2}/[s]hared|\b[n]otes/\w+[.]md",
    "a package index": r"[p]ypi[.]org|[p]ythonhosted|[d]ownload[.]pytorch|[i]ndex-url",
    "a host of one network": r"\w+://(?:[l]ocalhost|\d+[.]\d+[.]\d+)",
}


def long_files(root: Path) -> list[str]:
    return [
        f"{path.relative_to(root).as_posix()} has {lines} lines, of {limit}"
        for folder, limit in LINES.items()
        for path in sorted((root / folder).rglob("*.py"))
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > limit
    ]


def forbidden_words(root: Path) -> list[str]:
    return [
        f"{path.relative_to(root).as_posix()}:{number} names {what}: {match.group()}"
        for path in kept_files(root)
        for number, line in enumerate(text_of(path).splitlines(), start=1)
        for what, pattern in FORBIDDEN.items()
        if (match := re.search(pattern, line))
    ]


def kept_files(root: Path) -> list[Path]:
    """Every file that .gitignore does not set aside."""
    ignored = root / ".gitignore"
    lines = ignored.read_text().split() if ignored.exists() else []
    skipped = [".git", *(line.strip("/") for line in lines)]
    return [
        path
        for path in sorted(root.rglob("*"))
        if path.is_file()
        and not any(
            fnmatchcase(part, pattern)
            for part in path.relative_to(root).parts
            for pattern in skipped
        )
    ]


def text_of(path: Path) -> str:
    """The text of a file; nothing for a picture or an archive."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


Rule = Callable[[Path], list[str]]


@pytest.mark.parametrize("rule", [long_files, forbidden_words])
def test_the_repository_keeps_the_rule(rule: Rule) -> None:
    assert ROOT / "pyproject.toml" in kept_files(ROOT)
    assert rule(ROOT) == []


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


@pytest.mark.parametrize(("folder", "limit"), LINES.items())
def test_a_long_file_is_found(folder: str, limit: int, tmp_path: Path) -> None:
    write(tmp_path, f"{folder}/deep/fits.py", "x\n" * limit)
    assert long_files(tmp_path) == []
    write(tmp_path, f"{folder}/deep/long.py", "x\n" * (limit + 1))
    assert long_files(tmp_path) == [f"{folder}/deep/long.py has {limit + 1} lines, of {limit}"]


# joined here, so that this file does not name what it forbids
SLASH, DOT = "/", "."


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (f"open('{SLASH}work/data.csv')", f"a path of one machine: {SLASH}work"),
        (f"cd {SLASH}opt/venv", f"a path of one machine: {SLASH}opt"),
        (f"see ..{SLASH}shared/plan", f"a file outside the repository: ..{SLASH}shared"),
        (f"see notes{SLASH}d2l.md", "a file outside the repository"),
        (f"https://pypi{DOT}org/simple", "a package index"),
        (f"pip install --index{'-'}url x", "a package index"),
        (f"http:{SLASH * 2}localhost:8000", "a host of one network"),
        (f"http:{SLASH * 2}10.0.0.1/simple", "a host of one network"),
    ],
)
@pytest.mark.parametrize("name", ["README.md", ".ci/run", "bayeswd/problem/knobs.toml"])
def test_a_forbidden_word_is_found(name: str, line: str, what: str, tmp_path: Path) -> None:
    write(tmp_path, name, f"first\n{line}\n")
    (fault,) = forbidden_words(tmp_path)
    assert fault.startswith(f"{name}:2 names {what}")


@pytest.mark.parametrize("line", ["a/work/b", "#!/usr/bin/env bash", "~/.cache", "and/or", "/1/2"])
def test_an_innocent_line_passes(line: str, tmp_path: Path) -> None:
    write(tmp_path, "README.md", line)
    assert forbidden_words(tmp_path) == []


def test_ignored_files_and_pictures_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, ".gitignore", "build/\n*.egg-info/\n")
    for name in ("build/a.txt", "x.egg-info/PKG", ".git/config"):
        write(tmp_path, name, f"{SLASH}work")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff/" + b"work")
    assert forbidden_words(tmp_path) == []
