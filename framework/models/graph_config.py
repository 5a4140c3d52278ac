"""The config of a model of symbolic tensors, in Keras's form: layers, their calls, inputs, outputs.

A tensor in the arguments of a call is `{"class_name": "__keras_tensor__", "config": {"shape",
"dtype", "keras_history": [name of the operation, number of its call, number of the result]}}`.
Calls are counted from 0; those of functional models in "input_layers" and "output_layers" from 1.
"""

import inspect
from collections.abc import Iterator
from typing import Any

from ..configs import custom_object_scope, deserialize, serialize, serialize_object
from ..core.graph import Node
from ..core.keras_tensor import Input, KerasTensor
from ..core.layer import Layer
from ..core.naming import snake_case
from ..core.operation import Operation
from ..nested import flatten, map_structure
from .keras_ops import KerasOp, by_class, by_function


def described(model: Any) -> dict[str, Any]:
    """Returns "layers", "input_layers" and "output_layers" of a model with a graph."""
    return _Description(model).config()


class _Description:
    def __init__(self, model: Any) -> None:
        self.model = model
        self.graph = model._graph
        self.names: dict[int, str] = {}
        self.places: dict[int, list[Any]] = {}

    def config(self) -> dict[str, Any]:
        """The whole of it."""
        layers = [self._input(x) for x in self.graph.inputs]
        calls: dict[int, list[Node]] = {}
        for node in self.graph.nodes:
            key = id(node.target) if isinstance(node.target, Operation) else id(node)
            calls.setdefault(key, []).append(node)
        paths = {id(layer): path for path, layer in self.model.named_sublayers()}
        # All tensors get their places first: a layer's later call may need what stands below it.
        for nodes in calls.values():
            self._place(nodes, paths)
        layers += [self._operation(nodes) for nodes in calls.values()]
        return {
            "layers": layers,
            "input_layers": self._ends(self.graph.inputs_structure),
            "output_layers": self._ends(self.graph.outputs_structure),
        }

    def _name(self, wanted: str) -> str:
        taken, name, number = set(self.names.values()), wanted, 0
        while name in taken:
            number += 1
            name = f"{wanted}_{number}"
        return name

    def _input(self, x: KerasTensor) -> dict[str, Any]:
        name = self.names[id(x)] = self._name(x.name)
        self.places[id(x)] = [name, 0, 0]
        return {
            "module": "keras.layers",
            "class_name": "InputLayer",
            "config": input_config(x, name),
            "registered_name": None,
            "name": name,
            "inbound_nodes": [],
        }

    def _place(self, nodes: list[Node], paths: dict[int, str]) -> None:
        """Name what the nodes call, and with it the tensors that it gives."""
        target = nodes[0].target
        if isinstance(target, Layer):
            name = self._name(paths[id(target)].replace(".", "_"))
        elif isinstance(target, Operation):
            name = self._name(target.name)
        else:
            name = self._name(snake_case(target.__name__))
        self.names[id(nodes[0])] = name
        for number, node in enumerate(nodes):
            for index, x in enumerate(flatten(node.outputs)):
                self.places[id(x)] = [name, number, index]

    def _operation(self, nodes: list[Node]) -> dict[str, Any]:
        target, name = nodes[0].target, self.names[id(nodes[0])]
        if not isinstance(target, Operation):
            return {**self._op(nodes[0], name), "name": name}
        made = serialize_object(target)
        if isinstance(target, Layer):
            made["config"] = {**made["config"], "name": name}
        inbound = [
            {"args": self._values(node.args), "kwargs": self._values(node.kwargs)} for node in nodes
        ]
        # In place: the number of a shared object may come later, when it is met a second time.
        made.update({"name": name, "inbound_nodes": inbound})
        return made

    def _op(self, node: Node, name: str) -> dict[str, Any]:
        """The entry of a call of an op: under Keras's name for it, where there is one."""
        args, kwargs, settings = node.args, node.kwargs, {}
        entry = by_function(node.target)
        if entry is not None:
            args, kwargs, settings = _split(entry, node.args, node.kwargs)
        call = {"args": self._values(args), "kwargs": self._values(kwargs)}
        if entry is None or any(isinstance(x, KerasTensor) for x in flatten(settings)):
            call = {"args": self._values(node.args), "kwargs": self._values(node.kwargs)}
            return {**serialize(node.target), "inbound_nodes": [call]}
        return {
            "module": entry.module,
            "class_name": entry.class_name,
            "config": {"name": name, **serialize(settings)},
            "registered_name": entry.class_name,
            "inbound_nodes": [call],
        }

    def _values(self, x: Any) -> Any:
        def value(leaf: Any) -> Any:
            if not isinstance(leaf, KerasTensor):
                return serialize(leaf)
            config = {
                "shape": tuple(leaf.shape),
                "dtype": leaf.dtype,
                "keras_history": self.places[id(leaf)],
            }
            return {"class_name": "__keras_tensor__", "config": config}

        return map_structure(value, x)

    def _ends(self, structure: Any) -> Any:
        def place(x: KerasTensor) -> list[Any]:
            name, number, index = self.places[id(x)]
            target = None if x.node is None else x.node.target
            return [name, number + _first_call(target), index]

        if isinstance(structure, KerasTensor):
            return place(structure)
        return map_structure(place, structure)


