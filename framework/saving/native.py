"""A model in one safetensors file: arrays by the paths of variables, the config in the header.

Other programs read the arrays as from any safetensors file. Since it is one file, it appears whole
or not at all. Beside the variables' paths ("encoder.layers.0.query.kernel") a name may be

- "optimizer." and the path of a variable of the optimizer,
- "state/", the path of a layer that saves itself, and the name that it gives to an array,
- "assets/", the path of a layer, and the name of a file that it keeps, as bytes.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..core.trackable import Trackable
from ..core.variable import SeedState, Variable
from ..files import atomic_path
from ..serialization import object_sharing, serialize_object
from .archive import MAX_CONFIG_BYTES, parsed
from .assets import FOLDER, read_assets, written_assets
from .errors import FileError, MismatchError
from .h5_store import as_numpy
from .layout import Part, parts_of_model
from .model_config import Budget, built_from, compiled_as, initialize_rest
from .part_files import PartedArray, PartsFile, write_parts
from .state import (
    FAILED,
    LEFT_OVER,
    MISSHAPEN,
    MISSING,
    OPTIMIZER,
    is_of_optimizer,
    loads_plainly,
    report,
)

CONFIG, FORM, RENAMED = "isozoo_config", "format", "isozoo_dtypes"
_STATE, _DRAWS = "state/", "seed_generator_states."


# Writing ----------------------------------------------------------------------------------------


def write_native(model: Any, path: str | os.PathLike[str]) -> None:
    """Writes a model with its config, weights, optimizer and layers' files to one file.

    Raises:
        NotImplementedError: a part of the model has no config.
        OSError: the file cannot be written.
    """
    config = _config_of(model)
    arrays = _arrays(model, with_optimizer=True)
    arrays.update(_assets_of(model))
    _write(path, arrays, {CONFIG: config})


def write_native_weights(model: Any, path: str | os.PathLike[str]) -> None:
    """Writes the weights of a model, without its config and optimizer. Raises OSError."""
    _write(path, _arrays(model, with_optimizer=False), {})


def write_native_parts(model: Any, path: str | os.PathLike[str], with_config: bool = False) -> None:
    """Writes the weights of a model and its optimizer's state as shards; see `write_parts`.

    Args:
        model: a built model; of several processes all have the same.
        path: the index.
        with_config: whether the config, and files of layers, are written, too.

    Raises:
        NotImplementedError: a part of the model has no config.
        OSError: a file cannot be written.
    """
    notes = {CONFIG: _config_of(model)} if with_config else {}
    named = _named(model, with_optimizer=True)
    held = {name: (v.backend, v.backend.read(v.native)) for name, v in named}
    held.update({name: (None, x) for name, x in _own_arrays(model)})
    if with_config:
        held.update({name: (None, x) for name, x in _assets_of(model)})
    write_parts(path, held, model._backend, notes)


def _config_of(model: Any) -> str:
    with object_sharing():
        return json.dumps(serialize_object(model))


def _assets_of(model: Any) -> Iterator[tuple[str, np.ndarray]]:
    """Pairs (name, bytes) of the files that layers keep."""
    with written_assets(model) as assets:
        for name, file in assets:
            yield name, np.frombuffer(Path(file).read_bytes(), np.uint8)


def _arrays(model: Any, with_optimizer: bool) -> dict[str, np.ndarray]:
    found = {name: as_numpy(variable) for name, variable in _named(model, with_optimizer)}
    found.update(_own_arrays(model))
    return found


def _own_arrays(model: Any) -> Iterator[tuple[str, np.ndarray]]:
    """Pairs (name in the file, array) of what layers save themselves."""
    for part in _by_themselves(model):
        store: dict[str, Any] = {}
        part.owner.save_own_variables(store)
        for key, value in store.items():
            yield f"{_STATE}{part.path}/{key}", as_numpy(value)


def _write(
    path: str | os.PathLike[str], arrays: dict[str, np.ndarray], metadata: dict[str, str]
) -> None:
    from safetensors.numpy import save_file

    renamed: dict[str, str] = {}
    for name, value in arrays.items():
        if value.dtype.name.startswith("float8"):  # the library reads none as an array of NumPy
            renamed[name] = value.dtype.name
            value = value.view(np.uint8)
        arrays[name] = np.ascontiguousarray(value).reshape(value.shape)
    if renamed:
        metadata[RENAMED] = json.dumps(renamed)
    with atomic_path(path) as temporary:
        save_file(arrays, os.fspath(temporary), metadata={FORM: "isozoo", **metadata})


def _by_themselves(model: Any) -> list[Part]:
    """The parts that save themselves by a method of their own, the optimizer's apart."""
    parts = parts_of_model(model)
    # By the class: an adapter, which Keras's files have no room for, is saved by its paths here.
    return [p for p in parts if not loads_plainly(type(p.owner)) and not is_of_optimizer(p)]


