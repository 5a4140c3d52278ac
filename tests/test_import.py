"""What importing costs, and who may import whom (the floors of the house)."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

import pytest

from .patience import DEADLINE
from .tree import imports, layout, modules

FRAMEWORKS = ("jax", "torch", "tensorflow")
# None of these may be loaded before something is done that needs it.
HEAVY = (
    *FRAMEWORKS,
    "transformers", "keras", "huggingface_hub", "tokenizers", "PIL", "soundfile", "soxr", "h5py",
    "scipy", "requests",
)  # fmt: skip

# Higher floors may import lower ones and nothing runs upward.
FLOOR = {"framework": 0, "hub": 1, "applications": 2, "nlp": 2, "cv": 2, "scripts": 3}
FACE = 4


def loaded_after(code: str) -> set[str]:
    """Top-level modules of HEAVY that a fresh interpreter has loaded after `code`."""
    report = f"\nimport sys, json; print(json.dumps([m for m in {HEAVY} if m in sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code + report],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def floor(module: str) -> tuple[str, int]:
    """Room and height of a module of the package: ("hub", 1) for isozoo.hub.readers."""
    parts = module.split(".")
    room = parts[1] if len(parts) > 1 else ""
    return (room, FLOOR[room]) if room in FLOOR else ("isozoo", FACE)


def test_no_public_name_loads_a_framework():
    names = "ops, layers, config, applications, nlp, cv, hub, Model, Sequential, from_preset"
    assert loaded_after(f"from isozoo import {names}") == set()


def test_import_isozoo_alone_loads_nothing_heavy():
    assert loaded_after("import isozoo") == set()


def test_no_module_loads_a_framework_when_imported():
    """Every module of the package, those of the backends' own folders apart."""
    backends = tuple(f"isozoo.framework.backends.{name}" for name in FRAMEWORKS)
    light = [m for m in modules() if not m.startswith((*backends, "isozoo.scripts."))]
    assert loaded_after("import " + ", ".join(light)) == set()


@pytest.mark.parametrize("name", ["numpy", *FRAMEWORKS])
def test_a_backend_in_use_loads_no_other(name):
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    others = set(FRAMEWORKS) - {name}
    code = f"""
import isozoo
with isozoo.use_backend({name!r}):
    isozoo.ops.add(isozoo.ops.ones((2,)), 1.0)
"""
    loaded = loaded_after(code)
    if unasked := loaded & others:
        # What a framework drags in by itself is not our doing.
        assert not unasked - loaded_after(f"import {name}")
    assert name == "numpy" or name in loaded


def test_every_room_has_a_floor():
    assert set(layout()["FLOORS"]) == set(FLOOR)


def test_nothing_imports_upward():
    wrong = []
    for module in modules():
        room, height = floor(module)
        for name, _, where in imports(module):
            if name.split(".")[0] == "isozoo" and floor(name)[1] > height:
                wrong.append(f"{where}: {room} imports {name}, which stands above it")
    assert not wrong, "\n".join(wrong)


def test_no_two_rooms_import_each_other():
    edges = set()
    for module in modules():
        for name, _, _ in imports(module):
            if name.split(".")[0] == "isozoo":
                edges.add((floor(module)[0], floor(name)[0]))
    circles = sorted((a, b) for a, b in edges if a < b and (b, a) in edges)
    assert not circles


def test_imports_inside_the_package_are_relative():
    """By name `isozoo.…` or by folder, neither holds for editors and wheels alike.

    Scripts are run by path too and import the package as its users do.
    """
    wrong = []
    for module in modules():
        for name, relative, where in imports(module):
            first = name.split(".")[0]
            by_name = first == "isozoo" and not module.startswith("isozoo.scripts")
            if not relative and (by_name or first in FLOOR):
                wrong.append(f"{where}: {name}")
    assert not wrong, "\n".join(wrong)


def test_frameworks_are_imported_by_their_backend_only():
    """Scripts apart: the benchmark runs the peers."""
    wrong = []
    for module in modules():
        if module.startswith("isozoo.scripts."):
            continue
        for name, _, where in imports(module):
            first = name.split(".")[0]
            home = f"isozoo.framework.backends.{first}"
            if first in FRAMEWORKS and module != home and not module.startswith(home + "."):
                wrong.append(f"{where}: {name}")
    assert not wrong, "\n".join(wrong)


def test_the_face_s_modules_are_those_of_the_framework():
    program = (
        "from isozoo.layers import Dense; import isozoo.ops, isozoo, sys; "
        "assert isozoo.layers.Dense is Dense; "
        "assert isozoo.ops is sys.modules['isozoo.framework.ops']; "
        "from isozoo.random import set_random_seed; from isozoo.models import Sequential; "
        "assert isozoo.Sequential is Sequential"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
