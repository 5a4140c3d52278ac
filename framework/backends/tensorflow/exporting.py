"""SavedModels with endpoints, and LiteRT files made of them."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ... import nested
from ..refused import first_layer, refused
from .control import without_lists as without_lists


class Archive:
    """What goes into a SavedModel: resources, endpoints and collections of variables."""

    def __init__(self) -> None:
        self._holder = tf.__internal__.tracking.AutoTrackable()
        self._layers: list[Any] = []
        self._resources: list[Any] = []
        self._functions: dict[str, Any] = {}

    @property
    def names(self) -> list[str]:
        """The names of the endpoints."""
        return list(self._functions)

    @property
    def variables(self) -> list[tf.Variable]:
        """The variables of all layers, each once."""
        return _distinct(v.native for layer in self._layers for v in layer.variables)

    @property
    def trainable_variables(self) -> list[tf.Variable]:
        """Those that train."""
        return _distinct(v.native for layer in self._layers for v in layer.trainable_variables)

    @property
    def non_trainable_variables(self) -> list[tf.Variable]:
        """Those that do not."""
        trained = {id(v) for v in self.trainable_variables}
        return [v for v in self.variables if id(v) not in trained]

    def track_layer(self, layer: Any) -> None:
        """Holds a layer on this backend, with its tables."""
        if all(held is not layer for held in self._layers):
            self._layers.append(layer)

    def track_resource(self, resource: Any) -> None:
        """Holds a resource of TensorFlow. ValueError for anything else."""
        if not isinstance(resource, tf.__internal__.tracking.Trackable):
            raise ValueError(
                "Invalid resource type. Expected a layer, or an instance of a TensorFlow "
                f"`Trackable`. Received instead an object of type '{type(resource)}'."
            )
        self._resources.append(resource)

    def add(self, name: str, fn: Any, specs: list[Any]) -> Any:
        """Adds a function of tensors, traced for the specifications."""
        given = [_tensor_specs(one) for one in specs]

        def endpoint(*args: Any) -> Any:
            return fn(*args)

        endpoint.__name__ = name
        traced = tf.function(endpoint, input_signature=given, autograph=False)
        traced.get_concrete_function()
        self._functions[name] = traced
        return traced

    def add_called(self, name: str, fn: Any) -> Any:
        """Adds a `tf.function` that was called. ValueError for any other function."""
        is_function = isinstance(fn, tf.types.experimental.GenericFunction)
        if not is_function:
            raise ValueError(
                "If the `input_signature` argument is not provided, the `fn` argument must be a "
                "`tf.function` that has been called at least once. Received: "
                f"fn={fn}, of type {type(fn)}"
            )
        traced: Any = fn
        if not traced._list_all_concrete_functions():
            raise ValueError(
                f"The provided tf.function '{name}' has never been called. To specify the "
                "expected shape and dtype of the function's arguments, you must either provide a "
                "function that has been called at least once, or alternatively pass an "
                "`input_signature` argument in `add_endpoint()`."
            )
        self._functions[name] = fn
        return fn

    def is_variable(self, value: Any) -> bool:
        """Whether it is a variable of TensorFlow."""
        return isinstance(value, tf.Variable)

    def variable_of(self, value: Any, name: str) -> tf.Variable:
        """A variable of its own with a value."""
        return tf.Variable(value, name=name.replace("/", "_"))

    def collect(self, name: str, variables: list[tf.Variable]) -> None:
        """Holds variables as an attribute of the reloaded object."""
        setattr(self._holder, name, list(variables))

    def write(self, path: str, options: Any) -> None:
        """Writes the SavedModel to a folder."""
        holder = self._holder
        holder._resources = [*self._layers, *self._resources]
        holder.variables = self.variables
        holder.trainable_variables = self.trainable_variables
        holder.non_trainable_variables = self.non_trainable_variables
        for name, function in self._functions.items():
            setattr(holder, name, function)
        signatures = {name: _first(function) for name, function in self._functions.items()}
        signatures.setdefault("serving_default", next(iter(signatures.values())))
        tf.saved_model.save(holder, path, options=options, signatures=signatures)


def lite(folder: str, settings: dict[str, Any]) -> bytes:
    """Returns the LiteRT file of a SavedModel.

    Args:
        folder: the SavedModel.
        settings: attributes of the converter; `quantize`: "weights" or "int8"; and
            `representative_dataset`: inputs by name, a list of dicts, or what the converter takes.

    Raises:
        ValueError: a setting that the converter does not have, or "int8" without a data set.
        RuntimeError: it cannot convert the model.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(folder)
    settings = dict(settings)
    _quantize(converter, settings.pop("quantize", None), settings)
    for name, value in settings.items():
        if not hasattr(converter, name):
            raise ValueError(f"The converter to LiteRT has no setting {name!r}.")
        setattr(converter, name, value)
    try:
        return converter.convert()
    except Exception as error:
        raise refused(
            "The model cannot be converted to LiteRT", error, r"\btf\.([A-Z]\w+)"
        ) from error


