"""The architecture: imports go one way, as the table in docs/architecture.md has it."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "symback"
#: Where modules may be loaded by name, late: SymPy and the commands, so that start-up is quick.
LOADS_LATE = {"symback", "symback.lazy", "symback.cli.app"}
#: Calls that run text as code, or may.
RUNS_CODE = {
    "eval", "exec", "compile", "__import__", "parse_expr", "parse_latex", "lambdify", "loads",
    "literal_eval",
}  # fmt: skip
ALLOWED_CALLS = {("symback.toml_reader", "loads"), ("symback.render.pdf", "compile")}  # by Typst


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def imported(node: ast.AST) -> list[str]:
    """The modules that an import statement names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        full = [f"{node.module}.{alias.name}" for alias in node.names]
        return [name if name in MODULES else node.module for name in full]
    return []


def type_checking_only(module: str) -> set[ast.AST]:
    """Nodes under `if TYPE_CHECKING:`."""
    return {
        inner
        for node in ast.walk(tree(module))
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }


@cache
def imports(module: str) -> frozenset[str]:
    """The modules that `module` imports when it is loaded."""
    late = type_checking_only(module)
    return frozenset(
        name for node in ast.walk(tree(module)) if node not in late for name in imported(node)
    )


def own(names: frozenset[str]) -> set[str]:
    return {name for name in names if name in MODULES}


@cache
def rows() -> dict[str, int]:
    """Module or package -> its row in the table of docs/architecture.md."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    found: dict[str, int] = {}
    for row, names in re.findall(r"^\| (\d+) \| ([^|]+) \|", text, re.MULTILINE):
        for name in re.findall(r"`([a-z_0-9.]+)`", names):
            assert name not in found, f"{name} stands in two rows"
            found[name] = int(row)
    return found


def row(module: str) -> int:
    short = module.removeprefix("symback").removeprefix(".") or "symback"
    known = rows()
    while short not in known and "." in short:
        short = short.rpartition(".")[0]
    assert short in known, f"give {module} a place in the table of docs/architecture.md"
    return known[short]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_its_row_and_above(module: str) -> None:
    above = {name: row(name) for name in own(imports(module)) if name != "symback"}
    assert {name: at for name, at in above.items() if at > row(module)} == {}


def test_the_table_names_no_module_that_is_not_there() -> None:
    names = {module.removeprefix("symback.") for module in MODULES}
    packages = {name.partition(".")[0] for name in names}
    assert set(rows()) <= names | packages | {"symback"}


def test_imports_have_no_cycles() -> None:
    done: set[str] = set()
    on_the_way: list[str] = []

    def visit(module: str) -> None:
        assert module not in on_the_way, f"cycle: {' -> '.join([*on_the_way, module])}"
        if module in done:
            return
        on_the_way.append(module)
        for name in sorted(own(imports(module)) - {"symback"}):
            visit(name)
        on_the_way.pop()
        done.add(module)

    for module in MODULES:
        visit(module)


@pytest.mark.parametrize("module", MODULES)
def test_own_modules_are_imported_at_the_top(module: str) -> None:
    inside = {
        name
        for function in ast.walk(tree(module))
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for node in ast.walk(function)
        for name in imported(node)
        if name.partition(".")[0] == "symback"
    }
    assert inside == set()
    assert not loads_own_modules(module) or module in LOADS_LATE


def loads_own_modules(module: str) -> bool:
    """Whether `import_module` may load one of ours: its argument is not the name of another."""
    calls = (node for node in ast.walk(tree(module)) if isinstance(node, ast.Call))
    loads = [call for call in calls if ast.unparse(call.func).endswith("import_module")]
    names = [call.args[0].value if isinstance(call.args[0], ast.Constant) else "" for call in loads]
    return any(not name or str(name).startswith("symback") for name in names)


@pytest.mark.parametrize("module", MODULES)
def test_sympy_stays_behind_its_doors(module: str) -> None:
    third_party = {name.partition(".")[0] for name in imports(module)}
    behind = module.startswith("symback.sympy_") or module == "symback.calculus"
    assert "sympy" not in third_party or behind


def test_nothing_that_starts_a_command_needs_sympy() -> None:
    """What the commands import, directly or not, holds no SymPy, lambdify or JAX."""
    reached: set[str] = set()
    waiting = [module for module in MODULES if module.startswith("symback.cli")]
    while waiting:
        module = waiting.pop()
        if module not in reached:
            reached.add(module)
            waiting.extend(own(imports(module)))
    heavy = {"sympy", "jax", "torch", "matplotlib"}
    assert {m for m in reached if heavy & {n.partition(".")[0] for n in imports(m)}} == set()


@pytest.mark.parametrize("module", MODULES)
def test_no_text_runs_as_code(module: str) -> None:
    for node in ast.walk(tree(module)):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else ast.unparse(function)
        if isinstance(function, ast.Attribute) and ast.unparse(function.value) in ("re", "json"):
            continue
        assert name not in RUNS_CODE or (module, name) in ALLOWED_CALLS
        if name == "sympify":  # a text would be run
            assert "strict=True" in ast.unparse(node)
