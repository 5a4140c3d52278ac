"""Writes the pages from which `make docs` builds the documentation's site.

    python docs/make_pages.py build

They are the guides of docs/, a page for each public namespace, CONTRIBUTING.md, and the files of
the tree that pages link to. Beside them the package is laid out as it is installed, for
mkdocstrings to read signatures and docstrings from. Names are found by importing isozoo, which
imports no framework.
"""

from __future__ import annotations

import inspect
import re
import shutil
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
FLOORS = ("framework", "hub", "applications", "nlp", "cv", "scripts")
# Namespace -> what its page says first. An object that several export is told where it comes first.
NAMESPACES = {
    "": "The names that need no namespace.",
    "layers": "Layers.",
    "ops": "Operations on tensors of any backend; one meaning each.",
    "models": "Models.",
    "losses": "What training makes small.",
    "metrics": "What is counted.",
    "optimizers": "What turns gradients into steps.",
    "optimizers.schedules": "Learning rates that change.",
    "callbacks": "What happens beside a training.",
    "activations": "Activations by their names.",
    "initializers": "Initial values.",
    "regularizers": "Penalties on weights.",
    "constraints": "Projections of weights.",
    "random": "Draws, the same on every backend.",
    "saving": "Files of models, and configs.",
    "export": "Files for programs that run without isozoo.",
    "lora": "Low-rank adapters.",
    "quantizers": "Numbers in fewer bits.",
    "distribution": "Many devices.",
    "distillation": "Training a student by a teacher.",
    "dtype_policies": "Which dtypes layers compute and keep weights in.",
    "mixed_precision": "Keras's older names of dtype policies.",
    "tree": "Nested structures.",
    "utils": "Helpers of Keras.",
    "config": "Settings.",
    "backend": "The backend in use, and what is told of dtypes.",
    "preprocessing": "Pictures and sequences from files, in Keras's older way.",
    "visualization": "Drawings of pictures and boxes.",
    "wrappers": "Models as estimators of scikit-learn.",
    "hub": "Presets: sources, files, weights.",
    "nlp": "Language and speech models.",
    "applications": "Image classifiers.",
    "cv": "Detection, segmentation, images.",
}


# Where the methods of classes are told, too.
WITH_METHODS = {
    "",
    "models",
    "callbacks",
    "distribution",
    "export",
    "hub",
    "nlp",
    "applications",
    "cv",
}


class Name(NamedTuple):
    """A public name: `isozoo.layers.Dense`, and where its object is defined."""

    public: str
    value: Any
    home: str


def public_names(namespace: str) -> list[Name]:
    """Returns the public names of a namespace that isozoo defines, sorted.

    Names of the standard library that a module imports are none of its own.
    """
    import isozoo

    module: Any = isozoo
    for part in filter(None, namespace.split(".")):
        module = getattr(module, part)
    found = []
    for name in dir(module):
        value = None if name.startswith("_") else getattr(module, name)
        home = getattr(value, "__module__", None) or ""
        if isinstance(value, type | types.FunctionType) and home.split(".")[0] == "isozoo":
            public = ".".join(filter(None, ("isozoo", namespace, name)))
            found.append(Name(public, value, f"{home}.{value.__qualname__}"))
    return sorted(found, key=lambda one: one.public)


def reference_page(namespace: str, told: dict[int, str], known: Callable[[str], bool]) -> str:
    """Returns the text of a namespace's page.

    Args:
        namespace: a key of NAMESPACES.
        told: id of an object -> its public name on an earlier page; what this page tells is added.
        known: a path of an object -> whether its docstring can be read from the sources.
    """
    title = f"isozoo.{namespace}" if namespace else "isozoo"
    blocks, others = [], []
    for name in public_names(namespace):
        if id(name.value) in told:
            others.append(f"- `{name.public}` is [`{told[id(name.value)]}`][{name.home}]")
            continue
        told[id(name.value)] = name.public
        blocks.append(
            _from_sources(name, namespace in WITH_METHODS)
            if known(name.home)
            else _from_object(name)
        )
    listed = ["## The same under other names", "\n".join(others)] if others else []
    return "\n\n".join([f"# {title}", NAMESPACES[namespace], *blocks, *listed]) + "\n"


def _from_sources(name: Name, methods: bool) -> str:
    options = [f'heading: "{name.public}"', f'toc_label: "{name.public.rpartition(".")[2]}"']
    if methods:
        options += ["members: null", "show_if_no_docstring: false"]
    return "\n".join([f"::: {name.home}", "    options:", *(f"      {one}" for one in options)])


def _from_object(name: Name) -> str:
    """A block for what is made when isozoo is imported, and has no docstring in the sources."""
    try:
        call = f"{name.value.__name__}{inspect.signature(name.value)}"
    except (TypeError, ValueError):
        call = name.value.__name__
    text = inspect.getdoc(name.value) or ""
    anchor = f"{{ #{name.home} }}"
    return f"## `{name.public}` {anchor}\n\n```python\n{call}\n```\n\n{text}"


def write_pages(out: Path) -> list[str]:
    """Writes out/pages and out/package anew; returns the names of the pages, sorted."""
    pages, package = out / "pages", out / "package" / "isozoo"
    for folder in (pages, package.parent):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "docs", pages, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    package.mkdir(parents=True)
    for path in (ROOT / "isozoo").iterdir():
        (package / path.name).symlink_to(path)
    for floor in FLOORS:
        (package / floor).symlink_to(ROOT / floor)
    (pages / "api").mkdir()
    known, told = _documented(package.parent), {}
    for namespace in NAMESPACES:
        text = reference_page(namespace, told, known)
        if "\n## " in text or ":::" in text:
            (pages / "api" / f"{namespace or 'isozoo'}.md").write_text(text, "utf-8")
    contributing = (ROOT / "CONTRIBUTING.md").read_text("utf-8").replace("](docs/", "](")
    (pages / "CONTRIBUTING.md").write_text(contributing, "utf-8")
    for path in pages.glob("*.md"):
        text = path.read_text("utf-8")
        for link in re.findall(r"\]\(\.\./([A-Za-z][^)#]*)", text):
            (pages / link).parent.mkdir(parents=True, exist_ok=True)
            if not (pages / link).exists():
                shutil.copy(ROOT / link, pages / link)
        path.write_text(re.sub(r"\]\(\.\./(?=[A-Za-z])", "](", text), "utf-8")
    return sorted(path.relative_to(pages).as_posix() for path in pages.rglob("*.md"))


def _documented(folder: Path) -> Callable[[str], bool]:
    """Tells of a path whether its docstring can be read from the sources."""
    import griffe

    package = griffe.load("isozoo", search_paths=[str(folder)], try_relative_path=False)

    def known(path: str) -> bool:
        try:
            return package[path.removeprefix("isozoo.")].docstring is not None
        except KeyError:
            return False

    return known


if __name__ == "__main__":
    print(f"{len(write_pages(Path(sys.argv[1])))} pages")
