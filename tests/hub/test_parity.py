"""verify: its measure, and that it notices what is wrong."""

from __future__ import annotations

import numpy as np
import pytest

import isozoo
from isozoo import layers, ops
from isozoo.hub.parity import ROUNDING, rounding_errors


def test_the_measure_by_closed_forms():
    reference = np.array([3.0, -4.0])
    off = reference * (1 + 5 * ROUNDING)
    np.testing.assert_allclose(rounding_errors(off, reference), (5, 5), rtol=1e-6)
    one = reference + np.array([0, 8 * ROUNDING])
    # rms: 8 / sqrt(2) over 5 / sqrt(2); largest: 8 over 4
    np.testing.assert_allclose(rounding_errors(one, reference), (1.6, 2), rtol=1e-6)
    assert rounding_errors(reference, reference) == (0, 0)
    assert rounding_errors(reference[:1], reference)[0] == float("inf")
    assert rounding_errors(np.array([3.0, np.nan]), reference)[1] == float("inf")
    assert rounding_errors(np.array([1e-9]), np.zeros(1))[0] == float("inf")


class Net(isozoo.Model):
    """Two dense layers; `fault` is added on torch alone."""

    def __init__(self, fault: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self.stack = [layers.Dense(16, activation="gelu", input_dim=16) for _ in range(2)]
        self.fault = fault
        self.built = True

    def call(self, x):
        for layer in self.stack:
            x = layer(x)
        return ops.add(x, self.fault) if self.backend == "torch" else x


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(32, 16)).astype("float32")


def test_backends_agree_per_output_and_per_layer(x):
    with isozoo.use_backend("jax"):
        net = Net()
    report = isozoo.verify(net, inputs=x)
    assert report.ok and report.decisions_agree
    assert set(report.backends) == {"jax", "torch", "tensorflow", "numpy"}
    assert [m.name for m in report.layers] == ["stack.0", "stack.1"]
    for measured in (*report.outputs, *report.layers):
        # Sums of 16 products: some roundings, not none and not hundreds.
        assert all(0.1 < error < 20 for error in measured.errors.values())
    assert "decisions: equal" in report.table()


@pytest.mark.parametrize("fault", [1e-4, 10.0])
def test_a_backend_that_computes_something_else_is_found(x, fault):
    with isozoo.use_backend("numpy"):
        net = Net(fault)
    report = isozoo.verify(net, inputs=x)
    assert not report.ok and "NOT OK" in report.table()
    worst = report.outputs[0].errors
    assert max(worst, key=lambda name: worst[name]) == "torch" and worst["torch"] > 100
    # The layers before the fault are right.
    assert all(measured.ratio <= 4 for measured in report.layers)


def test_a_different_decision_is_not_ok(x):
    class Contrary(Net):
        def call(self, x):
            y = super().call(x)
            # Equal up to rounding, but for which of two equal elements is the larger.
            tie = 1e-9 if self.backend == "torch" else -1e-9
            return ops.multiply(ops.ones_like(y[:, :2]), np.array([1, 1 + 1e3 * tie], "float32"))

    with isozoo.use_backend("numpy"):
        net = Contrary()
    report = isozoo.verify(net, inputs=x, backends=["numpy", "torch"])
    assert not report.decisions_agree and not report.ok
    assert "DIFFERENT" in report.table()


def test_a_model_without_samples_asks_for_inputs():
    with isozoo.use_backend("numpy"):
        net = Net()
    with pytest.raises(ValueError, match="give `inputs`"):
        isozoo.verify(net)


def test_long_sums_of_equal_terms_are_judged_by_the_plain_evaluation():
    """One backend's kernels may round such a sum better than the plain order; none is wrong then.

    n equal terms t, added one after the other, are off by what n additions make of it; NumPy's
    own product adds them in blocks. A product of half precision is off by more than either.
    """
    from isozoo.framework.backends.numpy.plain import BACKEND
    from isozoo.hub.parity import Measured

    n = 1500
    x1, x2 = np.full((1, n), 1 / n, np.float32), np.full((n, 8), 0.7, np.float32)
    total = np.float32(0)
    for _ in range(n):
        total += np.float32(1 / n) * np.float32(0.7)
    y = BACKEND.matmul(x1, x2)
    np.testing.assert_array_equal(y, np.full((1, 8), total))
    exact = x1.astype(np.float64) @ x2.astype(np.float64)
    plain = rounding_errors(y, exact)[0]
    assert 10 < plain < n
    errors = {"one": plain / 20, "other": plain}
    assert not Measured("y", (1, 8), errors, errors).ok
    assert Measured("y", (1, 8), errors, errors, plain).ok
    # bfloat16 keeps 8 bits of an operand: an error of up to 2^-9 in each product.
    half = {"one": plain / 20, "other": 2.0**-10 / ROUNDING}
    assert not Measured("y", (1, 8), half, half, plain).ok