def _quantize(converter: Any, kind: str | None, settings: dict[str, Any]) -> None:
    """Sets a converter for weights, or all, as int8; takes the samples out of the settings."""
    if kind not in (None, "weights", "int8"):
        raise ValueError(f'`quantize` is "weights" or "int8"; got {kind!r}.')
    samples = settings.pop("representative_dataset", None)
    if kind == "int8" and not samples:
        raise ValueError(
            'quantize="int8" needs `representative_dataset`: batches of what the model will be '
            'used for, by which ranges are found. quantize="weights" needs none.'
        )
    if kind is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if isinstance(samples, list):
        batches = [{name: np.asarray(x) for name, x in sample.items()} for sample in samples]
        converter.representative_dataset = lambda: (("serving_default", one) for one in batches)
    elif samples is not None:
        converter.representative_dataset = samples


def write_openvino(folder: str, path: str) -> None:
    """Writes a SavedModel as a model of OpenVINO: `path`, an ".xml", and a ".bin" beside it.

    Raises:
        RuntimeError: OpenVINO cannot convert the model.
    """
    import openvino  # pyright: ignore[reportMissingImports]

    try:
        # Not `openvino.convert_model`, which tells its makers of each call by the network.
        converted = openvino.Core().read_model(folder)
    except RuntimeError as error:
        raise refused(
            "The model cannot be converted to OpenVINO", error, r"(?:operations:|,) ([A-Z]\w+)"
        ) from error
    openvino.save_model(converted, path, compress_to_fp16=False)


def write_web(folder: str, place: Path) -> None:
    """Writes a SavedModel as a graph model of TensorFlow.js; see `web.write`."""
    from . import web

    web.write(folder, place)


def layer_with(model: Any, signature: list[Any], operators: Any) -> Any:
    """Returns the layer of a model whose call gives the first of some operators; None if none."""
    known: set[str] = set()
    seen = 0

    def holds() -> bool:
        nonlocal seen
        made = tf.compat.v1.get_default_graph().get_operations()
        new, seen = made[seen:], len(made)
        known.update(one.type for one in new)
        if any("cond" in one.node_def.attr or "f" in one.node_def.attr for one in new):
            # Loops, branches and calls have graphs of their own.
            library = tf.compat.v1.get_default_graph().as_graph_def().library
            known.update(node.op for function in library.function for node in function.node_def)
        return bool(known & operators)

    traced = tf.function(lambda *args: model(*args), autograph=False)
    return first_layer(
        lambda: traced.get_concrete_function(*[_tensor_specs(one) for one in signature]), holds
    )


def _tensor_specs(structure: Any, key: str | None = None) -> Any:
    """TensorFlow's specifications; what a dict names is called so in signatures, too."""
    if isinstance(structure, dict):
        return {name: _tensor_specs(one, name) for name, one in structure.items()}
    if isinstance(structure, list | tuple):
        return nested.map_structure(_tensor_specs, structure)
    return tf.TensorSpec(structure.shape, structure.dtype, structure.name or key)


def _first(function: Any) -> Any:
    """A concrete function of a traced one: what was called several ways has no single signature."""
    if function.input_signature is not None:
        return function
    return function._list_all_concrete_functions()[0]


def _distinct(variables: Any) -> list[tf.Variable]:
    return list({id(v): v for v in variables}.values())
