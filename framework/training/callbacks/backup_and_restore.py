"""BackupAndRestore: a training run that is killed goes on where it was."""

import contextlib
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from ... import config
from ...files import atomic_path
from ...saving.part_files import PartsFile, remove_parts, write_parts
from ..state import held_state
from .base import Callback
from .counting import Every, checked_frequency

NAME, SHARDS = "training.safetensors", "training.shards.json"
FORMAT = "isozoo training state 1"
# safetensors' own NumPy functions do not know these: they are stored as their bits.
_BITS = {"bfloat16": "uint16", "float8_e4m3fn": "uint8", "float8_e5m2": "uint8"}


class BackupAndRestore(Callback):
    """Saves all that training changes, and brings it back when the same program is run again.

    A run that is killed at any moment and started again ends with the same weights, bit for bit, as
    one that is not: what is saved are the weights, the states of the optimizer, metrics and random
    draws, the place in the data, the epoch, the history, and what other callbacks have counted. It
    is written whole or not at all: one file, or under a distribution a file for each device and an
    index, in a folder that all processes see. A run may go on with fewer devices or processes, or
    more; its losses are then the same but for float32 rounding. The place in the data is exact for
    arrays and PyDatasets; other sources are read from their beginning again, so they must give the
    same batches again.

    Args:
        backup_dir: the folder of the file; made if it is not there.
        save_freq: "epoch", or after how many batches; False for never.
        double_checkpoint: whether the file before the last is kept too, and used where the last
            cannot be read; of one file, and not of a file for each device.
        delete_checkpoint: whether the file is removed once training has ended without an error.

    Raises:
        ValueError: no folder, or a frequency that there is not.
    """

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: int | str = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        if not backup_dir:
            raise ValueError("Empty `backup_dir` argument passed: give the path of a folder.")
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = checked_frequency(save_freq)
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self._every = Every(save_freq)
        self._path = Path(self.backup_dir) / NAME
        self._previous = self._path.with_suffix(".previous.safetensors")
        self._shards = Path(self.backup_dir) / SHARDS
        # How many were written, by the runs before, too: of two forms the newer one is read.
        self._number = 0
        self._epoch = 0
        self._others: list[Callback] = [self]
        # States of callbacks that were read and not yet given back.
        self._read: dict[str, Any] | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Brings back the state of a run that was ended, if there is one.

        Raises:
            ValueError: a file that is no backup, or that of another model or run.
        """
        self._every = Every(self.save_freq)
        if self._is_first():
            for left in Path(self.backup_dir).glob(f".{NAME}.*.tmp"):
                left.unlink(missing_ok=True)  # a process that was killed while it wrote
        with ExitStack() as opened:
            found = self._found(opened)
            if found is None:
                return
            arrays, notes = found
            self.model._restore_training_state(arrays)
        self._number = notes.get("number", 0)
        self._read = notes["callbacks"]
        self._epoch = notes["epoch"]
        self._every.counted, self._every.last = notes["counted"], notes["last"]
        # A run that had come to its end, and was killed before it could say so, has no epoch left.
        stopped = notes["stopped"] and self.params is not None
        self.model._initial_epoch = self.params["epochs"] if stopped else self._epoch  # pyright: ignore

    def _bring_back(self, callbacks: list[Callback]) -> None:
        """Give other callbacks their states, once all have begun anew."""
        self._others = callbacks
        states, self._read = self._read, None
        for key, callback in _keyed(callbacks):
            for name, value in (states or {}).get(key, {}).items():
                setattr(callback, name, value)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Saves if it is time to."""
        if self._every.is_due(batch):
            self._save()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Saves if that is wanted after epochs."""
        self._epoch, self._every.last = epoch + 1, -1
        if self.save_freq == "epoch":
            self._save()

    def on_train_end(self, logs: Any = None) -> None:
        """Removes the file, if that is wanted; the folder too, if nothing else is in it."""
        if self.delete_checkpoint and self._is_first():
            remove_parts(self._shards)
            self._path.unlink(missing_ok=True)
            self._previous.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                os.rmdir(self.backup_dir)

    def _in_parts(self) -> bool:
        """Whether the model lies on the devices of a mesh."""
        distribution = config.distribution()
        return distribution is not None and distribution.lays_out(self.model._backend)

    def _is_first(self) -> bool:
        return not self._in_parts() or self.model._backend.process_place()[1] == 0

    def _save(self) -> None:
        arrays: dict[str, Any] = {}
        states = {
            key: {name: getattr(callback, name) for name in callback._kept}
            for key, callback in _keyed(self._others)
            if callback._kept
        }
        notes = {
            "epoch": self._epoch,
            "counted": self._every.counted,
            "last": self._every.last,
            "number": self._number + 1,
            "stopped": bool(getattr(self.model, "stop_training", False)),
            "callbacks": _without_arrays(states, "callbacks", arrays),
        }
        os.makedirs(self.backup_dir, exist_ok=True)
        if self._in_parts():
            held = {f"model/{name}": x for name, x in held_state(self.model).items()}
            held.update({name: (None, x) for name, x in arrays.items()})
            write_parts(self._shards, held, self.model._backend, notes)
            if self._is_first():
                self._path.unlink(missing_ok=True)
        else:
            arrays.update({f"model/{n}": x for n, x in self.model._training_state().items()})
            if self.double_checkpoint and self._path.exists():
                os.replace(self._path, self._previous)
            write_state(self._path, arrays, notes)
            remove_parts(self._shards)
        self._number += 1

    def _found(self, opened: ExitStack) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The model's arrays and the notes of the last backup; its files stay open in `opened`."""
        one = self._in_one_file()
        if not self._shards.exists():
            return one
        file = opened.enter_context(PartsFile(self._shards))
        if one is not None and one[1].get("number", 0) > file.notes.get("number", 0):
            return one
        notes, arrays = dict(file.notes), {name: file.array(name) for name in file.found}
        named = {k: np.asarray(x) for k, x in arrays.items() if not k.startswith("model/")}
        notes["callbacks"] = _with_arrays(notes["callbacks"], named)
        return _of_model(arrays), notes

    def _in_one_file(self) -> tuple[dict[str, Any], dict[str, Any]] | None:
        paths = [path for path in (self._path, self._previous) if path.exists()]
        for path in paths:
            try:
                arrays, notes = read_state(path)
            except (OSError, ValueError):
                if path == paths[-1]:
                    raise
                continue
            notes["callbacks"] = _with_arrays(notes["callbacks"], arrays)
            return _of_model(arrays), notes
        return None


