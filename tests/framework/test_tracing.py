"""Every op inside the compilers of the frameworks: no graph break, and the same values."""

from __future__ import annotations

import numpy as np
import pytest

from isozoo import ops, use_backend

from .cases import CASES
from .test_ops import _assert_close, _call, _expected, _is_typical, _leaves, _map

TYPICAL = [
    case
    for case in CASES
    if _is_typical(case) and any(isinstance(x, np.ndarray) for a in case.args for x in _leaves(a))
]
# Results whose sizes are known when they are computed, which torch.compile cannot wait for.
BY_VALUE = {"bincount", "unique"}


def _arrays(case):
    return [x for arg in case.args for x in _leaves(arg) if isinstance(x, np.ndarray)]


def _with(case, tensors):
    """The call with `tensors` in the place of its arrays."""
    rest = iter(tensors)
    return _call(case, [_map(lambda x: next(rest), x) for x in case.args])


@pytest.mark.parametrize("case", [c for c in TYPICAL if c.op not in BY_VALUE], ids=str)
def test_torch_compile(case):
    """`torch.compile(fullgraph=True)` raises where an op would break the graph."""
    import torch

    torch.compiler.reset()
    with use_backend("torch"):
        tensors = [ops.convert_to_tensor(x) for x in _arrays(case)]
        compiled = torch.compile(lambda *t: _with(case, t), fullgraph=True, backend="eager")
        _assert_close(case, compiled(*tensors), _expected(case))


@pytest.mark.parametrize("case", TYPICAL, ids=str)
def test_tf_function(case):
    """A TensorFlow graph that does not know the size of the batch."""
    import tensorflow as tf

    arrays = _arrays(case)
    with use_backend("tensorflow"):
        signature = [
            tf.TensorSpec((None, *x.shape[1:]) if x.shape[:1] == (7,) else x.shape, x.dtype)
            for x in arrays
        ]
        traced = tf.function(lambda *t: _with(case, t), input_signature=signature, autograph=False)
        _assert_close(case, traced(*arrays), _expected(case))
