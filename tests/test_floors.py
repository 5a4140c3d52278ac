"""A module imports only from modules below it: no import leads upward, and none in a circle."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from .tree import ROOT, importing

FLOORS = ("framework", "hub", "applications", "nlp", "cv", "isozoo", "scripts")
# Inside framework/, lowest first. Modules of one row may import each other, but not in a circle.
FRAMEWORK = (
    ("typing", "lazy", "context", "structures", "containers", "nested"),
    (
        "config",
        "configs",
        "dtypes",
        "file_errors",
        "files",
        "folders",
        "registered",
        "serialization",
        "tree",
    ),
    ("dtype_policies", "fingerprints", "folders", "named"),
    ("backends",),
    ("ops", "distribution"),
    ("activations", "bounding_boxes", "initializers", "regularizers", "constraints"),
    ("core",),
    ("random", "utils", "quantizers"),
    ("optimizers", "losses", "saving", "preprocessing"),
    ("metrics",),
    ("layers", "lora", "quantization", "mixed_precision"),
    ("training", "exporting"),
    ("models",),
    ("visualization", "wrappers", "distillation", "graphs"),
    ("public", ""),
)
# Floor -> floors that it may import from.
BELOW = {
    "framework": {"framework"},
    "hub": {"framework", "hub"},
    "applications": {"framework", "hub", "applications"},
    "nlp": {"framework", "hub", "nlp"},
    "cv": {"framework", "hub", "applications", "nlp", "cv"},
}


def _modules() -> dict[str, Path]:
    """Dotted name below the package -> file; the face, isozoo/, stands at the top."""
    found = {}
    for floor in FLOORS:
        for path in (ROOT / floor).rglob("*.py"):
            parts = [*path.relative_to(ROOT).with_suffix("").parts]
            parts = parts[1:] if floor == "isozoo" else parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = _modules()


@cache
def _imported(name: str, path: Path, everywhere: bool) -> set[str]:
    """Modules that a file imports: at its top level, or anywhere in it."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found: set[str] = set()
    for node in importing(path).everywhere if everywhere else importing(path).at_once:
        if isinstance(node, ast.ImportFrom) and node.level:
            base = [p for p in package[: len(package) - node.level + 1] if p]
            base += node.module.split(".") if node.module else []
            for alias in node.names:
                whole = ".".join([*base, alias.name])
                found.add(whole if whole in MODULES else ".".join(base))
    return {n for n in found if n in MODULES and n != name}


def _row(name: str) -> int:
    head = name.split(".")[1] if "." in name else ""
    return next(i for i, row in enumerate(FRAMEWORK) if head in row)


# Function -> module above it that it asks only when it is called, and why.
LATE = {
    ("framework.config", "framework.backends.registry"): "a setting names a backend",
    ("framework.config", "framework.dtypes"): "a setting is checked against the dtypes' names",
}


@pytest.mark.parametrize("floor", BELOW)
def test_no_floor_imports_from_above(floor):
    for name, path in MODULES.items():
        if name.split(".")[0] == floor:
            above = {n for n in _imported(name, path, True) if n.split(".")[0] not in BELOW[floor]}
            assert not above, f"{path.relative_to(ROOT)} imports from above: {sorted(above)}"


def test_inside_the_framework_nothing_imports_from_above():
    found = []
    for name, path in MODULES.items():
        if name.split(".")[0] == "framework":
            for other in _imported(name, path, True):
                if _row(other) > _row(name) and (name, other) not in LATE:
                    found.append(f"{name} imports {other}")
    assert not found, "\n".join(sorted(found))


def test_no_import_runs_in_a_circle():
    """By what is imported when a module is; what a package's view reads of it does not count."""
    graph = {
        name: {n for n in _imported(name, path, False) if not name.startswith(f"{n}.")}
        for name, path in MODULES.items()
    }
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " -> ".join((*above[above.index(name) :], name))
        if name not in done:
            for other in sorted(graph[name]):
                visit(other, (*above, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())