def _first_call(target: Any) -> int:
    """What number the first call of a target has among the ends of a model."""
    functional = getattr(target, "_is_functional", False)
    return 1 if functional else 0


def _split(
    entry: KerasOp, args: tuple, kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any], dict[str, Any]]:
    """The arguments of an op as Keras divides them: of its call, by name, and of its config."""
    bound = inspect.signature(entry.function).bind(*args, **kwargs)
    positional: list[Any] = []
    named: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    for name, parameter in bound.signature.parameters.items():
        if name not in bound.arguments:
            continue
        value = bound.arguments[name]
        if name in entry.settings:
            settings[name] = value
        elif parameter.kind is parameter.VAR_POSITIONAL:
            positional += value
        elif parameter.kind is parameter.VAR_KEYWORD:
            named.update(value)
        elif parameter.kind is parameter.KEYWORD_ONLY:
            named[name] = value
        else:
            positional.append(value)
    if entry.class_name == "GetItem":
        positional[1] = _written_key(positional[1])
    return tuple(positional), named, settings


def _written_key(key: Any) -> Any:
    """An index whose list, which JSON makes of a tuple, is still told from a list of numbers."""
    if isinstance(key, tuple) and all(isinstance(x, int) for x in key):
        return (*key, ...)
    return key


def _read_key(key: Any) -> Any:
    if isinstance(key, list) and not all(isinstance(x, int | list) for x in key):
        return tuple(key)
    return key


def rebuilt(config: dict[str, Any], custom_objects: Any = None) -> tuple[Any, Any]:
    """Returns the symbolic inputs and outputs of the graph that a config describes.

    Raises:
        ValueError: a call needs a tensor that no other call gives, or an unknown class.
    """
    with custom_object_scope(custom_objects or {}):
        return _rebuilt(config)


def _rebuilt(config: dict[str, Any]) -> tuple[Any, Any]:
    made: dict[tuple[str, int], list[Any]] = {}
    firsts: dict[str, int] = {}
    waiting: list[tuple[str, int, Any, Any]] = []
    is_old = any(isinstance(c, list) for entry in config["layers"] for c in entry["inbound_nodes"])
    for entry in config["layers"]:
        name = entry["name"]
        if entry["class_name"] == "InputLayer":
            made[name, 0] = [input_of(entry["config"])]
            continue
        target = _target(entry)
        firsts[name] = _first_call(target)
        if is_old and hasattr(target, "_chain"):  # Keras 2 counts a Sequential's from 1, too
            firsts[name] = 1
        for number, call in enumerate(entry["inbound_nodes"]):
            waiting.append((name, number, target, _call(call, firsts)))
    while waiting:
        ready = [call for call in waiting if _is_ready(call[3], made)]
        if not ready:
            raise ValueError(
                "Invalid Functional model configuration. The config's call of "
                f"{waiting[0][0]!r} needs a tensor that is missing."
            )
        for name, number, target, (args, kwargs) in ready:
            args, kwargs = _filled(args, made), _filled(kwargs, made)
            made[name, number] = flatten(target(*args, **kwargs))
        waiting = [call for call in waiting if not any(call is done for done in ready)]
    ends = {(name, number + firsts.get(name, 0)): found for (name, number), found in made.items()}
    return _tensors(config["input_layers"], ends), _tensors(config["output_layers"], ends)


def _target(entry: dict[str, Any]) -> Any:
    """What an entry calls: a layer, an Operation of the user's, or an op."""
    op = by_class(entry.get("module"), entry["class_name"])
    if op is not None:
        return _op_call(op, entry.get("config") or {})
    target = deserialize({k: v for k, v in entry.items() if k != "inbound_nodes"})
    if isinstance(target, Operation) or entry["class_name"] == "function":
        return target
    raise ValueError(
        "Unexpected object from deserialization, expected a layer or operation, got a "
        f"{type(target)}"
    )


