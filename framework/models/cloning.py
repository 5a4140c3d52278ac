"""New models with the layers of others, and weights of their own."""

from collections.abc import Callable
from typing import Any

from ..configs import deserialize, serialize_object
from ..core.keras_tensor import Input, KerasTensor
from ..core.layer import Layer
from ..core.operation import Operation
from ..nested import flatten, map_structure
from .functional import Functional
from .model import Model, takes_graph
from .sequential import Sequential


def clone_model(
    model: Any,
    input_tensors: Any = None,
    clone_function: Callable[[Any], Any] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Any:
    """Returns a model of the same structure, whose layers have new weights.

    Args:
        model: a Sequential, a functional model, or one of a class that has a config.
        input_tensors: symbolic tensors, in the structure of the model's inputs, that the new model
            begins with; new ones if None.
        clone_function: takes a layer and returns that of the new model; a layer of the same config
            if None.
        call_function: `call_function(layer, *args, **kwargs)` calls a layer of the new model; for
            functional models only.
        recursive: whether models inside are cloned by `clone_model`, too.
        **kwargs: `cache`, layers that were cloned before, by their identity.

    Raises:
        ValueError: an argument that the kind of model does not take, or inputs of another
            structure.
    """
    cache = kwargs.pop("cache", None)
    if kwargs:
        raise ValueError(f"Unexpected keyword argument(s): {tuple(kwargs)}")
    clone = _Clones(clone_function, call_function, recursive, {} if cache is None else cache)
    if isinstance(model, Sequential):
        if call_function is not None:
            raise ValueError(
                "`call_function` argument is not supported with Sequential models, whose layers "
                "are called one after the other. Use it with Functional models only. Received: "
                f"call_function={call_function}"
            )
        return _compiled_like(model, _sequential(model, clone, input_tensors))
    own_form = takes_graph(type(model)) or clone_function is not None or input_tensors is not None
    if getattr(model, "_graph", None) is not None and own_form:
        return _compiled_like(model, _functional(model, clone, input_tensors))
    given = {"clone_function": clone_function, "input_tensors": input_tensors}
    given["call_function"] = call_function
    used = [name for name, value in given.items() if value is not None]
    if used:
        raise ValueError(
            f"Arguments {used} are only supported for Sequential models or Functional models. "
            f"Received model of type '{type(model).__name__}'."
        )
    return deserialize(serialize_object(model), {type(model).__name__: type(model)})


class _Clones:
    """The new layer of each old one, made once."""

    def __init__(
        self, function: Any, call: Any, recursive: bool, cache: dict[int, tuple[Any, Any]]
    ) -> None:
        self.function, self.call, self.recursive, self.cache = function, call, recursive, cache

    def of(self, layer: Any) -> Any:
        """Returns the clone of a layer or Operation; an op stays what it is."""
        if not isinstance(layer, Operation):
            return layer
        if id(layer) not in self.cache:
            made = self._made(layer)
            if isinstance(layer, Layer) and isinstance(made, Layer) and made.name == layer.name:
                # A name that was made up stays one, so that paths stay what they are.
                made._name_is_given = layer._name_is_given
            self.cache[id(layer)] = (layer, made)
        return self.cache[id(layer)][1]

    def _made(self, layer: Any) -> Any:
        if self.recursive and isinstance(layer, Model):
            if isinstance(layer, Sequential) or layer._graph is not None:
                call = None if isinstance(layer, Sequential) else self.call
                return clone_model(layer, None, self.function, call, True, cache=self.cache)
        if self.function is not None and isinstance(layer, Layer):
            return self.function(layer)
        return type(layer).from_config(layer.get_config())


def _sequential(model: Sequential, clone: _Clones, tensors: Any) -> Sequential:
    start: Any = model._start
    if tensors is not None:
        found = flatten(tensors)
        if len(found) != 1 or not isinstance(found[0], KerasTensor):
            raise ValueError(
                "Argument `input_tensors` must contain a single KerasTensor. Received: "
                f"input_tensors={tensors}"
            )
        start = found[0]
    elif start is not None:
        start = _input_like(start)
    layers = [clone.of(layer) for layer in model.layers]
    return Sequential(
        [start, *layers] if start is not None else layers, model.trainable, model.name
    )


def _functional(model: Any, clone: _Clones, tensors: Any) -> Any:
    graph = model._graph
    if tensors is None:
        tensors = map_structure(_input_like, graph.inputs_structure)
    else:
        _check_structure(tensors, graph.inputs_structure)
    made = {id(old): new for old, new in zip(graph.inputs, flatten(tensors), strict=True)}

    def new(x: Any) -> Any:
        return made[id(x)] if isinstance(x, KerasTensor) else x

    for node in graph.nodes:
        target = clone.of(node.target)
        args, kwargs = map_structure(new, node.args), map_structure(new, node.kwargs)
        if clone.call is not None:
            results = clone.call(target, *args, **kwargs)
        else:
            results = target(*args, **kwargs)
        for old, result in zip(flatten(node.outputs), flatten(results), strict=True):
            made[id(old)] = result
    cls = type(model) if takes_graph(type(model)) else Functional
    return cls(tensors, map_structure(new, graph.outputs_structure), name=model.name)


def _check_structure(tensors: Any, wanted: Any) -> None:
    given = flatten(tensors)
    if not all(isinstance(x, KerasTensor) for x in given):
        raise ValueError(
            "All entries in `input_tensors` must be KerasTensors. Received invalid values: "
            f"input_tensors={tensors}"
        )
    if map_structure(lambda _: 0, tensors) != map_structure(lambda _: 0, wanted):
        raise ValueError(
            "`input_tensors` must have the same structure as model.input\n"
            f"Reference structure: {wanted}\nReceived structure: {tensors}"
        )


def _input_like(x: KerasTensor) -> KerasTensor:
    return Input(
        batch_shape=x.shape,
        dtype=x.dtype,
        sparse=x.sparse,
        ragged=x.ragged,
        name=x.name,
        optional=x.optional,
    )


def _compiled_like(model: Any, made: Any) -> Any:
    """The new model, compiled as the old one is."""
    if getattr(model, "compiled", False):
        made.compile_from_config(model.get_compile_config())
    return made
