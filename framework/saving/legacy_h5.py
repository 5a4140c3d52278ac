"""Keras 2's HDF5 files: weights by the order of layers, and whole models.

A group "model_weights" (or the file itself) has the attribute "layer_names" and a group for each of
them, which has the attribute "weight_names" and a dataset for each of those. A whole model has its
config as JSON in the file's attribute "model_config". Definition:
keras/src/legacy/saving/legacy_h5_format.py.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..core.layer import Layer
from ..core.own_variables import OwnVariables
from ..core.variable import Variable
from ..files import atomic_path
from ..serialization import object_sharing, serialize, serialize_object
from . import hdf5
from .archive import KERAS_VERSION, MAX_CONFIG_BYTES, parsed
from .errors import FileError
from .h5_store import h5_for_writing, put_array
from .hdf5 import H5File
from .layout import layers_in_order
from .legacy_config import modernized
from .model_config import Budget, built_from, compiled_as, initialize_rest
from .state import LEFT_OVER, MISSHAPEN, MISSING, OPTIMIZER, report

_TOP = "top_level_model_weights"
_WEIGHTS = "model_weights"
_OPTIMIZER = "optimizer_weights"
# HDF5 keeps no larger attribute of fixed size in a group.
_MAX_ATTRIBUTE = 64512


def layers_of(model: Any) -> list[Any]:
    """Returns the layers directly in a model, in Keras's order."""
    found = layers_in_order(model)
    return list(model.layers) if found is None else found


def ordered_weights(layer: Any) -> list[Variable]:
    """Returns the weights of a layer and of those inside, those that train first."""
    found = list({id(v): v for v in _walk(layer, set())}.values())
    return [v for v in found if v.trainable] + [v for v in found if not v.trainable]


def _walk(layer: Any, seen: set[int]) -> Iterator[Variable]:
    if id(layer) in seen or not isinstance(layer, OwnVariables):
        return
    seen.add(id(layer))
    yield from layer.own_variables()
    inner = layers_in_order(layer)
    if inner is None and isinstance(layer, Layer):
        inner = layer.sublayers()
    for other in inner or ():
        yield from _walk(other, seen)


# Reading ----------------------------------------------------------------------------------------


def read_legacy_model(
    path: str | os.PathLike[str], custom_objects: Any = None, compile: bool = True
) -> Any:
    """Returns the model in a file that Keras 2, or `write_legacy_model`, wrote.

    Args:
        path: the file.
        custom_objects: classes and functions that the config may name, too.
        compile: whether the model is compiled as it was.

    Raises:
        FileError: the file is damaged, hostile, or has no config.
        MismatchError: its weights do not fit its config.
        TypeError: the config names what is not known here.
    """
    with H5File(path) as file:
        config = _json(file, "model_config")
        if config is None:
            raise FileError(
                path,
                "No model config found in the file",
                advice="Make the model, and read the weights into it by `load_weights`",
            )
        model = built_from(modernized(config), custom_objects, Budget(path, file.elements))
        _read_weights(model, file, _WEIGHTS, False)
        initialize_rest(model)
        training = _json(file, "training_config") if compile else None
        if training is not None and compiled_as(model, _compile_config(training), custom_objects):
            _read_optimizer(model, file)
    return model