def _named(model: Any, with_optimizer: bool) -> Iterator[tuple[str, Variable]]:
    """Pairs (name in the file, variable) of what is saved by paths."""
    own: set[int] = set()
    for part in _by_themselves(model):
        own |= {id(x) for _, x in part.owner.tracked_parts()} if _is_layer(part.owner) else set()
    yield from ((path, v) for path, v in model.named_variables() if id(v) not in own)
    optimizer = getattr(model, OPTIMIZER, None)
    # One that was never used has no state beside its config.
    if with_optimizer and isinstance(optimizer, Trackable) and getattr(optimizer, "built", True):
        yield from optimizer.named_variables(f"{OPTIMIZER}.")


def _is_layer(owner: Any) -> bool:
    return isinstance(owner, Trackable)


# Reading ----------------------------------------------------------------------------------------


def read_native(
    path: str | os.PathLike[str], custom_objects: Any = None, compile: bool = True
) -> Any:
    """Returns the model that `write_native` wrote.

    Args:
        path: the file.
        custom_objects: classes and functions that its config may name, too.
        compile: whether the model is compiled as it was.

    Raises:
        FileError: the file is damaged, or has no config.
        MismatchError: weights and config do not fit.
        TypeError: the config names what is not known here.
    """
    with _opened(path) as file:
        return _model_in(file, file.metadata.get(CONFIG), "header", custom_objects, compile)


def read_native_model_parts(
    path: str | os.PathLike[str], custom_objects: Any = None, compile: bool = True
) -> Any:
    """Returns the model that `write_native_parts` wrote with its config.

    Under a distribution its variables are laid out, and each process reads its parts. Arguments and
    errors are those of `read_native`.
    """
    with PartsFile(path) as file:
        return _model_in(file, file.notes.get(CONFIG), "notes", custom_objects, compile)


def _model_in(
    file: _File | PartsFile, text: Any, place: str, custom_objects: Any, compile: bool
) -> Any:
    if not isinstance(text, str) or len(text) > MAX_CONFIG_BYTES:
        raise FileError(
            file.path,
            "it has no config of a model",
            place,
            "Make the model, and read the weights into it by `load_weights`",
        )
    config = parsed(text.encode(), file.path)
    held = sum(math.prod(shape) for shape in file.found.values())
    model = built_from(config, custom_objects, Budget(file.path, held))
    _read(model, file, False)
    read_assets(model, file)
    initialize_rest(model)
    if compile and compiled_as(model, config.get("compile_config"), custom_objects):
        optimizer = getattr(model, OPTIMIZER, None)
        saved = any(name.startswith(f"{OPTIMIZER}.") for name in file.found)
        if isinstance(optimizer, Trackable) and saved:
            _assign(file, dict(optimizer.named_variables(f"{OPTIMIZER}.")), {}, False)
    return model


def read_native_weights(
    model: Any, path: str | os.PathLike[str], skip_mismatch: bool = False
) -> None:
    """Reads weights by their paths into a model: all of them, or none.

    Args:
        model: a built model.
        path: a safetensors file.
        skip_mismatch: whether what fits is read, with a warning about the rest.

    Raises:
        FileError: the file is damaged.
        MismatchError: its weights do not fit the model; nothing was assigned.
    """
    with _opened(path) as file:
        _read(model, file, skip_mismatch)


def read_native_parts(
    model: Any, path: str | os.PathLike[str], skip_mismatch: bool = False
) -> None:
    """Reads what `write_native_parts` wrote into a model: all of it, or nothing.

    Under a distribution each process reads what lies on its devices. The optimizer's state is read
    where the model has an optimizer and the file its state.

    Args:
        model: a built model.
        path: the index.
        skip_mismatch: whether what fits is read, with a warning about the rest.

    Raises:
        FileError: the index or a file is damaged.
        MismatchError: the arrays do not fit the model; nothing was assigned.
    """
    with PartsFile(path) as file:
        optimizer = getattr(model, OPTIMIZER, None)
        saved = any(name.startswith(f"{OPTIMIZER}.") for name in file.found)
        if saved and isinstance(optimizer, Trackable) and not getattr(optimizer, "built", True):
            optimizer.build(model.trainable_variables)  # pyright: ignore[reportAttributeAccessIssue]
        _assign(file, dict(_named(model, saved)), _states(model), skip_mismatch)


