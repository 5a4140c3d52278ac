"""Packages of the distribution: the top-level folders are the floors of the package `isozoo`.

Every folder that holds a Python file is a package, so a new one cannot be left out of a wheel.
All else is in pyproject.toml.
"""

from pathlib import Path

ROOT = Path(__file__).parent
FLOORS = ("framework", "applications", "nlp", "cv", "hub", "scripts")
PACKAGE_DIR = {"isozoo": "isozoo", **{f"isozoo.{floor}": floor for floor in FLOORS}}
# What the code reads beside its modules: tables, model cards, pages, the mark of types.
DATA = [f"*.{end}" for end in "css html js json md mjs toml tsv txt".split()] + [
    "certificates/*.json",
    "py.typed",
]


def packages() -> list[str]:
    """Dotted names of all packages, sorted: `isozoo`, `isozoo.applications`, …"""
    names = set()
    for package, folder in PACKAGE_DIR.items():
        base = ROOT / folder
        for module in base.rglob("*.py"):
            names.add(".".join([package, *module.parent.relative_to(base).parts]))
    return sorted(names)


if __name__ == "__main__":
    from setuptools import setup

    setup(packages=packages(), package_dir=PACKAGE_DIR, package_data={"": DATA})
