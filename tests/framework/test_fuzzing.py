"""The random calls of scripts/fuzz_ops.py: a fixed sample, and faults that they must find."""

from __future__ import annotations

import pytest

from isozoo.framework.backends import registry
from isozoo.scripts.fuzzing import run
from isozoo.scripts.fuzzing.rows import TABLE
from isozoo.scripts.fuzzing.trial import Trial

BACKENDS = ("numpy", "torch", "jax", "tensorflow")
# Of many kinds, each quick to compile; the script itself runs all.
SAMPLE = (
    "add divide left_shift maximum where exp elu squareplus sum argmax cumsum sort take reshape "
    "pad segment_max scatter_add matmul one_hot"
).split()


def test_every_public_op_has_a_row():
    assert set(TABLE) == run.public_names()


@pytest.mark.parametrize("op", SAMPLE)
def test_sample(op):
    found = [line for case in range(2) for line in Trial(op, 11, case, BACKENDS).run()]
    assert not found


def _found(op: str, modes: tuple[str, ...]) -> list[str]:
    return [line for case in range(8) for line in Trial(op, 3, case, ("numpy", "torch")).run(modes)]


def test_a_wrong_value_is_found(monkeypatch):
    kind = type(registry.get("torch"))
    monkeypatch.setattr(kind, "expm1", lambda self, x: x.exp() - 1)  # rounds badly near 0
    assert any("torch, eager" in line for line in _found("expm1", ("eager",)))


def test_a_wrong_dtype_is_found(monkeypatch):
    import torch

    kind = type(registry.get("torch"))
    monkeypatch.setattr(kind, "cumsum", lambda self, x, axis: torch.cumsum(x, axis))  # widens
    assert any("dtype" in line for line in _found("cumsum", ("eager",)))


def test_a_wrong_slope_is_found(monkeypatch):
    kind = type(registry.get("torch"))
    plain = kind.sqrt
    monkeypatch.setattr(kind, "sqrt", staticmethod(lambda x: plain(x).detach() + 0 * x))
    assert any("torch, gradient" in line for line in _found("sqrt", ("gradient",)))


def test_a_wrong_symbolic_shape_is_found(monkeypatch):
    kind = type(registry.get("torch"))
    monkeypatch.setattr(kind, "abstract", lambda self, function, given: given[0])
    assert any("symbolic" in line for line in _found("sum", ("symbolic",)))
