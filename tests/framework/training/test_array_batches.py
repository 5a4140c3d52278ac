"""Batches of arrays: their order, their tensors, weights, and what bad input says."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import isozoo
from isozoo.framework.backends import registry
from isozoo.framework.training.data import batch_of, batches_of, split_for_validation

ROWS = 10
X = np.arange(ROWS * 2, dtype="float64").reshape(ROWS, 2)
Y = np.arange(ROWS)


def rows_of(batches, backend: str) -> list[list[int]]:
    """The numbers of the rows in each batch of an epoch; y holds them."""
    found = []
    for batch in batches.epoch(registry.get(backend)):
        found.append(np.asarray(isozoo.ops.convert_to_numpy(batch[1])).tolist())
    return found


def test_batches_are_native_tensors_with_floats_in_the_default_dtype(backend):
    native = registry.get(backend)
    batches = batches_of({"a": X, "b": [Y, None]}, Y, batch_size=4, shuffle=False)
    x, y = next(batches.epoch(native))
    assert native.dtype(x["a"]) == "float32" and native.dtype(y) == "int64"
    assert all(registry.owner_of(t) is registry.owner_of(isozoo.ops.ones((1,))) for t in (y,))
    assert x["b"][1] is None
    np.testing.assert_array_equal(isozoo.ops.convert_to_numpy(x["a"]), X[:4])


def test_the_last_batch_is_short_and_every_row_comes_once(backend):
    batches = batches_of(X, Y, batch_size=4, seed=5)
    found = rows_of(batches, backend)
    assert [len(rows) for rows in found] == [4, 4, 2]
    assert sorted(sum(found, [])) == [*range(ROWS)] != sum(found, [])
    assert (batches.num_batches, batches.rows, batches.batch_size) == (3, ROWS, 4)


def test_the_order_follows_from_seed_and_epoch_on_every_backend(backend):
    expected = [np.random.default_rng((5, epoch)).permutation(ROWS).tolist() for epoch in (0, 1)]
    batches = batches_of(X, Y, batch_size=4, seed=5)
    assert [sum(rows_of(batches, backend), []) for _ in range(2)] == expected


def test_the_order_follows_from_the_global_seed():
    orders = []
    for _ in range(2):
        isozoo.utils.set_random_seed(3)
        orders.append(rows_of(batches_of(X, Y, batch_size=4), "numpy"))
    assert orders[0] == orders[1] != rows_of(batches_of(X, Y, batch_size=4), "numpy")


def test_shuffle_batch_mixes_within_batches_alone():
    found = rows_of(batches_of(X, Y, batch_size=5, shuffle="batch", seed=1), "numpy")
    assert [sorted(rows) for rows in found] == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    assert found != [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize("steps", [None, 2], ids=["whole passes", "two steps"])
def test_training_goes_on_in_the_middle_of_an_epoch(steps):
    whole = batches_of(X, Y, batch_size=2, steps=steps, seed=7)
    expected = [rows_of(whole, "numpy") for _ in range(4)]
    begun, numpy = batches_of(X, Y, batch_size=2, steps=steps, seed=7), registry.get("numpy")
    rows_of(begun, "numpy")
    epoch = begun.epoch(numpy)
    next(epoch)
    state = begun.state()
    epoch.close()
    other = batches_of(X, Y, batch_size=2, steps=steps)
    other.restore(state)
    assert rows_of(other, "numpy") == expected[1][1:]
    assert [rows_of(other, "numpy") for _ in range(2)] == expected[2:]


def test_with_steps_epochs_go_on_where_the_last_one_ended():
    batches = batches_of(X, Y, batch_size=2, steps=2, shuffle=False)
    assert rows_of(batches, "numpy") == [[0, 1], [2, 3]]
    assert rows_of(batches, "numpy") == [[4, 5], [6, 7]]
    with pytest.warns(UserWarning, match="ran out of data"):
        assert rows_of(batches, "numpy") == [[8, 9]]
    assert rows_of(batches, "numpy") == [[0, 1], [2, 3]]
    assert batches.num_batches == 2


def test_steps_without_a_batch_size_divide_the_rows():
    assert batches_of(X, Y, steps=3).batch_size == 4


def other_kinds():
    """The rows of X as everything that holds arrays."""
    import pandas
    import scipy.sparse

    yield "numpy", X
    yield "pandas", pandas.DataFrame(X)
    yield "pandas with missing values", pandas.DataFrame(X).astype("Float64")
    yield "scipy", scipy.sparse.coo_array(X)
    for name in isozoo.config.available_backends():
        yield name, registry.get(name).asarray(X)


def test_arrays_of_every_kind_come_on_every_backend(backend):
    order = np.random.default_rng((2, 0)).permutation(ROWS)
    for kind, x in other_kinds():
        batch = next(batches_of(x, Y, batch_size=4, seed=2).epoch(registry.get(backend)))
        got = isozoo.ops.convert_to_numpy(batch[0])
        np.testing.assert_array_equal(got, X[order[:4]], err_msg=kind)
        assert got.dtype == "float32", kind


def test_sparse_and_ragged_tensors_are_filled_with_zeros():
    tf = pytest.importorskip("tensorflow")
    sparse = tf.sparse.from_dense(np.stack([np.eye(3), 2 * np.eye(3)]))
    ragged = tf.ragged.constant([[1.0], [2.0, 3.0]])
    x, _ = next(batches_of([sparse, ragged], Y[:2], shuffle=False).epoch(registry.get("numpy")))
    np.testing.assert_array_equal(x[0], np.stack([np.eye(3), 2 * np.eye(3)]))
    np.testing.assert_array_equal(x[1], [[1, 0], [2, 3]])


def test_a_series_is_one_column_as_in_keras():
    pandas = pytest.importorskip("pandas")
    x, _ = next(batches_of(X, pandas.Series(Y), shuffle=False).epoch(registry.get("numpy")))
    assert batches_of(pandas.Series(Y), shuffle=False)._packed.shape == (ROWS, 1)
    assert x.shape == (ROWS, 2)


def test_rows_of_a_file_are_read_batch_by_batch(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        x = file.create_dataset("x", data=X)
        order = np.random.default_rng((2, 0)).permutation(ROWS)
        batch = next(batches_of(x, Y, batch_size=4, seed=2).epoch(registry.get("numpy")))
        np.testing.assert_array_equal(batch[0], X[order[:4]])
        _, (x, _, _) = split_for_validation((x, Y, None), 0.3)
        np.testing.assert_array_equal(x.take(np.array([2, 0])), X[[9, 7]])


def test_text_reaches_tensorflow_and_is_explained_elsewhere(backend):
    batches = batches_of(np.array(["a", "b"]), Y[:2], shuffle=False)
    if backend in ("tensorflow", "numpy"):
        x, _ = next(batches.epoch(registry.get(backend)))
        assert x.shape == (2,)
    else:
        with pytest.raises(ValueError, match="hold text"):
            next(batches.epoch(registry.get(backend)))


@pytest.mark.parametrize(
    "y", [[0, 1, 2], [[0], [1], [2]], np.eye(3), [[0.8, 0.1, 0.1], [0, 1, 0], [0.2, 0.3, 0.5]]],
    ids=["numbers", "column", "one-hot", "probabilities"],
)  # fmt: skip
def test_weights_of_classes_become_weights_of_rows(backend, y):
    batches = batches_of(X[:3], np.array(y), class_weight={0: 0.5, 2: 3}, shuffle=False)
    _, _, weights = next(batches.epoch(registry.get(backend)))
    assert isozoo.ops.convert_to_numpy(weights).tolist() == [0.5, 1.0, 3.0]


def test_one_array_of_weights_counts_for_all_targets():
    weights = np.linspace(0, 1, ROWS)
    batches = batches_of(X, {"a": Y, "b": Y}, weights, batch_size=ROWS, shuffle=False)
    _, _, found = next(batches.epoch(registry.get("numpy")))
    for key in ("a", "b"):
        np.testing.assert_array_equal(found[key], weights.astype("float32"))


def test_one_batch_by_itself(backend):
    native = registry.get(backend)
    x, y, weights = batch_of([X, X], Y, None, {3: 2.0}, native)
    assert len(x) == 2 and native.dtype(x[0]) == "float32"
    assert isozoo.ops.convert_to_numpy(weights).tolist() == [1.0] * 3 + [2.0] + [1.0] * 6
    assert not isinstance(batch_of(X, None, None, None, native), tuple)
    assert isinstance(batch_of([X], None, None, None, native), tuple)
    with pytest.raises(ValueError, match="cardinality"):
        batch_of(X, Y[:3], None, None, native)


def test_the_last_rows_are_for_validation():
    (x, y, _), (x_after, y_after, weights) = split_for_validation(([X, X], Y, None), 0.25)
    assert rows_of(batches_of(x, y, shuffle=False), "numpy") == [[*range(7)]]
    assert rows_of(batches_of(x_after, y_after, weights, shuffle=False), "numpy") == [[7, 8, 9]]


def bad_arrays():
    import pandas

    text = pandas.DataFrame({"size": [1, 2], "colour": ["red", "blue"]})
    yield dict(x={"a": X, "b": X[:4]}, y=Y), r"cardinality.*\n.*x\['a'\]: 10 rows\n.*x\['b'\]: 4"
    yield dict(x=X[:0]), "have no rows"
    yield dict(x=None), "no array"
    yield dict(x=text), "without numbers: 'colour'"
    yield dict(x=[1, 2, 3]), r"x\[0\]: expected an array.*np.array"
    yield dict(x=np.float32(3)), "single value"
    yield dict(x="x.csv"), "expected an array"
    yield dict(x=np.array([[1], [2, 3]], object)), "different lengths"
    yield dict(x=np.array(["2020"], "datetime64[D]")), "dates"
    yield dict(x=X, y=Y, batch_size=0), "batch_size"
    yield dict(x=X, y=Y, steps=0), "steps"
    yield dict(x=X, y=Y, class_weight={0: 1.0}, sample_weight=Y), "at the same time"
    yield dict(x=X, class_weight={0: 1.0}), "needs targets"
    yield dict(x=X, y=[Y, Y], class_weight={0: 1.0}), "single output"
    yield dict(x=X, y=Y, class_weight={"cat": 1.0}), "class_weight.*number of a class"
    yield dict(x=X, y=[Y, Y], sample_weight=[Y]), "one `sample_weight` array per output"
    yield dict(x=X, y=[Y, Y], sample_weight=X), "one scalar score per sample"


@pytest.mark.parametrize("number", range(17))
def test_bad_arrays_are_explained(number):
    arguments, message = list(bad_arrays())[number]
    with pytest.raises(ValueError, match=message):
        batches_of(**arguments)


def test_the_list_of_bad_arrays_is_run_whole():
    assert len(list(bad_arrays())) == 17


@pytest.mark.parametrize(
    ("arrays", "fraction", "message"),
    [
        ((X, Y, None), 1.5, "between 0 and 1"),
        ((X[:1], Y[:1], None), 0.5, "not sufficient to split"),
        ((iter(()), None, None), 0.5, "only supported for tensors or NumPy arrays"),
    ],
)
def test_a_bad_split_is_explained(arrays, fraction, message):
    with pytest.raises(ValueError, match=message):
        split_for_validation(arrays, fraction)


def test_no_thread_is_left_when_an_epoch_is_left():
    wide = np.zeros((ROWS, 1 << 17), "float32")  # large enough to be read by a thread
    before = threading.active_count()
    epoch = batches_of(wide, Y, batch_size=2).epoch(registry.get("numpy"))
    next(epoch)
    assert threading.active_count() == before + 1
    epoch.close()
    assert threading.active_count() == before
