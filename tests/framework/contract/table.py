"""Runs the contract, and prints which rows hold for which layer on which backend.

python tests/framework/contract/table.py [arguments of pytest]
"""

from __future__ import annotations

import os
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
BACKENDS = ("numpy", "torch", "jax", "tensorflow")


class Table:
    """Counts outcomes of tests by row, layer and backend, as a plugin of pytest."""

    def __init__(self) -> None:
        # row -> backend -> outcomes; layer -> backend -> outcomes
        self.rows: dict[str, dict[str, Counter]] = defaultdict(lambda: defaultdict(Counter))
        self.layers: dict[str, dict[str, Counter]] = defaultdict(lambda: defaultdict(Counter))
        self.failed: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Counts what a test came to: its call, or a setup that skipped or failed."""
        if report.when != "call" and report.outcome == "passed":
            return
        name, _, values = report.nodeid.rpartition("::")[2].partition("[")
        parts = values.removesuffix("]").split("-")
        backend = next((part for part in parts if part in BACKENDS), "")
        layer = next((part for part in parts if part in self.names()), "")
        self.rows[name.removeprefix("test_")][backend][report.outcome] += 1
        if layer:
            self.layers[layer][backend][report.outcome] += 1
        if report.outcome == "failed":
            self.failed.append(report.nodeid.rpartition("/")[2])

    @staticmethod
    def names() -> set[str]:
        """The names of the cases; their module is there once tests were collected."""
        module = next((m for n, m in sys.modules.items() if n.endswith("contract.cases")), None)
        return set() if module is None else {case.name for case in module.ALL}

    def lines(self) -> list[str]:
        """The table as text: passed of all, for each backend."""
        made = []
        for title, table in (("layer", self.layers), ("row", self.rows)):
            wide = max(map(len, table), default=0) + 2
            made.append(f"{title:<{wide}}" + "".join(f"{b:>13}" for b in (*BACKENDS, "")))
            for name, backends in table.items():
                cells = [_cell(backends.get(b)) for b in (*BACKENDS, "")]
                made.append(f"{name:<{wide}}" + "".join(f"{cell:>13}" for cell in cells))
            made.append("")
        total = sum((c for row in self.rows.values() for c in row.values()), Counter())
        made.append(f"{len(self.layers)} layers, {len(self.rows)} rows: {dict(total)}")
        return [*made, *(f"failed: {name}" for name in self.failed)]


def _cell(outcomes: Counter | None) -> str:
    if not outcomes:
        return ""
    ran = outcomes["passed"] + outcomes["failed"]
    return f"{outcomes['passed']}/{ran}"


if __name__ == "__main__":
    plugin = Table()
    # The tests' own report is not wanted.
    out, sys.stdout = sys.stdout, open(os.devnull, "w")
    try:
        status = pytest.main([str(FOLDER), "-q", "--tb=no", *sys.argv[1:]], plugins=[plugin])
    finally:
        sys.stdout = out
    print("\n".join(plugin.lines()))
    sys.exit(status)