class _File:
    """An open safetensors file; its header was checked by the library that opened it."""

    def __init__(self, path: str | os.PathLike[str], opened: Any) -> None:
        self.path, self._opened = path, opened
        self.metadata: Mapping[str, str] = opened.metadata() or {}
        self.found: dict[str, tuple[int, ...]] = {
            name: tuple(opened.get_slice(name).get_shape()) for name in opened.keys()
        }
        self._renamed = self._renames()

    def _renames(self) -> dict[str, Any]:
        try:
            found = json.loads(self.metadata.get(RENAMED, "{}"))
        except (ValueError, RecursionError) as error:
            raise FileError(self.path, f"its {RENAMED} is no JSON: {str(error)[:80]}") from error
        if not isinstance(found, dict):
            raise FileError(self.path, f"its {RENAMED} is no table of names")
        return found

    def array(self, name: str) -> np.ndarray:
        """Returns one array."""
        value = self._opened.get_tensor(name)
        if name in self._renamed:
            import ml_dtypes

            wanted = str(self._renamed[name])
            if not wanted.startswith("float8_") or value.dtype != np.uint8:
                raise FileError(self.path, f"dtype {wanted!r} is not known", f"tensor {name}")
            return value.view(getattr(ml_dtypes, wanted))
        return value

    def read(self, name: str, limit: int) -> bytes:
        """Returns the bytes of a file of a layer."""
        if self.found[name] > (limit,):
            raise FileError(self.path, f"it has more than {limit} bytes", name)
        return self.array(name).astype(np.uint8).tobytes()


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[_File]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(os.fspath(path), "np") as opened:
            yield _File(path, opened)
    except SafetensorError as error:
        raise FileError(path, f"it is not a whole safetensors file: {error}") from error


def _read(model: Any, file: _File | PartsFile, skip_mismatch: bool) -> None:
    _assign(file, dict(_named(model, False)), _states(model), skip_mismatch)


def _states(model: Any) -> dict[str, Callable[[Mapping[str, np.ndarray]], None]]:
    """Prefix of names in a file -> what gives a layer the arrays that it saved itself."""
    parts = _by_themselves(model)
    return {f"{_STATE}{part.path}/": part.owner.load_own_variables for part in parts}


def _assign(
    file: _File | PartsFile,
    variables: dict[str, Variable],
    states: Mapping[str, Callable[[Any], None]],
    skip_mismatch: bool,
) -> None:
    """Compares names and shapes, and then assigns; `states` are layers that load themselves."""
    problems: dict[str, list[str]] = {MISSING: [], MISSHAPEN: [], LEFT_OVER: []}
    fitting: dict[str, Variable] = {}
    for name, variable in variables.items():
        shape = file.found.get(name)
        if shape is None and isinstance(variable, SeedState):
            continue  # a file from elsewhere: the seed stays
        if shape is None:
            problems[MISSING].append(f"{name}: shape {tuple(variable.shape)}")
        elif shape != tuple(variable.shape):
            problems[MISSHAPEN].append(
                f"{name}: shape {shape} in the file, {tuple(variable.shape)} in the model"
            )
        else:
            fitting[name] = variable
    known = (f"{FOLDER}/", f"{OPTIMIZER}.", *states)
    if not any(name.startswith(f"{OPTIMIZER}.") for name in variables):
        for name, shape in file.found.items():
            # torch's `state_dict` has draws under a name of its own; here the seed stays.
            if not (_DRAWS in name or name in variables or name.startswith(known)):
                problems[LEFT_OVER].append(f"{name}: shape {shape}")
    report(file.path, problems, skip_mismatch)
    for prefix, load in states.items():
        names = [name for name in file.found if name.startswith(prefix)]
        try:
            load({name.removeprefix(prefix): np.asarray(file.array(name)) for name in names})
        except (ValueError, KeyError, TypeError) as error:
            if not skip_mismatch:
                raise MismatchError(file.path, {FAILED: [f"{prefix}: {error}"]}) from error
    for name, variable in fitting.items():
        value = file.array(name)
        if isinstance(value, PartedArray):
            variable.assign_parts(value)
        else:
            variable.assign(value)
