"""Models that are one layer behind another."""

from typing import Any

from ..configs import deserialize, serialize_object
from ..core.graph import Graph
from ..core.keras_tensor import Input, KerasTensor
from ..core.layer import Layer
from ..core.matching import match
from ..core.operation import Computed
from ..layers.core.input_layer import InputLayer, input_layer_of
from .graph_config import input_config, input_of
from .model import Model, _free_name, within_context

# What a config says of the model itself.
_OWN = ("name", "trainable", "dtype")


class Sequential(Model):
    """Layers called one after the other. An `Input` at the head builds them at once.

    Args:
        layers: the layers, and perhaps an `Input` before them.
        trainable: whether training changes its weights.
        name: its name; made up if None.
        **kwargs: see Layer.
    """

    # They are registered under names of their own.
    _untracked = Model._untracked | {"_chain"}
    # Whether the sizes of inputs were stated, and not just those of the first batch.
    _sizes_are_given = True

    def __init__(
        self, layers: Any = None, trainable: bool = True, name: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(name=name, trainable=trainable, **kwargs)
        self._chain: list[Layer] = []
        self._start: KerasTensor | None = None
        for layer in layers or ():
            self.add(layer)

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Appends a layer, or sets the `Input` of an empty model.

        Raises:
            ValueError: an Input that does not come first, or a second layer of one name.
        """
        if isinstance(layer, InputLayer):
            layer = layer.output
        if isinstance(layer, KerasTensor):
            if self._chain or self._start is not None:
                raise ValueError("Sequential: an Input must be the first thing added.")
            self._start = layer
            return
        if not isinstance(layer, Layer):
            raise ValueError(
                "Only instances of `Layer` can be added to a Sequential model. "
                f"Received: {layer} (of type {type(layer)})"
            )
        named = {x.name for x in self._chain if x._name_is_given}
        if layer._name_is_given and layer.name in named:
            raise ValueError(
                f"Sequential: there is a layer {layer.name!r} already; names must differ."
            )
        if layer._name_is_given:
            name = layer.name
        else:
            name = _free_name(layer, {*self._tracked, *named})
        self._chain.append(layer)
        self.register(name, layer)
        if self._start is None and layer._input_shape_arg is not None and len(self._chain) == 1:
            self._start = Input(batch_shape=layer._input_shape_arg, dtype=self.compute_dtype)
        if self._start is not None:
            x = self._start if self._graph is None else self._graph.outputs_structure
            self._graph = Graph(self._start, layer(x))
            self.built = True
        else:
            self.built = False

    def pop(self, rebuild: bool = True) -> Layer:
        """Removes the last layer, and returns it; after all others, the one of the Input.

        Raises IndexError if there is none.
        """
        if not self._chain and self._start is not None:
            start, self._start = self._start, None
            return input_layer_of(start)
        if not self._chain:
            raise IndexError(f"Sequential {self.name!r}: there is no layer to remove.")
        layer = self._chain.pop()
        self._forget(next(name for name, item in self._tracked.items() if item is layer))
        self._graph = None
        if self._start is not None and self._chain:
            self._symbolic(self._start)
        return layer

    def _symbolic(self, start: Any) -> None:
        x = start
        for layer in self._chain:
            x = layer(x)
        self._start = start
        self._graph = Graph(start, x)

    @property
    def layers(self) -> list[Layer]:
        """The layers, in their order."""
        return list(self._chain)

    @layers.setter
    def layers(self, value: Any) -> None:
        """Refuses other layers at once. AttributeError always."""
        raise AttributeError(
            "`Sequential.layers` attribute is reserved and should not be used. Please use `add()` "
            "and `pop()` to change the layers in this model."
        )

    @Computed
    def output_names(self) -> list[str]:
        """A Sequential model has none, as in Keras: its loss and metrics need none."""
        raise AttributeError(f"{self.name!r} has no output_names: it has one output.")

    def build(self, input_shape: Any = None) -> None:
        """Builds each layer for the shape that the one before it gives.

        Layers that take several tensors get theirs in the first call. ValueError without layers.
        """
        if not self._chain and self._start is None:
            raise ValueError(
                f"Sequential model {self.name} cannot be built because it has no layers. Call "
                "`model.add(layer)`."
            )
        if self._graph is None and self._chain and _is_shape(input_shape):
            self._symbolic(Input(batch_shape=input_shape, dtype=self.compute_dtype))
            vars(self)["_sizes_are_given"] = False

    def parts_are_built(self) -> bool:
        """Tells whether there are layers, and all have their weights."""
        return bool(self._chain) and all(layer.built for layer in self._chain)

    def call(self, inputs: Any, **context: Any) -> Any:
        """Calls the layers, one after the other. See `Model.call` for `context`."""
        if context:
            return within_context(Sequential.call, self, inputs, **context)
        graph = self._graph if self._sizes_are_given else None
        if graph is not None and not isinstance(inputs, KerasTensor):
            (inputs,) = match(graph, inputs, self.name, any_rows=True)
        for layer in self._chain:
            inputs = layer(inputs)
        return inputs

    def _result_shape(self, inputs: Any) -> tuple[int | None, ...] | None:
        for layer in self._chain:
            if not layer.built or not isinstance(inputs, KerasTensor):
                return None
            try:
                layer._check_inputs((inputs,), {})
            except ValueError:
                return None
            inputs = layer._spec_by_rule((inputs,), {})
        fits = isinstance(inputs, KerasTensor) and inputs.dtype == self.compute_dtype
        return inputs.shape if fits else None

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Returns the shapes and dtypes of the outputs for symbolic inputs."""
        return Layer.compute_output_spec(self, *args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """Returns the layers' configs in order, with the input's shape at their head."""
        layers = []
        if self._start is not None:
            layers.append(
                {
                    "module": "keras.layers",
                    "class_name": "InputLayer",
                    "config": input_config(self._start, self._start.name),
                    "registered_name": None,
                }
            )
        names = {id(item): name for name, item in self._tracked.items()}
        for layer in self._chain:
            made = serialize_object(layer)
            made["config"] = {**made["config"], "name": names[id(layer)]}
            layers.append(made)
        made = {**Layer.get_config(self), "layers": layers}
        if self._start is not None:
            made["build_input_shape"] = tuple(self._start.shape)
        return made

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Makes a model from what `get_config` gives.

        Args:
            config: the layers, and settings of the model.
            custom_objects: classes and functions that it may name, too.

        Raises:
            ValueError: no name, or a layer without a config.
        """
        if "name" not in config or not isinstance(config.get("layers"), list):
            raise ValueError(
                "A Sequential model configuration must be a dictionary containing the 'name' and "
                f"'layers' keys. Received: config={config}"
            )
        made = cls(**{name: deserialize(config[name]) for name in _OWN if name in config})
        for entry in config["layers"]:
            if not isinstance(entry, dict) or "config" not in entry:
                raise ValueError(
                    "Unable to revive a layer of a Sequential model. Expected a dictionary "
                    f"containing a 'config' key. Received: {entry!r}"
                )
            if entry.get("class_name") == "InputLayer":
                made.add(input_of(entry["config"]))
            else:
                made.add(deserialize(entry, custom_objects))
        if made._start is None and config.get("build_input_shape"):
            made.build(config["build_input_shape"])
        return made


def _is_shape(x: Any) -> bool:
    """Whether `x` is the shape of one tensor, and not a structure of several."""
    return isinstance(x, list | tuple) and all(n is None or isinstance(n, int) for n in x)
