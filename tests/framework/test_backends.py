"""The contract of backends, how one is chosen, and what may meet in a call."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from isozoo import Variable, config, layers, ops, use_backend
from isozoo.framework.backends import registry

from ..conftest import BACKENDS
from ..patience import DEADLINE


def _python(code: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def test_available_backends_imports_none_of_them():
    found = _python(
        "import sys, isozoo\n"
        "names = isozoo.config.available_backends()\n"
        "print(*names)\n"
        "print([m for m in ('jax', 'torch', 'tensorflow') if m in sys.modules])"
    )
    names, imported = found.stdout.splitlines()
    assert set(names.split()) >= set(BACKENDS), found.stderr
    assert imported == "[]"


def test_environment_chooses():
    code = "import sys, isozoo; print(isozoo.config.backend(), 'jax' in sys.modules)"
    assert _python(code, ISOZOO_BACKEND="numpy").stdout.split() == ["numpy", "False"]
    wrong = _python(code, ISOZOO_BACKEND="theano")
    assert wrong.returncode != 0
    assert "Unknown backend 'theano'" in wrong.stderr
    assert "numpy" in wrong.stderr


def test_unknown_backend():
    for choose in (config.set_backend, registry.get):
        with pytest.raises(ValueError, match="Unknown backend 'pytorch'.*torch"):
            choose("pytorch")
    with pytest.raises(ValueError, match="Unknown backend"), use_backend("pytorch"):
        pass


def test_missing_backend(monkeypatch):
    """A framework that is not installed: the error names the command that installs it."""
    real = importlib.util.find_spec
    gone = lambda name, *a: None if name == "tensorflow" else real(name, *a)  # noqa: E731
    monkeypatch.setattr(importlib.util, "find_spec", gone)
    monkeypatch.setattr(registry, "_loaded", {})
    assert "tensorflow" not in config.available_backends()
    with pytest.raises(ImportError, match=r"pip install 'isozoo\[tensorflow\]'"):
        registry.get("tensorflow")


def test_a_thread_chooses_for_itself():
    """use_backend holds in its own thread; set_backend in all that chose none."""
    seen = {}

    def work(name, inside):
        if inside:
            with use_backend(inside):
                barrier.wait()
                seen[name] = config.backend(), type(ops.ones(1)).__module__.split(".")[0]
                barrier.wait()
        else:
            barrier.wait()
            seen[name] = config.backend(), None
            barrier.wait()

    before = registry.current().name
    barrier = threading.Barrier(3)
    config.set_backend("numpy")
    try:
        choices = {"a": "torch", "b": "jax", "c": None}
        threads = [threading.Thread(target=work, args=pair) for pair in choices.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE)
        assert seen["a"] == ("torch", "torch")
        assert seen["b"][0] == "jax"
        assert seen["b"][1] in ("jax", "jaxlib")
        assert seen["c"] == ("numpy", None)
    finally:
        config.set_backend(before)


def test_use_backend_nests_and_survives_errors():
    before = config.backend()
    with use_backend("torch"):
        with pytest.raises(KeyError), use_backend("numpy"):
            raise KeyError
        assert config.backend() == "torch"
    assert config.backend() == before


PAIRS = [(a, b) for a in BACKENDS for b in BACKENDS if a != b and "numpy" not in (a, b)]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_tensors_of_two_backends(first, second):
    with use_backend(first):
        x = ops.ones((2,))
    with use_backend(second):
        y = ops.ones((2,))
    calls = [
        lambda: ops.add(x, y),
        lambda: ops.concatenate([x, y]),
        lambda: ops.where(np.array([True, False]), x, y),
        lambda: ops.dense(ops.reshape(x, (1, 2)), ops.reshape(y, (2, 1))),
        lambda: ops.convert_to_tensor([x, y]),
    ]
    for call in calls:
        with pytest.raises(ops.BackendMismatchError, match=f"{first}.*{second}|{second}.*{first}"):
            call()
    with use_backend(first):
        layer = layers.Dense(2, input_dim=2)
    with pytest.raises(ops.BackendMismatchError, match=f"{first}.*{second}"):
        layer(ops.reshape(y, (1, 2)))


def test_an_op_runs_where_its_tensor_lives(backend):
    x = ops.ones((2,))
    with use_backend("numpy"):
        assert type(ops.add(x, 1)) is type(x)
        assert type(ops.add(np.ones(2, np.float32), x)) is type(x)
        assert type(ops.stack([x, np.zeros(2, np.float32)])) is type(x)


def test_arrays_scalars_and_variables_convert(backend):
    x = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    assert ops.is_tensor(ops.convert_to_tensor(x))
    assert not ops.is_tensor([1.0])
    assert ops.is_tensor(x) == (backend == "numpy")
    np.testing.assert_array_equal(ops.convert_to_numpy(ops.add(x, 1)), x + 1)
    np.testing.assert_array_equal(ops.convert_to_numpy(ops.convert_to_numpy(x)), x)
    np.testing.assert_array_equal(ops.convert_to_numpy([[1, 2]]), [[1, 2]])
    variable = Variable(x)
    np.testing.assert_array_equal(ops.convert_to_numpy(ops.matmul(variable, x)), x @ x)
    np.testing.assert_array_equal(ops.convert_to_numpy(ops.stack([variable, x])), np.stack([x, x]))
    np.testing.assert_array_equal(ops.convert_to_numpy([variable[0], ops.ones(2)])[1], [1, 1])
    np.testing.assert_array_equal(np.asarray(variable), x)
    assert ops.shape(x[..., None]) == (2, 2, 1)
    assert ops.ndim(3.0) == 0
    for wrong in (object(), "text", {"a": 1}):
        with pytest.raises(TypeError, match="expected a tensor"):
            ops.exp(wrong)


def test_odd_arrays_convert(backend):
    """Reversed, read-only, non-contiguous, foreign and half-precision arrays."""
    import ml_dtypes

    base = np.arange(12, dtype=np.float32).reshape(3, 4)
    frozen = base.copy()
    frozen.flags.writeable = False
    odd = [base[::-1], base[:, ::2], base.T, frozen, np.float32(3), base[0, 0]]
    odd.append(base.astype(ml_dtypes.bfloat16))
    odd.append(base.astype(">f4"))
    for array in odd:
        back = ops.convert_to_numpy(ops.convert_to_tensor(array))
        assert back.shape == array.shape
        np.testing.assert_array_equal(back.astype(np.float32), np.asarray(array, np.float32))
        np.testing.assert_allclose(ops.convert_to_numpy(ops.mean(array, keepdims=True)).sum(),
                                   np.mean(array, dtype=float), rtol=1e-6)  # fmt: skip


def test_shape_in_a_tensorflow_graph():
    tf = pytest.importorskip("tensorflow")

    @tf.function(input_signature=[tf.TensorSpec((None, 3))])
    def grow(x):
        rows, columns = ops.shape(x)
        assert columns == 3
        return ops.reshape(x, (rows * 3, 1))

    assert grow(np.zeros((4, 3), np.float32)).shape == (12, 1)


def test_numpy_gives_no_gradients():
    with use_backend("numpy"), pytest.raises(RuntimeError, match="to_backend"):
        ops.value_and_grad(ops.sum)(np.ones(2))