def _op_call(op: KerasOp, config: dict[str, Any]) -> Any:
    settings = {key: _as_tuple(deserialize(config[key])) for key in op.settings if key in config}

    def call(*args: Any, **kwargs: Any) -> Any:
        if op.class_name == "GetItem" and len(args) == 2:
            args = (args[0], _read_key(args[1]))
        return op.function(*args, **settings, **kwargs)

    return call


def _as_tuple(x: Any) -> Any:
    return tuple(_as_tuple(value) for value in x) if isinstance(x, list) else x


def _call(call: Any, firsts: dict[str, int]) -> tuple[Any, Any]:
    """The arguments of a call; ValueError if no symbolic tensor is among them.

    A call of numbers alone would be computed when the file is read.
    """
    if isinstance(call, list):
        args, kwargs = _old_call(call, firsts)
    else:
        args, kwargs = call["args"], call["kwargs"]
    # Keras writes these for models inside the model, whose `call` here takes none.
    kwargs = {k: v for k, v in kwargs.items() if v is not None or k not in ("mask", "training")}
    if next(_tensors_in((args, kwargs)), None) is None:
        raise ValueError(
            "Invalid Functional model configuration. A call has no symbolic tensor among its "
            f"arguments: {str(call)[:200]}"
        )
    return args, kwargs


def _old_call(call: list[Any], firsts: dict[str, int]) -> tuple[list[Any], dict[str, Any]]:
    """A call as Keras 2 wrote it: a list of [name, number of the call, of the result, kwargs]."""
    tensors: list[Any] = []
    kwargs: dict[str, Any] = {}
    for entry in call:
        if not _is_old_call(entry):
            raise ValueError(f"A call of Keras 2's form has a malformed entry: {entry!r:.80}.")
        name, number, index, *rest = entry
        number -= firsts.get(name, 0)
        history = {"keras_history": [name, max(number, 0), index]}
        tensors.append({"class_name": "__keras_tensor__", "config": history})
        kwargs = rest[0] if rest else {}
    return [tensors[0] if len(tensors) == 1 else tensors], kwargs


def _is_old_call(entry: Any) -> bool:
    kinds = (str, int, int, dict)
    return isinstance(entry, list) and 3 <= len(entry) <= 4 and all(map(isinstance, entry, kinds))


def _tensors_in(x: Any) -> Iterator[Any]:
    if _history(x) is not None:
        yield x
    elif isinstance(x, dict | list | tuple):
        for value in x.values() if isinstance(x, dict) else x:
            yield from _tensors_in(value)


def input_config(x: KerasTensor, name: str) -> dict[str, Any]:
    """Returns the config of the InputLayer of a symbolic input that is called `name`."""
    return {
        "batch_shape": tuple(x.shape),
        "dtype": x.dtype,
        "sparse": x.sparse,
        "ragged": x.ragged,
        "name": name,
        "optional": x.optional,
    }


def input_of(config: dict[str, Any]) -> KerasTensor:
    """Returns the symbolic input that the config of an InputLayer describes."""
    if not isinstance(config, dict):
        raise ValueError(f"An InputLayer has no config, but {config!r:.80}.")
    shape = config.get("batch_shape", config.get("batch_input_shape"))
    if shape is None and config.get("shape") is not None:
        shape = [config.get("batch_size"), *config["shape"]]
    return Input(
        batch_shape=shape,
        dtype=config.get("dtype"),
        sparse=config.get("sparse"),
        ragged=config.get("ragged"),
        name=config.get("name"),
        optional=bool(config.get("optional")),
    )


def _history(x: Any) -> Any:
    if isinstance(x, dict) and x.get("class_name") == "__keras_tensor__":
        return x["config"]["keras_history"]
    return None


def _is_ready(x: Any, made: dict[tuple[str, int], list[Any]]) -> bool:
    history = _history(x)
    if history is not None:
        return (history[0], history[1]) in made
    values = x.values() if isinstance(x, dict) else x if isinstance(x, list | tuple) else ()
    return all(_is_ready(value, made) for value in values)


def _filled(x: Any, made: dict[tuple[str, int], list[Any]]) -> Any:
    history = _history(x)
    if history is not None:
        return made[history[0], history[1]][history[2]]
    if isinstance(x, dict) and "class_name" not in x:
        return {key: _filled(value, made) for key, value in x.items()}
    if isinstance(x, list | tuple):
        return type(x)(_filled(value, made) for value in x)
    return deserialize(x)


def _tensors(x: Any, made: dict[tuple[str, int], list[Any]]) -> Any:
    if isinstance(x, dict):
        return {key: _tensors(value, made) for key, value in x.items()}
    if len(x) == 3 and isinstance(x[0], str):
        return made[x[0], x[1]][x[2]]
    return [_tensors(value, made) for value in x]