class Encoder(isozoo.Model):
    """A small Transformer block; on torch alone it has `fault`."""

    def __init__(self, fault: str = "", **kwargs):
        super().__init__(**kwargs)
        size = {"input_dim": 32}
        self.norm = layers.LayerNormalization(epsilon=1e-12, **size)
        self.coarse_norm = layers.LayerNormalization(epsilon=1e-5, **size)
        self.query, self.key, self.value, self.out = (layers.Dense(32, **size) for _ in range(4))
        self.inner = layers.Dense(64, **size)
        self.outer = layers.Dense(32, input_dim=64)
        self.fault = fault

    def _product(self, layer, x):
        fault = self.fault if self.backend == "torch" else ""
        if fault not in ("TF32", "bfloat16"):
            return layer(x)
        shorten = (
            _rounded if fault == "TF32" else lambda x: ops.cast(ops.cast(x, "bfloat16"), "float32")
        )
        return ops.add(ops.matmul(shorten(x), shorten(layer.kernel)), layer.bias)

    def _heads(self, x, swapped=False):
        shape = (x.shape[0], x.shape[1], 4, 8)
        if swapped:
            return ops.swapaxes(ops.reshape(x, (*shape[:2], 8, 4)), 2, 3)
        return ops.reshape(x, shape)

    def call(self, x):
        fault = self.fault if self.backend == "torch" else ""
        x = (self.coarse_norm if fault == "epsilon" else self.norm)(x)
        q, k, v = (self._product(layer, x) for layer in (self.query, self.key, self.value))
        heads = self._heads(q), self._heads(k), self._heads(v, fault == "transposed head")
        y = ops.dot_product_attention(*heads)
        x = ops.add(x, self._product(self.out, ops.reshape(y, x.shape)))
        y = ops.gelu(self._product(self.inner, x), approximate=fault == "activation")
        return ops.add(x, self._product(self.outer, y))


def _rounded(x):
    """`x` with 10 bits behind the leading one, as TF32 has them (rounded half up)."""
    bits = np.asarray(ops.convert_to_numpy(x)).view(np.int32)
    short = ((bits + 0x1000) & np.int32(~0x1FFF)).view(np.float32)
    return ops.convert_to_tensor(short)


@pytest.mark.parametrize(
    "fault", ["", "TF32", "bfloat16", "epsilon", "transposed head", "activation"]
)
def test_real_faults_are_found(fault):
    """An epsilon of 1e-5, the smallest, shifts numbers of variance 1 by 84 roundings."""
    x = np.random.default_rng(5).normal(size=(2, 24, 32)).astype(np.float32)
    with isozoo.use_backend("numpy"):
        net = Encoder(fault)
    report = isozoo.verify(net, inputs=x, backends=["numpy", "torch"], layers=False)
    assert report.ok == (not fault), report.table()


def test_devices_and_precisions_have_runs_of_their_own(x):
    with isozoo.use_backend("numpy"):
        net = Net()
    backends = ["torch:cpu", "jax:cpu", "tensorflow:cpu", "numpy:cpu", "torch"]
    report = isozoo.verify(net, inputs=x, backends=backends, precisions=["float32", "tf32"])
    assert report.ok and len(report.runs) == 10
    assert report.backends[:3] == ["torch:cpu", "torch:cpu tf32", "jax:cpu"]
    assert report.runs[1] == {
        "name": "torch:cpu tf32", "backend": "torch", "device": "cpu", "float32_precision": "tf32",
    }  # fmt: skip
    assert all(run["device"].startswith("cpu") for run in report.runs)
    assert "jax:cpu tf32: on cpu:0, tf32" in report.table()
    assert report.to_dict()["runs"] == report.runs


@pytest.mark.parametrize("backend", ["torch:cuda", "jax:gpu", "tensorflow:gpu:3", "numpy:gpu"])
def test_a_device_that_there_is_not_is_told(x, backend):
    with isozoo.use_backend("numpy"):
        net = Net()
    with pytest.raises(ValueError, match="no device|computes on the CPU alone"):
        isozoo.verify(net, inputs=x, backends=[backend])
    with pytest.raises(ValueError, match="got 'fp8'"):
        isozoo.verify(net, inputs=x, precisions=["fp8"])
