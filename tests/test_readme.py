"""What README.md shows works as it stands: its Python, its commands, its links."""

import re
import shlex
from pathlib import Path

import pytest

from bayeswd.cli.main import build_parser

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)[ \t]*\n(.*?)^```[ \t]*$", TEXT, re.MULTILINE | re.DOTALL)
SNIPPETS = [body for language, body in BLOCKS if language == "python"]
SHELL_OPERATORS = set("|;<>$`*…")


def commands(language: str, body: str) -> list[str]:
    """Each `bayeswd ...` of a block; where a block shows prompts, other lines are output."""
    if language not in ("", "sh", "bash", "shell", "console"):
        return []
    lines = body.replace("\\\n", " ").splitlines()
    prompted = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    parts = [part.strip() for line in prompted or lines for part in line.split("&&")]
    return [part for part in parts if part.startswith("bayeswd ")]


SHOWN = [command for block in BLOCKS for command in commands(*block)]
COMMANDS = [command for command in SHOWN if not SHELL_OPERATORS & set(command)]


def stopped_with(command: str) -> int | str | None:
    """The exit status of reading the command's arguments; nothing is run."""
    try:
        build_parser().parse_args(shlex.split(command, comments=True)[1:])
    except SystemExit as stopped:  # --help and --version end the program too, with 0
        return stopped.code
    return 0


def test_blocks_are_found() -> None:
    assert TEXT.count("\n```") == 2 * len(BLOCKS)  # none left open, none overlooked
    assert SNIPPETS
    assert COMMANDS


@pytest.mark.parametrize("snippet", SNIPPETS, ids=range(len(SNIPPETS)))
def test_python_runs(snippet: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(snippet, "README.md", "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_understood(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert stopped_with(command) == 0, capsys.readouterr().err


def test_a_wrong_command_would_be_noticed() -> None:
    shown = "$ bayeswd compare d2l --penalty \\\n  ridge\nbayeswd prints this\n"
    assert [stopped_with(command) for command in commands("console", shown)] == [2]


def test_links_into_the_repository_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", TEXT)
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (ROOT / target).exists()] == []
