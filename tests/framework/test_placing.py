"""What torch's backend does on other devices, as far as a CPU can show it."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import isozoo
from isozoo import ops
from isozoo.framework.structures import split

torch = pytest.importorskip("torch")
from isozoo.framework.backends.torch import graphs, placing, whole_numbers  # noqa: E402
from isozoo.framework.backends.torch.arrays import in_order, out_of_order  # noqa: E402

META = torch.device("meta")


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "int64"])
def test_products_of_integers_wrap_around(dtype):
    draws = np.random.default_rng(0)
    ends = np.iinfo(dtype)
    x, y = (
        draws.integers(ends.min, ends.max, shape, dtype, endpoint=True)
        for shape in ((3, 4, 5), (5, 6))
    )
    x[0, 0] = ends.min
    y[:, 0] = ends.max
    found = whole_numbers.matmul(torch.from_numpy(x), torch.from_numpy(y)).numpy()
    assert found.dtype == dtype
    # NumPy's integers wrap around, too.
    np.testing.assert_array_equal(found, x @ y)
    empty = whole_numbers.matmul(torch.from_numpy(x[:, :, :0]), torch.from_numpy(y[:0]))
    assert not empty.any() and empty.shape == (3, 4, 6)


@pytest.mark.parametrize("dtype", ["uint16", "uint32", "uint64"])
def test_unsigned_numbers_keep_their_order(dtype):
    largest = np.iinfo(dtype).max
    x = np.array([largest, 0, largest // 2, 1, largest // 2 + 1, largest - 1], dtype)
    native = torch.from_numpy(x)
    np.testing.assert_array_equal(in_order(native).argsort().numpy(), np.argsort(x))
    np.testing.assert_array_equal(out_of_order(in_order(native), native.dtype).numpy(), x)
    with isozoo.use_backend("torch"):
        values, places = ops.top_k(native, 3)
        np.testing.assert_array_equal(ops.convert_to_numpy(values), np.sort(x)[::-1][:3])
        np.testing.assert_array_equal(ops.convert_to_numpy(places), np.argsort(x)[::-1][:3])
        np.testing.assert_array_equal(ops.convert_to_numpy(ops.sort(native)), np.sort(x))


@pytest.mark.parametrize("value", [True, 3, -2.5, 2**63 + 5, 1j])
def test_a_number_is_what_torch_makes_of_it(value):
    dtype = torch.uint64 if value == 2**63 + 5 else None
    expected = torch.tensor(value, dtype=dtype)
    assert placing.number(value, dtype, META).dtype == expected.dtype
    assert placing.number(value, dtype, torch.device("cpu")) == expected


def test_arrays_of_a_call_are_kept_for_its_recording(monkeypatch):
    sent = []
    monkeypatch.setattr(
        torch.Tensor, "to", lambda x, device, dtype=None: sent.append(device) or x.clone()
    )
    constants = placing.Constants()

    def call(extra=0.0):
        return placing.sent(torch.arange(4.0) + extra, META)

    with constants.gathering():
        assert not placing.is_recording()
        call()
    assert sent == [META]
    with constants.giving():
        assert placing.is_recording()
        first, second = call(), call()
        assert first.tolist() == second.tolist() == [0, 1, 2, 3]
        assert first.data_ptr() != second.data_ptr()
        with pytest.raises(RuntimeError, match="differs from call to call"):
            call(1.0)
    assert sent == [META]
    assert not placing.is_recording()
    call()
    assert sent == [META] * 2


def test_a_recording_refuses_what_changes_on_the_cpu():
    with isozoo.use_backend("torch"):
        seed, variable = isozoo.random.SeedGenerator(1), isozoo.Variable(np.zeros(2, np.float32))
        before = seed.state.numpy()
        with placing.Constants().giving():
            for change in (seed.next, lambda: variable.assign(np.ones(2, np.float32))):
                with pytest.raises(Exception, match="on the CPU changes"):
                    change()
        np.testing.assert_array_equal(seed.state.numpy(), before)
        assert not variable.numpy().any()


def test_a_tree_does_not_keep_its_leaves():
    """Else what a call was given would lie in memory until the garbage is collected."""
    gc.collect()
    gc.disable()
    try:
        tensor = torch.ones(2)
        seen = weakref.ref(tensor)
        leaves, form = split({"a": [tensor], "b": (None, 1)})
        assert form.join(leaves)["a"][0] is tensor
        del tensor, leaves
        assert seen() is None
        run = graphs.GraphedFunction(lambda x: x + 1, list)
        tensor = torch.ones(2)
        seen = weakref.ref(tensor)
        run([tensor][0])
        del tensor
        assert seen() is None
    finally:
        gc.enable()
