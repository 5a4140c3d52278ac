"""A training run that is killed goes on where it was, and ends with the same weights."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import ml_dtypes
import numpy as np
import pytest

import isozoo
from isozoo import callbacks as cb
from isozoo.framework.training.callbacks.backup_and_restore import read_state, write_state

X = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
Y = X.sum(-1, keepdims=True)
# Where runs are ended: (hook, epoch or None for any, batch or None).
ENDS = {
    "in the middle of an epoch": ("on_train_batch_end", 1, 2),
    "after the last batch": ("on_train_batch_end", 1, 4),
    "before an epoch": ("on_epoch_begin", 1, None),
    "in the validation": ("on_test_begin", 1, None),
    "after an epoch": ("on_epoch_end", 1, None),
}
FIRST = next(iter(ENDS))


class Killed(Exception):
    """Ends a run at once; nobody handles it."""


class Killer(cb.Callback):
    """Ends a run when a hook is called."""

    def __init__(self, hook: str, epoch: int, batch: int | None) -> None:
        super().__init__()
        self.where = hook, epoch, batch
        self.epoch = 0
        setattr(self, hook, self.at)

    def set_params(self, params) -> None:
        super().set_params(params)
        self.steps = 0

    def at(self, *args, **kwargs) -> None:
        hook, epoch, batch = self.where
        if hook == "on_test_begin":
            self.steps += 1
            here = self.steps == epoch + 1
        elif batch is None:
            here = args[0] == epoch
        else:
            here = args[0] == batch and len(self.model.history.epoch) == epoch
        if here:
            raise Killed


def run(folder, killer=None, save_freq=2, backup=True):
    """One start of the program; the model, the history and how many batches it computed."""
    isozoo.utils.set_random_seed(4)
    model = isozoo.Sequential(
        [isozoo.layers.Dense(4, activation="relu"), isozoo.layers.Dropout(0.5),
         isozoo.layers.Dense(1)]
    )  # fmt: skip
    model.compile(isozoo.optimizers.Adam(0.05), "mse", metrics=["mae"])
    batches = []
    callbacks = [
        cb.ReduceLROnPlateau("loss", factor=0.5, patience=0, min_delta=9, cooldown=1),
        cb.LambdaCallback(on_train_batch_end=lambda batch, logs: batches.append(batch)),
    ]
    if killer is not None:
        callbacks.append(killer)
    if backup:
        callbacks.append(cb.BackupAndRestore(folder, save_freq=save_freq))
    history = model.fit(
        X, Y, batch_size=3, epochs=3, validation_split=0.2, callbacks=callbacks, verbose=0
    )
    return model, history, len(batches)


@pytest.fixture(scope="module")
def undisturbed():
    """Weights and history of a run that nothing ends, by backend."""
    made = {}

    def of(backend):
        if backend not in made:
            model, history, _ = run(None, backup=False)
            made[backend] = model.get_weights(), history.history
        return made[backend]

    return of


# Compiling is most of the time: all places on torch, the hardest on the others.
@pytest.mark.parametrize(
    ("backend", "where"),
    [*(("torch", where) for where in ENDS), ("jax", FIRST), ("tensorflow", FIRST)],
    indirect=["backend"],
)
def test_a_run_that_was_killed_ends_with_the_same_weights(backend, where, tmp_path, undisturbed):
    weights, history = undisturbed(backend)
    folder = tmp_path / "backup"
    with pytest.raises(Killed):
        run(folder, Killer(*ENDS[where]))
    assert [path.name for path in folder.iterdir()] == ["training.safetensors"]
    model, again, batches = run(folder)
    for expected, got in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(got, expected)
    assert again.history == history and again.epoch == [0, 1, 2]
    assert 5 <= batches <= 13  # of 18 (6 in an epoch): what was done was not done again
    assert not folder.exists()


@pytest.mark.parametrize("backend", ["torch"], indirect=True)
def test_a_run_can_be_killed_again_and_again(backend, tmp_path, undisturbed):
    weights, _ = undisturbed(backend)
    ends = [("on_train_batch_end", 0, 3), ("on_epoch_end", 0, None), ("on_epoch_begin", 2, None)]
    for end in ends:
        with pytest.raises(Killed):
            run(tmp_path, Killer(*end), save_freq="epoch")
    model, _, batches = run(tmp_path, save_freq="epoch")
    assert batches == 6
    for expected, got in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(got, expected)


class State:
    """A model of which only the state counts."""

    def __init__(self, value: float) -> None:
        self.value = np.array(value, ml_dtypes.bfloat16)
        self._initial_epoch = self.stop_training = 0

    def _training_state(self):
        return {"value": self.value, "count": np.array([1, 2], np.int64)}

    def _restore_training_state(self, state) -> None:
        assert state["count"].tolist() == [1, 2]
        self.value = state["value"]


def backup(folder, model, others=(), **settings):
    """A list of callbacks that has begun, the last of which is a backup."""
    made = cb.CallbackList(
        [*others, cb.BackupAndRestore(folder, **settings)], model=model, epochs=5
    )
    made.on_train_begin()
    return made


def test_what_other_callbacks_have_counted_comes_back(tmp_path):
    stop = cb.EarlyStopping("loss", patience=3, mode="min", restore_best_weights=True)
    model = State(1.5)
    model.get_weights = lambda: [np.arange(3.0)]
    list_ = backup(tmp_path, model, [stop])
    list_.on_epoch_end(0, {"loss": 2.0})
    list_.on_epoch_end(1, {"loss": 3.0})
    other = cb.EarlyStopping("loss", patience=3, mode="min", restore_best_weights=True)
    again = State(0.0)
    backup(tmp_path, again, [other])
    assert (other.best, other.wait, other.best_epoch) == (2.0, 1, 0)
    assert other.best_weights[0].tolist() == [0.0, 1.0, 2.0]
    assert again._initial_epoch == 2
    assert again.value == 1.5 and again.value.dtype == ml_dtypes.bfloat16


def test_a_run_that_had_stopped_has_no_epoch_left(tmp_path):
    model = State(1.5)
    list_ = backup(tmp_path, model)
    model.stop_training = True
    list_.on_epoch_end(1, {})
    again = State(0.0)
    backup(tmp_path, again)
    assert again._initial_epoch == 5


def test_the_file_before_the_last_stands_in_for_a_damaged_one(tmp_path):
    list_ = backup(tmp_path, State(1.0), double_checkpoint=True)
    list_.on_epoch_end(0, {})
    list_.on_epoch_end(1, {})
    (tmp_path / "training.safetensors").write_bytes(b"damaged")
    again = State(0.0)
    backup(tmp_path, again, double_checkpoint=True)
    assert again._initial_epoch == 1
    list_.on_train_end()
    assert not tmp_path.exists()


def test_bad_backups_are_explained(tmp_path):
    with pytest.raises(ValueError, match="Empty `backup_dir`"):
        cb.BackupAndRestore("")
    with pytest.raises(ValueError, match="Invalid value for argument `save_freq`"):
        cb.BackupAndRestore("x", save_freq="batch")
    (tmp_path / "training.safetensors").write_bytes(b"damaged")
    with pytest.raises(ValueError, match="cannot be read as a training state.*Remove it"):
        backup(tmp_path, State(1.0))
    from safetensors.numpy import save_file

    save_file({"a": np.zeros(1)}, tmp_path / "training.safetensors")
    with pytest.raises(ValueError, match="no training state of this version"):
        backup(tmp_path, State(1.0))


def test_other_files_in_the_folder_stay(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    list_ = backup(tmp_path, State(1.0), delete_checkpoint=True)
    list_.on_epoch_end(0, {})
    list_.on_train_end()
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


WRITER = """
import sys, numpy as np
from pathlib import Path
from isozoo.framework.training.callbacks.backup_and_restore import write_state
number = 0
while True:
    number += 1
    write_state(Path(sys.argv[1]), {"a": np.full(200_000, number)}, {"epoch": number})
    print(number, flush=True)
"""


def test_a_file_is_whole_whenever_its_writer_is_killed(tmp_path):
    path = tmp_path / "training.safetensors"
    write_state(path, {"a": np.zeros(1, np.int64)}, {"epoch": 0})
    for pause in (0.0, 0.003, 0.011):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE)
        written = int(writer.stdout.readline())
        time.sleep(pause)
        os.kill(writer.pid, signal.SIGKILL)
        rest = writer.stdout.read().split()
        writer.wait()
        arrays, notes = read_state(path)
        assert notes["epoch"] >= int((rest or [written])[-1])
        assert (arrays["a"] == notes["epoch"]).all()
