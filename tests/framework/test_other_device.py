"""What is made or converted inside an op goes where the op's tensors are.

Torch's "meta" device stands for an accelerator: it has no values, and mixes with no other device.
"""

from __future__ import annotations

import numpy as np
import pytest

import isozoo
from isozoo import ops, random
from isozoo.framework.backends import registry

from .cases import CASES
from .test_ops import _call, _map

torch = pytest.importorskip("torch")

# Ops whose results have sizes that depend on values, or that torch has no such kernel of.
NEED_VALUES = {"ctc_loss", "bincount", "nonzero", "unique"}


@pytest.fixture(autouse=True)
def on_a_machine_with_two_devices(monkeypatch):
    with isozoo.use_backend("torch"):
        monkeypatch.setattr(registry, "accelerated", (registry.get("torch"),))
        yield


def _away(x):
    return ops.convert_to_tensor(x).to("meta")


def _leaves(x):
    if isinstance(x, dict):
        x = list(x.values())
    return [leaf for v in x for leaf in _leaves(v)] if isinstance(x, list | tuple) else [x]


@pytest.mark.parametrize("beside", ["tensors", "an array", "a tensor on the CPU"])
@pytest.mark.filterwarnings("ignore")
def test_every_op_on_another_device(beside):
    failed, tried = {}, 0
    for case in CASES:
        places = [i for i, x in enumerate(case.args) if isinstance(x, np.ndarray)]
        by_values = case.op == "where" and len(case.args) == 1
        if case.op in NEED_VALUES or by_values or len(places) < (1 if beside == "tensors" else 2):
            continue
        args = [_map(_away, x) for x in case.args]
        if beside != "tensors":
            other = case.args[places[1]]
            args[places[1]] = other if beside == "an array" else ops.convert_to_tensor(other)
        tried += 1
        try:
            found = [x for x in _leaves(_call(case, args)) if isinstance(x, torch.Tensor)]
        except Exception as error:
            failed[str(case)] = repr(error.__cause__ or error)[:120]
            continue
        if any(x.device.type != "meta" for x in found):
            failed[str(case)] = "a result on the CPU"
    assert not failed
    assert tried > (700 if beside == "tensors" else 150)
    # Nothing of it stays behind.
    assert ops.zeros((1,)).device.type == "cpu"


def test_draws_on_another_device():
    x = torch.ones(4, 3, device="meta")
    for made in (
        random.dropout(x, 0.5, seed=1),
        random.shuffle(x, seed=1),
        random.dropout(x, 0.5, seed=random.SeedGenerator(2)),
    ):
        assert made.device.type == "meta" and made.shape == x.shape


def test_the_first_tensor_that_lies_elsewhere_decides():
    here, there = torch.ones(2), torch.ones(2, device="meta")
    for made in (ops.add(here, there), ops.add(there, here), ops.concatenate([here, there])):
        assert made.device.type == "meta"
    assert ops.add(here, here).device.type == "cpu"
    with pytest.raises(ValueError, match="ops.add: argument `x2`"):
        ops.add(there, np.ones(3, np.float32))


def test_a_symbolic_call_still_is_one():
    x = isozoo.KerasTensor((None, 3))
    assert ops.add(x, np.ones(3, np.float32)).shape == (None, 3)