def _json(file: H5File, name: str) -> Any:
    text = file.attribute("", name)
    if text is None:
        return None
    if not isinstance(text, str) or len(text) > MAX_CONFIG_BYTES:
        raise FileError(file.path, f"its attribute {name!r} is no text of a config")
    if name == "model_config":
        return parsed(text.encode(), file.path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileError(file.path, f"its {name} is not JSON: {str(error)[:120]}") from error


def _compile_config(training: Any) -> dict[str, Any]:
    """The arguments of `compile` that a "training_config" tells."""
    if not isinstance(training, dict):
        return {}
    kept = ("loss", "metrics", "weighted_metrics", "loss_weights")
    found = {name: modernized(training[name]) for name in kept if training.get(name) is not None}
    return {"optimizer": modernized(training.get("optimizer_config")), **found}


def _read_optimizer(model: Any, file: H5File) -> None:
    optimizer = getattr(model, OPTIMIZER, None)
    if optimizer is None or file.group(_OPTIMIZER) is None or not optimizer.built:
        return
    names = _names(file, _OPTIMIZER, "weight_names")
    held = optimizer.variables
    shapes = [_info(file, _OPTIMIZER, name).shape for name in names]
    if shapes != [tuple(v.shape) for v in held]:
        warnings.warn(
            f"The state of the optimizer in {file.path} is that of another version of Keras, or of "
            "another optimizer. The model is starting with a freshly initialized optimizer.",
            stacklevel=4,
        )
        return
    for variable, name in zip(held, names, strict=True):
        variable.assign(file.read(f"{_OPTIMIZER}/{name}"))


def read_legacy_weights(
    model: Any, path: str | os.PathLike[str], skip_mismatch: bool = False, by_name: bool = False
) -> None:
    """Reads weights into a model: all of them, or none.

    Args:
        model: a built model.
        path: a file of weights or of a whole model.
        skip_mismatch: whether what fits is read, with a warning about the rest.
        by_name: whether layers are found by their names; those that only one side has stay.

    Raises:
        FileError: the file is damaged or hostile.
        MismatchError: its weights do not fit the model; nothing was assigned.
    """
    with H5File(path) as file:
        inner = file.attribute("", "layer_names") is None and _WEIGHTS in file.root.groups
        _read_weights(model, file, _WEIGHTS if inner else "", skip_mismatch, by_name)


def _read_weights(
    model: Any, file: H5File, place: str, skip_mismatch: bool, by_name: bool = False
) -> None:
    problems: dict[str, list[str]] = {MISSING: [], MISSHAPEN: [], LEFT_OVER: []}
    plan: list[tuple[Variable, str]] = []
    saved = [(name, _weights_of(file, place, name)) for name in _names(file, place, "layer_names")]
    for layer, name, weights in _pairs(model, saved, by_name, problems):
        plan += _matched(file, ordered_weights(layer), weights, f"{layer.name} ({name})", problems)
    if _TOP in (file.group(place) or file.root).groups:
        own = model.own_variables()
        weights = _weights_of(file, place, _TOP)
        plan += _matched(file, own, weights, "top-level weights", problems)
    report(file.path, problems, skip_mismatch)
    arrays = [(v, file.read(path)) for v, path in plan if file.info(path).filtered]
    for variable, array in arrays:
        variable.assign(array)
    for variable, path in plan:
        if not file.info(path).filtered:
            variable.assign(file.read(path))


def _pairs(
    model: Any, saved: list[tuple[str, list[str]]], by_name: bool, problems: dict[str, list[str]]
) -> Iterator[tuple[Any, str, list[str]]]:
    """Layers of the model with what the file has for each: its name there, and its weights."""
    layers = layers_of(model)
    if by_name:
        known = {layer.name: layer for layer in layers}
        yield from ((known[name], name, weights) for name, weights in saved if name in known)
        return
    saved = [(name, weights) for name, weights in saved if weights]
    layers = [layer for layer in layers if ordered_weights(layer)]
    for layer, (name, weights) in zip(layers, saved, strict=False):
        yield layer, name, weights
    if len(layers) != len(saved):
        text = (
            f"Layer count mismatch when loading weights from file. Model expected {len(layers)} "
            f"layers, found {len(saved)} saved layers."
        )
        kind = MISSING if len(layers) > len(saved) else LEFT_OVER
        more = [x.name for x in layers[len(saved) :]] or [name for name, _ in saved[len(layers) :]]
        problems[kind].append(f"{text} Without a counterpart: {more}")


def _matched(
    file: H5File,
    held: Sequence[Variable],
    weights: list[str],
    what: str,
    problems: dict[str, list[str]],
) -> list[tuple[Variable, str]]:
    if len(held) != len(weights):
        problems[MISSING if len(held) > len(weights) else LEFT_OVER].append(
            f"{what}: Weight count mismatch. It expects {len(held)} weight(s): "
            f"{[v.path for v in held]}. Received {len(weights)} saved weight(s): {weights}"
        )
        return []
    plan: list[tuple[Variable, str]] = []
    for variable, path in zip(held, weights, strict=True):
        shape = file.info(path).shape
        if shape == tuple(variable.shape):
            plan.append((variable, path))
        else:
            problems[MISSHAPEN].append(
                f"{what}: Shape mismatch. {variable.path} expects shape {tuple(variable.shape)}. "
                f"Received saved weight {path} with shape {shape}"
            )
    return plan


def _weights_of(file: H5File, place: str, layer: str) -> list[str]:
    """The paths in the file of a layer's weights."""
    group = _joined(place, layer)
    if file.group(group) is None:
        raise FileError(file.path, "its list of layers names a group that is not there", group)
    names = _names(file, group, "weight_names")
    for name in names:
        _info(file, group, name)
    return [_joined(group, name) for name in names]


def _info(file: H5File, group: str, name: str) -> hdf5.Stored:
    try:
        return file.info(_joined(group, name))
    except KeyError as error:
        raise FileError(file.path, "a weight that it lists is not there", f"{group}: {name}") from (
            error
        )


def _names(file: H5File, group: str, attribute: str) -> list[str]:
    """A list of texts among the attributes of a group, perhaps in several pieces."""
    found = file.attribute(group, attribute)
    if found is None:
        pieces: list[Any] = []
        while (piece := file.attribute(group, f"{attribute}{len(pieces)}")) is not None:
            pieces.append(piece)
        found = [name for piece in pieces for name in (piece if isinstance(piece, list) else ())]
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise FileError(file.path, f"its attribute {attribute!r} is no list of names", group)
    return found


def _joined(group: str, name: str) -> str:
    return f"{group}/{name}" if group else name


# Writing ----------------------------------------------------------------------------------------


def write_legacy_model(
    model: Any, path: str | os.PathLike[str], include_optimizer: bool = True
) -> None:
    """Writes a model as Keras 3 writes "….h5": readers of Keras 3 open it. Whole or not at all.

    Args:
        model: what is saved.
        path: the file.
        include_optimizer: whether the state of the optimizer is saved.

    Raises:
        NotImplementedError: a part of the model has no config.
        OSError: the file cannot be written.
    """
    with object_sharing():
        config = serialize_object(model)
    compiled = config.pop("compile_config", None)
    with atomic_path(path) as temporary, h5_for_writing(temporary) as (file, _):
        file.attrs["keras_version"] = KERAS_VERSION
        file.attrs["backend"] = model.backend
        file.attrs["model_config"] = json.dumps(config)
        _write_weights(model, file.create_group(_WEIGHTS))
        optimizer = getattr(model, OPTIMIZER, None)
        if include_optimizer and compiled and optimizer is not None:
            training = {k: v for k, v in compiled.items() if k != OPTIMIZER}
            training["optimizer_config"] = serialize(optimizer)
            file.attrs["training_config"] = json.dumps(training)
            group = file.create_group(_OPTIMIZER)
            _write_group(group, [(v.path, v) for v in optimizer.variables])


def _write_weights(model: Any, group: Any) -> None:
    layers = layers_of(model)
    _write_names(group, "layer_names", [layer.name for layer in layers])
    group.attrs["backend"] = np.bytes_(model.backend)
    group.attrs["keras_version"] = np.bytes_(KERAS_VERSION)
    for layer in sorted(layers, key=lambda x: x.name):
        weights = [(v.path.replace(".", "/"), v) for v in ordered_weights(layer)]
        _write_group(group.create_group(layer.name), weights)
    own = [(v.path.replace(".", "/"), v) for v in model.own_variables()]
    _write_group(group.create_group(_TOP), own)


def _write_group(group: Any, weights: list[tuple[str, Variable]]) -> None:
    _write_names(group, "weight_names", [name for name, _ in weights])
    for name, variable in weights:
        put_array(group, name, variable)


def _write_names(group: Any, attribute: str, names: list[str]) -> None:
    data = np.array([name.encode() for name in names]) if names else np.empty((0,), "S1")
    pieces = max(1, -(-data.nbytes // _MAX_ATTRIBUTE))
    if pieces == 1:
        group.attrs[attribute] = data
        return
    for number, piece in enumerate(np.array_split(data, pieces + 1)):
        group.attrs[f"{attribute}{number}"] = piece
