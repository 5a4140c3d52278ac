"""The gathering of an op's arguments: whose tensors they are, and how many frames that takes."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from isozoo import ops, use_backend
from isozoo.framework.core.variable import Variable
from isozoo.framework.ops.errors import InvalidArgumentError

ONES = np.ones((2, 3), np.float32)


def _frames(call) -> int:
    entered = []

    def count(frame, event, argument):
        if event == "call":
            entered.append(frame.f_code.co_qualname)

    call()
    sys.setprofile(count)
    try:
        call()
    finally:
        sys.setprofile(None)
    return len(entered) - 1  # the lambda's own


def test_frames_on_torch():
    """Of torch alone no function is written in Python, so that all frames are ours."""
    pytest.importorskip("torch")
    with use_backend("torch"):
        x, v = ops.convert_to_tensor(ONES), Variable(ONES)
        assert _frames(lambda: ops.add(x, x)) <= 4
        assert _frames(lambda: ops.add(x, 1.0)) <= 4
        for call in (lambda: ops.add(x, v), lambda: ops.add(v, x), lambda: ops.add(v, v)):
            assert _frames(call) <= 8
        assert _frames(lambda: ops.where(x, x, v)) <= 10
        assert _frames(lambda: ops.concatenate([x, v])) <= 12


@pytest.mark.parametrize("dtype", [">f4", "<f4", "float64", "int32"])
def test_arrays_beside_a_variable_in_either_order(dtype, backend):
    array = (2 * ONES).astype(dtype)
    with use_backend(backend):
        v, tensor = Variable(ONES), ops.convert_to_tensor(ONES)
        for call in (ops.add, lambda a, b: ops.sum(ops.stack([a, b]), 0)):
            for first, second in ((array, v), (v, array), (array, tensor), (array, array)):
                y = call(first, second)
                expected = 4 if first is second else 3
                assert np.all(ops.convert_to_numpy(y) == expected)
        chosen = ops.where(np.array([True, False, True]), v, array)
        assert ops.convert_to_numpy(chosen).tolist() == [[1, 2, 1]] * 2


def test_a_variable_of_numpy_keeps_its_backend(backend):
    with use_backend("numpy"):
        v = Variable(ONES)
    with use_backend(backend):
        for y in (ops.add(v, 1.0), ops.add(ONES, v), ops.add(v, ONES), ops.where(True, v, ONES)):
            assert isinstance(y, np.ndarray)


def test_none_is_no_operand(backend):
    with use_backend(backend):
        v = Variable(ONES)
        for call in (ops.add, ops.divide, lambda a, b: ops.concatenate([a, b])):
            for pair in ((v, None), (None, v), (ONES, None)):
                with pytest.raises(InvalidArgumentError, match=r"None"):
                    call(*pair)
