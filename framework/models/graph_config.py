"""The config of a model of symbolic tensors, in Keras's form: layers, their calls, inputs, outputs.

A tensor in the arguments of a call is `{"class_name": "__keras_tensor__", "config": {"shape",
"dtype", "keras_history": [name of the operation, number of its call, number of the result]}}`.
"""

from typing import Any

from ..configs import custom_object_scope, deserialize, serialize, serialize_object
from ..core.graph import Node
from ..core.keras_tensor import Input, KerasTensor
from ..core.layer import Layer
from ..core.naming import snake_case
from ..core.operation import Operation
from ..nested import flatten, map_structure


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
            "input_layers": self._places(self.graph.inputs_structure),
            "output_layers": self._places(self.graph.outputs_structure),
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
        config = {
            "batch_shape": list(x.shape),
            "dtype": x.dtype,
            "sparse": x.sparse,
            "ragged": x.ragged,
            "name": name,
            "optional": x.optional,
        }
        return {
            "module": "keras.layers",
            "class_name": "InputLayer",
            "config": config,
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
        made = serialize_object(target) if isinstance(target, Operation) else serialize(target)
        if isinstance(target, Layer):
            made["config"] = {**made["config"], "name": name}
        inbound = [
            {"args": self._values(node.args), "kwargs": self._values(node.kwargs)} for node in nodes
        ]
        return {**made, "name": name, "inbound_nodes": inbound}

    def _values(self, x: Any) -> Any:
        def value(leaf: Any) -> Any:
            if not isinstance(leaf, KerasTensor):
                return serialize(leaf)
            config = {
                "shape": list(leaf.shape),
                "dtype": leaf.dtype,
                "keras_history": self.places[id(leaf)],
            }
            return {"class_name": "__keras_tensor__", "config": config}

        return map_structure(value, x)

    def _places(self, structure: Any) -> Any:
        if isinstance(structure, KerasTensor):
            return self.places[id(structure)]
        return map_structure(lambda x: self.places[id(x)], structure)


def rebuilt(config: dict[str, Any], custom_objects: Any = None) -> tuple[Any, Any]:
    """Returns the symbolic inputs and outputs of the graph that a config describes.

    Raises:
        ValueError: a call needs a tensor that no other call gives, or an unknown class.
    """
    with custom_object_scope(custom_objects or {}):
        return _rebuilt(config)


def _rebuilt(config: dict[str, Any]) -> tuple[Any, Any]:
    made: dict[tuple[str, int], list[Any]] = {}
    waiting: list[tuple[str, int, Any, dict[str, Any]]] = []
    for entry in config["layers"]:
        name = entry["name"]
        if entry["class_name"] == "InputLayer":
            made[name, 0] = [_input(entry["config"])]
            continue
        target = deserialize({k: v for k, v in entry.items() if k not in ("inbound_nodes",)})
        for number, call in enumerate(entry["inbound_nodes"]):
            waiting.append((name, number, target, call))
    while waiting:
        ready = [call for call in waiting if _is_ready(call[3], made)]
        if not ready:
            raise ValueError(
                f"The config's call of {waiting[0][0]!r} needs a tensor that is missing."
            )
        for name, number, target, call in ready:
            args, kwargs = _filled(call["args"], made), _filled(call["kwargs"], made)
            made[name, number] = flatten(target(*args, **kwargs))
        waiting = [call for call in waiting if not any(call is done for done in ready)]
    return _tensors(config["input_layers"], made), _tensors(config["output_layers"], made)


def _input(config: dict[str, Any]) -> KerasTensor:
    return Input(
        batch_shape=config["batch_shape"],
        dtype=config.get("dtype"),
        sparse=config.get("sparse"),
        ragged=config.get("ragged"),
        name=config["name"],
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