def _of_model(arrays: dict[str, Any]) -> dict[str, Any]:
    return {k.removeprefix("model/"): x for k, x in arrays.items() if k.startswith("model/")}


def write_state(path: Path, arrays: dict[str, np.ndarray], notes: dict[str, Any]) -> None:
    """Writes arrays and notes to a safetensors file, whole or not at all.

    Args:
        path: of the file.
        arrays: name -> array.
        notes: plain values, which become JSON in the file's metadata.
    """
    from safetensors.numpy import save_file

    plain = {}
    kinds = {}
    for name, array in arrays.items():
        array = np.ascontiguousarray(array).reshape(np.shape(array))
        if array.dtype.name in _BITS:
            kinds[name] = array.dtype.name
            array = array.view(_BITS[array.dtype.name])
        plain[name] = array
    metadata = {"format": FORMAT, "notes": json.dumps(notes), "kinds": json.dumps(kinds)}
    with atomic_path(path) as temporary:
        save_file(plain, temporary, metadata)


def read_state(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Returns the arrays and notes of a file that `write_state` wrote.

    Args:
        path: of the file.

    Raises:
        ValueError: another file, or one that is damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(
            f"{path} cannot be read as a training state: {error}. Remove it to begin anew."
        ) from error
    if metadata.get("format") != FORMAT:
        raise ValueError(
            f"{path} is no training state of this version: its format is "
            f"{metadata.get('format')!r}, and {FORMAT!r} is expected. Remove it to begin anew."
        )
    for name, kind in json.loads(metadata["kinds"]).items():
        if kind in _BITS:
            arrays[name] = arrays[name].view(getattr(ml_dtypes, kind))
    return arrays, json.loads(metadata["notes"])


def _keyed(callbacks: list[Callback]) -> Iterator[tuple[str, Callback]]:
    """Callbacks with keys that the same program gives them again: class and number."""
    counts: dict[str, int] = {}
    for callback in callbacks:
        name = type(callback).__name__
        counts[name] = counts.get(name, -1) + 1
        yield f"{name}.{counts[name]}", callback


def _without_arrays(x: Any, path: str, arrays: dict[str, np.ndarray]) -> Any:
    """Nested values for JSON; arrays go into `arrays`, and their names stand in their places."""
    if isinstance(x, dict):
        return {key: _without_arrays(value, f"{path}/{key}", arrays) for key, value in x.items()}
    if isinstance(x, list | tuple):
        return [_without_arrays(value, f"{path}/{i}", arrays) for i, value in enumerate(x)]
    if isinstance(x, np.ndarray):
        arrays[path] = x
        return {"array": path}
    return x.item() if isinstance(x, np.generic) else x


def _with_arrays(x: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(x, dict):
        if x.keys() == {"array"} and x["array"] in arrays:
            return arrays[x["array"]]
        return {key: _with_arrays(value, arrays) for key, value in x.items()}
    return [_with_arrays(value, arrays) for value in x] if isinstance(x, list) else x
