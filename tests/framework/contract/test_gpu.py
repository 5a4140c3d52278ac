"""Rows on a GPU: outputs, training with draws, and gradients are those of a CPU.

They run where `GPU_TESTS=1` is set and the framework sees a GPU:
`GPU_TESTS=1 pytest tests/framework/contract/test_gpu.py`.
"""

from __future__ import annotations

import os

import numpy as np
import pytest

from isozoo import ops
from isozoo.framework.nested import flatten

from .cases import ALL, over
from .helpers import SUMS, built, fresh, randomize, run, same


def _sees_gpu(name: str) -> bool:
    if not os.environ.get("GPU_TESTS"):
        return False
    try:
        if name == "torch":
            import torch

            return torch.cuda.is_available()
        import jax

        return jax.default_backend() == "gpu"
    except ImportError:
        return False


if not any(map(_sees_gpu, ("torch", "jax"))):
    pytest.skip("needs a GPU", allow_module_level=True)

pytestmark = pytest.mark.parametrize("backend", ["torch", "jax"], indirect=True)


def _moved(layer, backend):
    """The layer where the GPU is; jax's values lie there by themselves."""
    return layer.cuda() if backend == "torch" else layer


def _on_gpu(x):
    devices = {str(x.device)} if hasattr(x, "device") else set()
    return all("cuda" in name.lower() or "gpu" in name.lower() for name in devices)


@over(ALL)
def test_outputs_are_those_of_a_cpu(case, backend):
    layer = built(case)
    expected = run(layer.to_backend("numpy"), case)
    moved = _moved(layer, backend)
    made = moved(*case.inputs)
    if moved.variables:
        assert all(map(_on_gpu, flatten(made)))
    same(run(moved, case), expected, SUMS)


@over(ALL)
def test_training_is_that_of_a_cpu(case, backend):
    def trained(where, on_gpu):
        layer = fresh(case).to_backend(where)
        layer(*case.inputs)
        randomize(layer)
        layer = _moved(layer, backend) if on_gpu else layer
        return run(layer, case, training=True), {v.path: v.numpy() for v in layer.variables}

    outputs, after = trained(backend, True)
    expected, wanted = trained("numpy", False)
    same(outputs, expected, SUMS)
    for path, value in wanted.items():
        room = SUMS * max(1.0, float(np.abs(value).max(initial=0)))
        np.testing.assert_allclose(after[path], value, rtol=0, atol=room, err_msg=path)


@over([case for case in ALL if case.name in ("Dense", "Conv2D", "DepthwiseConv2D", "LSTM", "GRU")])
def test_gradients_are_those_of_a_cpu(case, backend):
    def slopes(layer):
        x = np.asarray(case.arrays()[0], np.float32)

        def loss(x):
            return ops.sum(ops.square(layer(x)))

        return ops.convert_to_numpy(ops.grad(loss)(x))

    layer = built(case)
    if backend == "torch":
        expected = slopes(layer.to_backend("torch"))
    else:
        import jax

        with jax.default_device(jax.devices("cpu")[0]):
            expected = slopes(layer.to_backend("jax"))
    found = slopes(_moved(layer, backend))
    np.testing.assert_allclose(found, expected, rtol=0, atol=SUMS * np.abs(expected).max())
