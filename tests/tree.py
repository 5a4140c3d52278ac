"""The source tree as the structural tests see it: files, their module names, their imports."""

from __future__ import annotations

import ast
import gc
import runpy
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]


class Imported(NamedTuple):
    """One imported module: `isozoo.framework.ops` or `torch.nn`, and where that stands."""

    name: str
    relative: bool
    where: str


@cache
def layout() -> dict:
    """What setup.py says: FLOORS, PACKAGE_DIR and the list of packages."""
    variables = runpy.run_path(str(ROOT / "setup.py"), run_name="layout")
    return {**variables, "packages": variables["packages"]()}


@cache
def modules() -> dict[str, Path]:
    """Dotted name -> file of every module of the package; an `__init__.py` has its folder's."""
    found = {}
    for package, folder in layout()["PACKAGE_DIR"].items():
        base = ROOT / folder
        for path in sorted(base.rglob("*.py")):
            parts = path.relative_to(base).with_suffix("").parts
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            found[".".join([package, *parts])] = path
    return found


def nodes(path: Path) -> list[ast.AST]:
    """Every node of a file, outer ones first."""
    was = gc.isenabled()
    gc.disable()  # the collector would go through all nodes again and again, and none is garbage
    try:
        return walked(ast.parse(path.read_text(encoding="utf-8"), filename=str(path)))
    finally:
        if was:
            gc.enable()


def walked(tree: ast.AST) -> list[ast.AST]:
    """The nodes of `ast.walk` in its order, in a third of its time."""
    found = [tree]
    for node in found:
        for value in vars(node).values():
            if isinstance(value, ast.AST):
                found.append(value)
            elif isinstance(value, list):
                found += [x for x in value if isinstance(x, ast.AST)]
    return found


class Statements(NamedTuple):
    """What imports in a file: anywhere in it, and when the file itself is imported.

    The second are those of its top level, those under TYPE_CHECKING left out.
    """

    everywhere: list[ast.Import | ast.ImportFrom | ast.Call]
    at_once: list[ast.Import | ast.ImportFrom | ast.Call]


@cache
def importing(path: Path) -> Statements:
    found = nodes(path)
    parts = []
    for some in (found, _top_level(found[0])):
        parts.append([node for node in some if _imports_something(node)])
    return Statements(*parts)


def _imports_something(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return called(node) in ("import_module", "__import__")
    return isinstance(node, ast.Import | ast.ImportFrom)


def _top_level(tree: ast.AST) -> Iterator[ast.AST]:
    stack: list[ast.AST] = list(tree.body)
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, ast.If):
            if not (isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
                stack += [*node.body, *node.orelse]
        elif isinstance(node, ast.Try | ast.With):
            stack += node.body


def where(path: Path, node: ast.AST) -> str:
    """`framework/core/layer.py:12`"""
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"


@cache
def imports(module: str) -> list[Imported]:
    """Every import in a module of the package, those inside functions and by literal name too."""
    return list(_imports(module))


def _imports(module: str) -> Iterator[Imported]:
    path = modules()[module]
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in importing(path).everywhere:
        at = where(path, node)
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Imported(alias.name, False, at)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node.module or "", node.level, package, at)
            for alias in node.names:
                yield Imported(f"{base}.{alias.name}", node.level > 0, at)
        else:
            name = node.args[0] if node.args else None
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                level = len(name.value) - len(name.value.lstrip("."))
                yield Imported(_absolute(name.value[level:], level, package, at), level > 0, at)


def called(node: ast.Call) -> str:
    """Last name of what is called: `load` of `pickle.load(...)`."""
    function = node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _absolute(name: str, level: int, package: list[str], at: str) -> str:
    if level == 0:
        return name
    assert level <= len(package), f"{at}: relative import leaves the package"
    base = package[: len(package) - level + 1]
    return ".".join([*base, name] if name else base)
