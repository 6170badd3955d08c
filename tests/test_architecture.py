"""Who may import whom: each rule lists its breaches, and each is shown to find one."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# From the ground up: a module imports from its own floor and from those before it.
FLOORS = [
    {"results", "tables", "errors", "files"},
    {"problem"},
    {"estimate"},
    {"posterior"},
    {"analysis"},
    {"homework"},
    {"report"},
    {"cli"},
]

# A foreign library and the files that may import it, as patterns on paths inside the package.
DOORS = {
    "arviz*": ("posterior/with_arviz.py", "report/*"),
    "matplotlib": ("report/*",),
    "mpl_toolkits": ("report/*",),
    "pyro": ("*/pyro_*.py",),
}


@dataclass(frozen=True)
class Import:
    """One imported module; `on_load`: already when the importing module is loaded."""

    path: Path
    line: int
    target: str
    on_load: bool

    def __str__(self) -> str:
        return f"{self.path.name}:{self.line} imports {self.target}"


def modules(root: Path) -> dict[str, Path]:
    """Module name -> file, for every file of the package."""
    found = {}
    for path in sorted((root / "bayeswd").rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(root: Path) -> dict[str, list[Import]]:
    """Module name -> what it imports; `from package import module` names the module."""
    known = modules(root)
    return {
        name: [
            Import(path, node.lineno, target, on_load)
            for node, on_load in import_statements(ast.parse(path.read_text()))
            for target in targets(node, known)
        ]
        for name, path in known.items()
    }


def import_statements(
    node: ast.AST, on_load: bool = True
) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, on_load
        called = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        for_types = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        yield from import_statements(child, on_load and not called and not for_types)


def targets(node: ast.Import | ast.ImportFrom, known: dict[str, Path]) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    module = "." * node.level + (node.module or "")
    if module == "bayeswd" and [alias.name for alias in node.names] == ["__version__"]:
        return []  # a plain string of the package, on no floor
    members = [f"{module}.{alias.name}" for alias in node.names]
    return [name if name in known else module for name in members]


def floor(module: str) -> int:
    """0 is the ground; the package itself is the top, because its names reach every floor."""
    first = module.split(".")[1:2]
    return next((i for i, names in enumerate(FLOORS) if set(first) & names), len(FLOORS) - 1)


def imports_from_above(root: Path) -> list[str]:
    return [
        f"{imported}, a higher floor than that of {name}"
        for name, found in imports(root).items()
        for imported in found
        if imported.target.split(".")[0] == "bayeswd" and floor(imported.target) > floor(name)
    ]


def modules_on_no_floor(root: Path) -> list[str]:
    known = set().union(*FLOORS)
    return [f"{name} is on no floor" for name in modules(root) if set(name.split(".")[1:2]) - known]


def import_cycles(root: Path) -> list[str]:
    graph = {
        name: {imported.target for imported in found if imported.on_load}
        for name, found in imports(root).items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [" -> ".join(error.args[1])]
    return []


def wrong_doors(root: Path) -> list[str]:
    return [
        f"{imported}, which is for {' or '.join(doors)}"
        for found in imports(root).values()
        for imported in found
        for library, doors in DOORS.items()
        if fnmatchcase(imported.target.split(".")[0], library)
        and not any(fnmatchcase(inside(root, imported.path), door) for door in doors)
    ]


def inside(root: Path, path: Path) -> str:
    return path.relative_to(root / "bayeswd").as_posix()


def relative_imports(root: Path) -> list[str]:
    every = (imported for found in imports(root).values() for imported in found)
    return [f"{imported}: write it in full" for imported in every if imported.target[0] == "."]


def filled_packages(root: Path) -> list[str]:
    """A sub-package that imports anything would make every module inside it load that."""
    paths = (root / "bayeswd").glob("*/**/__init__.py")
    return [f"{inside(root, path)} is not empty" for path in paths if path.stat().st_size]


Rule = Callable[[Path], list[str]]
RULES: list[Rule] = [
    imports_from_above,
    modules_on_no_floor,
    import_cycles,
    wrong_doors,
    relative_imports,
    filled_packages,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps_the_rule(rule: Rule) -> None:
    assert len(modules(ROOT)) > 20
    assert rule(ROOT) == []


# rule, file, its text, what the rule says of it
BREACHES: list[tuple[Rule, str, str, str]] = [
    (imports_from_above, "problem/a.py", "import bayeswd.estimate.b", "a.py:1 imports bayeswd.est"),
    (imports_from_above, "problem/a.py", "from bayeswd.estimate import b", "bayeswd.estimate.b, a"),
    (imports_from_above, "problem/a.py", "\nimport bayeswd", "a.py:2 imports bayeswd, a higher"),
    (imports_from_above, "results.py", "from bayeswd.problem.c import x", "bayeswd.problem.c, a"),
    (imports_from_above, "report/a.py", "def f():\n  import bayeswd.cli", "imports bayeswd.cli, a"),
    (
        imports_from_above,
        "problem/a.py",
        "from bayeswd import Problem",
        "a.py:1 imports bayeswd, a",
    ),
    (
        imports_from_above,
        "problem/a.py",
        "if TYPE_CHECKING:\n  from bayeswd.estimate.b import B",
        "a.py:2 imports bayeswd.estimate.b",
    ),
    (modules_on_no_floor, "cellar/a.py", "", "bayeswd.cellar.a is on no floor"),
    (modules_on_no_floor, "cellar.py", "", "bayeswd.cellar is on no floor"),
    (import_cycles, "problem/c.py", "from bayeswd.problem import d", "d -> bayeswd.problem.c -> "),
    (wrong_doors, "analysis/a.py", "import arviz_stats", "arviz_stats, which is for posterior/"),
    (wrong_doors, "posterior/a.py", "from arviz.data import x", "a.py:1 imports arviz.data, which"),
    (wrong_doors, "cli/a.py", "import matplotlib.pyplot as plt", "matplotlib.pyplot, which is for"),
    (wrong_doors, "estimate/a.py", "def f():\n  from pyro import poutine", "a.py:2 imports pyro, "),
    (relative_imports, "problem/a.py", "from .b import c", "a.py:1 imports .b: write it in full"),
    (relative_imports, "problem/a.py", "from .. import errors", "a.py:1 imports ..: write"),
    (filled_packages, "problem/__init__.py", "import torch", "problem/__init__.py is not empty"),
]

SOUND = {
    "__init__.py": "__version__ = '1'",
    "results.py": "import torch",
    "problem/__init__.py": "",
    "problem/c.py": "if TYPE_CHECKING:\n  from bayeswd.problem.d import D",
    "problem/e.py": "from bayeswd import __version__",
    "problem/d.py": "import bayeswd.problem.c, bayeswd.results\nfrom bayeswd import errors",
    "errors.py": "",
    "estimate/b.py": "",
    "estimate/pyro_map.py": "import pyro\nfrom bayeswd.problem import d",
    "posterior/with_arviz.py": "import arviz_base",
    "report/figures.py": "import arviz_plots, matplotlib.pyplot\nimport pyrography",
    "cli/main.py": "import bayeswd\nfrom bayeswd import __version__\nfrom bayeswd.report import x",
}


def build(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / "bayeswd" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_sound_house_passes(rule: Rule, tmp_path: Path) -> None:
    assert rule(build(tmp_path, SOUND)) == []


@pytest.mark.parametrize(("rule", "name", "text", "says"), BREACHES)
def test_a_breach_is_found(rule: Rule, name: str, text: str, says: str, tmp_path: Path) -> None:
    (fault,) = rule(build(tmp_path, {**SOUND, name: text}))
    assert says in fault


def test_every_rule_can_fail() -> None:
    assert {rule for rule, *_ in BREACHES} == set(RULES)
