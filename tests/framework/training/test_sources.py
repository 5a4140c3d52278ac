"""Sources that come in batches: each on each backend, and what bad use says."""

from __future__ import annotations

import threading
import time
import warnings

import numpy as np
import pytest

import isozoo
from isozoo.framework.backends import registry
from isozoo.framework.training.data import batches_of, split_for_validation
from isozoo.framework.training.data.ahead import ReadAhead

from .datasets import Dying, Growing, Numbered

NUMPY = registry.get("numpy")
X = np.arange(12, dtype="float32").reshape(6, 2)
Y = np.arange(6)


def firsts(batches, native=NUMPY) -> list[int]:
    """The first number of each batch's targets."""
    return [int(isozoo.ops.convert_to_numpy(b[1])[0]) for b in batches.epoch(native)]


def of_tensorflow():
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((X, Y)).batch(2)


def of_torch():
    import torch

    data = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    return torch.utils.data.DataLoader(data, batch_size=2)


def of_grain():
    import grain

    return grain.MapDataset.source(list(zip(X, Y, strict=True))).batch(2)


def of_generator():
    return ((X[i : i + 2], Y[i : i + 2]) for i in range(0, 6, 2))


def of_iterable():
    class Chunks:
        def __iter__(self):
            return of_generator()

    return Chunks()


SOURCES = {
    "tensorflow": of_tensorflow,
    "torch": of_torch,
    "grain": of_grain,
    "generator": of_generator,
    "iterable": of_iterable,
}


@pytest.fixture(params=SOURCES)
def source(request):
    """A function that makes a source of 3 batches of 2 rows."""
    if request.param in ("tensorflow", "torch", "grain"):
        pytest.importorskip(request.param)
    return SOURCES[request.param]


def test_every_source_comes_on_every_backend(backend, source):
    native = registry.get(backend)
    batch = next(batches_of(source()).epoch(native))
    assert len(batch) == 2 and native.dtype(batch[0]) == "float32"
    # JAX's programs take NumPy's arrays as they are.
    taken = {registry.owner_of(isozoo.ops.ones(1))} | (
        {registry.ARRAY} if backend == "jax" else set()
    )
    assert {registry.owner_of(t) for t in batch} <= taken
    np.testing.assert_array_equal(isozoo.ops.convert_to_numpy(batch[0]), X[:2])


def test_an_epoch_is_the_whole_source(source):
    batches = batches_of(source())
    assert firsts(batches) == [0, 2, 4]
    assert batches.num_batches == 3


def test_class_weights_and_the_way_back_into_an_epoch(source):
    batches = batches_of(source(), class_weight={2: 3.0})
    assert [b[2].tolist() for b in batches.epoch(NUMPY)] == [[1, 1], [3, 1], [1, 1]]
    epoch = (first := batches_of(source())).epoch(NUMPY)
    next(epoch), next(epoch)
    state = first.state()
    epoch.close()
    again = batches_of(source())
    again.restore(state)
    assert firsts(again) == [4]


def test_targets_beside_a_source_are_refused(source):
    with pytest.raises(ValueError, match="`y` should not be passed. Instead, the targets should"):
        batches_of(source(), Y)
    with pytest.raises(ValueError, match="`sample_weight` should not be passed"):
        batches_of(source(), sample_weight=Y)


def test_tensorflow_says_how_many_batches_there_are():
    pytest.importorskip("tensorflow")
    assert batches_of(of_tensorflow()).num_batches == 3
    assert batches_of(of_tensorflow().repeat(), steps=4).num_batches == 4


def test_a_generator_that_ends_early_warns_and_is_exhausted():
    batches = batches_of(of_generator(), steps=2)
    assert firsts(batches) == [0, 2]
    with pytest.warns(UserWarning, match="Your input ran out of data; interrupting training"):
        assert firsts(batches) == [4]
    assert not batches.exhausted
    with pytest.warns(UserWarning, match="steps_per_epoch"):
        assert firsts(batches) == []
    assert batches.exhausted


def test_a_generator_gives_no_more_than_the_steps_take():
    taken = []

    def endless():
        for number in range(1000):
            taken.append(number)
            yield X, np.array([number])

    batches = batches_of(endless(), steps=3)
    assert firsts(batches) == [0, 1, 2]
    assert taken == [0, 1, 2]


def test_what_was_read_ahead_is_not_lost():
    batches = batches_of((X, np.array([i])) for i in range(6))
    epoch = batches.epoch(NUMPY)
    next(epoch)
    time.sleep(0.02)  # the thread reads ahead meanwhile
    epoch.close()
    assert firsts(batches) == [1, 2, 3, 4, 5]


def test_a_source_may_write_over_its_array(backend):
    def reusing():
        x = np.zeros((1,), "float32")
        for i in range(4):
            x[:] = i
            yield x, np.array([i])

    found = [(b[0], b[1]) for b in batches_of(reusing()).epoch(registry.get(backend))]
    found = [tuple(isozoo.ops.convert_to_numpy(t)[0] for t in pair) for pair in found]
    assert found == [(i, i) for i in range(4)]


def test_a_generator_must_yield_tuples():
    with pytest.raises(ValueError, match="generator must return a tuple"):
        list(batches_of(x for x in [X]).epoch(NUMPY))
    with pytest.raises(ValueError, match="found: 4 items"):
        list(batches_of(x for x in [(X, X, Y, Y)]).epoch(NUMPY))


# Reading ahead ----------------------------------------------------------------------------------


def test_errors_come_after_the_items_before_them_with_their_traceback():
    def failing():
        yield from range(3)
        raise OSError("the disk is gone")

    reader = ReadAhead(failing(), lambda x: x)
    assert [next(reader) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(OSError, match="disk is gone") as caught:
        next(reader)
    assert any(entry.name == "failing" for entry in caught.traceback)


def test_no_more_is_read_than_there_is_room_for():
    read = []
    reader = ReadAhead((read.append(i) for i in range(100)), lambda x: x, size=2)
    next(reader)
    time.sleep(0.05)
    assert 1 <= len(read) <= 4
    unread = reader.close()
    assert len(read) == 1 + len(unread)
    assert not any(t.name == "isozoo-data" for t in threading.enumerate())


def test_the_backend_of_the_consumer_is_that_of_the_source():
    def names():
        yield isozoo.config.backend(), np.zeros(1)

    other = "torch" if isozoo.config.backend() != "torch" else "numpy"
    with isozoo.use_backend(other):
        reader = ReadAhead(names(), lambda x: x)
        assert next(reader)[0] == other


# PyDataset --------------------------------------------------------------------------------------

KINDS = {
    "one thread": {},
    "threads": {"workers": 2, "max_queue_size": 3},
    "processes": {"workers": 1, "use_multiprocessing": True},
}


@pytest.fixture(params=KINDS)
def workers(request, monkeypatch):
    """Settings of a PyDataset; worker processes can import the tests."""
    monkeypatch.syspath_prepend(str(request.config.rootpath))
    return KINDS[request.param]


def numbers(batches) -> list[int]:
    """The number of each batch of an epoch."""
    return [int(b[0][0, 0]) for b in batches.epoch(NUMPY)]


def test_batches_of_a_dataset_come_in_a_drawn_order(workers):
    batches = batches_of(Numbered(**workers), seed=3)
    expected = [np.random.default_rng((3, epoch)).permutation(6).tolist() for epoch in (0, 1)]
    try:
        assert [numbers(batches) for _ in range(2)] == expected
        batches.restore({"seed": 3, "pass": 0, "position": 4, "done": 4})
        assert numbers(batches) == expected[0][4:]
    finally:
        batches.close()


def test_an_error_of_a_worker_reaches_the_consumer(workers):
    batches = batches_of(Numbered(fails_at=2, **workers), shuffle=False)
    epoch = batches.epoch(NUMPY)
    assert [next(epoch)[0][0, 0] for _ in range(2)] == [0, 1]
    with pytest.raises(OSError, match="batch 2 cannot be read"):
        next(epoch)
    batches.close()


def test_an_endless_dataset_goes_on_from_epoch_to_epoch():
    batches = batches_of(Numbered(count=None, workers=2), steps=3)
    assert [numbers(batches) for _ in range(2)] == [[0, 1, 2], [3, 4, 5]]
    batches.close()
    assert not any(t.name.startswith("isozoo-worker") for t in threading.enumerate())


def test_the_dataset_is_told_of_epochs_and_may_grow():
    dataset = Growing(count=2)
    batches = batches_of(dataset, shuffle=False)
    assert [numbers(batches) for _ in range(2)] == [[0, 1], [0, 1, 2]]
    assert dataset.calls == ["begin", "end"] * 2


def test_a_changed_dataset_is_sent_to_new_processes(monkeypatch, request):
    monkeypatch.syspath_prepend(str(request.config.rootpath))
    batches = batches_of(Growing(count=1, workers=1, use_multiprocessing=True), shuffle=False)
    try:
        pids = [{int(b[1][0]) for b in batches.epoch(NUMPY)} for _ in range(2)]
    finally:
        batches.close()
    assert len(pids[0] | pids[1]) == 2


def test_a_killed_process_is_an_error_and_no_wait(monkeypatch, request):
    monkeypatch.syspath_prepend(str(request.config.rootpath))
    batches = batches_of(Dying(workers=1, use_multiprocessing=True))
    with pytest.raises(RuntimeError, match="Dying ended before its work was done"):
        next(batches.epoch(NUMPY))


def test_a_dataset_that_cannot_be_pickled_is_explained():
    dataset = Numbered(workers=1, use_multiprocessing=True)
    dataset.lock = threading.Lock()
    batches = batches_of(dataset)
    with pytest.raises(RuntimeError, match="Numbered cannot be sent to worker processes"):
        next(batches.epoch(NUMPY))


def test_forgotten_settings_warn_and_have_defaults():
    class Forgetful(Numbered):
        def __init__(self):
            self.count, self.fails_at = 2, -1

    with pytest.warns(UserWarning, match="should call `super"):
        batches = batches_of(Forgetful(), shuffle=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert numbers(batches) == [0, 1]


def test_a_batch_of_another_form_is_explained():
    class Odd(Numbered):
        def __getitem__(self, index):
            return "batch"

    with pytest.raises(ValueError, match="must return a tuple or a dict"):
        next(batches_of(Odd()).epoch(NUMPY))


# Hugging Face datasets ----------------------------------------------------------------------------


class Feature:
    """The dtype of a column."""

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype


def rows_of_columns(**columns):
    """An object like a `datasets.Dataset`, of which the library itself need not be installed."""

    class Dataset:
        __module__ = "datasets.arrow_dataset"
        column_names = list(columns)
        features = {n: Feature("string" if c.dtype.kind == "U" else "") for n, c in columns.items()}

        def __len__(self):
            return len(next(iter(columns.values())))

        def __getitem__(self, rows):
            return {name: column[rows] for name, column in columns.items()}

        def with_format(self, kind):
            assert kind == "numpy"
            return self

        def select_columns(self, names):
            return rows_of_columns(**{name: columns[name] for name in names})

    return Dataset()


def streamed_columns(**columns):
    """An object like a `datasets.IterableDataset`."""

    class IterableDataset:
        __module__ = "datasets.iterable_dataset"

        def with_format(self, kind):
            return self

        def iter(self, batch_size):
            for i in range(0, len(Y), batch_size):
                yield {name: column[i : i + batch_size] for name, column in columns.items()}

    return IterableDataset()


def test_columns_of_a_hugging_face_dataset_are_inputs_and_targets(backend):
    rows = rows_of_columns(image=X, label=Y)
    order = np.random.default_rng((1, 0)).permutation(6)
    x, y = next(batches_of(rows, batch_size=4, seed=1).epoch(registry.get(backend)))
    np.testing.assert_array_equal(isozoo.ops.convert_to_numpy(x), X[order[:4]])
    np.testing.assert_array_equal(isozoo.ops.convert_to_numpy(y), order[:4])
    rows = rows_of_columns(a=X, b=X, c=Y)
    x, y = next(batches_of(rows, ["c"], shuffle=False).epoch(registry.get(backend)))
    assert set(x) == {"a", "b"} and isinstance(y, list)
    (x, _, _), (later, _, _) = split_for_validation((rows, "c", None), 0.5)
    assert [c["a"].take(slice(0, 1)).tolist() for c in (x, later)] == [[[0, 1]], [[6, 7]]]


def test_a_streamed_hugging_face_dataset_is_batched():
    rows = streamed_columns(image=X, labels=Y)
    batches = batches_of(rows, batch_size=4)
    assert [b[1].tolist() for b in batches.epoch(NUMPY)] == [[0, 1, 2, 3], [4, 5]]
    assert batches.num_batches == 2


def test_columns_that_no_model_takes_are_named():
    with pytest.raises(
        ValueError, match=r"columns of text: 'words'.*remove_columns\(\['words'\]\)"
    ):
        batches_of(rows_of_columns(words=np.array(["a"]), label=Y[:1]))
    with pytest.raises(ValueError, match=r"the columns are \['image', 'label'\]"):
        batches_of(rows_of_columns(image=X, label=Y), "target")


def test_an_endless_source_needs_a_number_of_steps():
    with pytest.raises(ValueError, match="PyDataset has no end.*`steps_per_epoch`"):
        batches_of(Numbered(count=None))
    pytest.importorskip("tensorflow")
    with pytest.raises(ValueError, match="tf.data.Dataset has no end"):
        batches_of(of_tensorflow().repeat())
