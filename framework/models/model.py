"""Model: a layer that stands by itself and predicts."""

import inspect
from typing import TYPE_CHECKING, Any

from .. import dtype_policies
from ..configs import custom_object_scope, deserialize, plain_class
from ..context import entered
from ..core.function import OfGraph
from ..core.graph import Graph
from ..core.layer import Layer
from ..core.matching import match, with_shapes
from ..core.naming import snake_case
from ..core.operation import Computed
from ..dtypes import is_float
from ..nested import flatten, map_structure
from ..quantization.models import QuantizableModel
from ..saving.methods import Saving
from ..training.state_tree import assign_state_tree, state_tree
from ..training.trainer import Trainer
from .program import Program


class Model(  # pyright: ignore[reportIncompatibleMethodOverride]
    Saving, Trainer, QuantizableModel, OfGraph, Layer
):
    """A layer that stands by itself.

    Either subclass it, with layers made in `__init__` and used in `call`, or describe it by
    symbolic tensors: `Model(inputs, outputs)`, or `super().__init__(inputs=..., outputs=...)` in a
    subclass. Layers between the tensors become parts of the model: under the attribute that holds
    them, else under their given name, else under their class's name with a number.

    Args:
        inputs: symbolic tensors, nested in any way.
        outputs: symbolic tensors that follow from the inputs.
        name: its name; made from the class's name if None.
        **kwargs: see Layer.

    Raises:
        ValueError: outputs that do not follow from the inputs, or two layers of one name.
    """

    _graph: Graph | None = None
    _notes_call = True

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        given = {*("inputs", "outputs")[: len(args)], *kwargs}
        if cls is Model and {"inputs", "outputs"} <= given:
            from .functional import Functional

            return Layer.__new__(Functional, *args, **kwargs)
        return Layer.__new__(cls, *args, **kwargs)

    def __init__(
        self, inputs: Any = None, outputs: Any = None, name: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        if (inputs is None) != (outputs is None):
            raise ValueError(
                f"{type(self).__name__}: give both `inputs` and `outputs`, or neither."
            )
        if inputs is not None:
            self._set_graph(Graph(inputs, outputs, type(self).__name__))

    # The graph --------------------------------------------------------------------------------

    @property
    def _is_functional(self) -> bool:
        """Whether the model was made of symbolic inputs and outputs."""
        return self._graph is not None and not hasattr(self, "_chain")

    def _set_graph(self, graph: Graph) -> None:
        self._graph = graph
        self._adopt_layers([x for x in graph.operations if isinstance(x, Layer)])
        self.built = True

    def _adopt_layers(self, layers: list[Layer]) -> None:
        """Make layers parts of the model, each under a name of its own in this model."""
        held = {id(part) for _, part in self.tracked_parts()}
        given = [layer.name for layer in layers if layer._name_is_given]
        twice = sorted({name for name in given if given.count(name) > 1})
        if twice:
            raise ValueError(
                f"The name {twice[0]!r} is used {given.count(twice[0])} times in the model "
                f"{self.name!r}; all layer names must be unique."
            )
        taken = {*given, *self._tracked}
        for layer in layers:
            if id(layer) in held:
                continue
            name = layer.name if layer._name_is_given else _free_name(layer, taken)
            taken.add(name)
            self.register(name, layer)

    def _set_attribute(self, name: str, value: Any) -> None:
        # A layer of the graph that gets an attribute is called by that from now on.
        if isinstance(value, Layer) and self._graph is not None and name not in self._tracked:
            old = next((n for n, item in self._tracked.items() if item is value), None)
            if old is not None and old not in vars(self):
                self._rename_part(old, name)
                object.__setattr__(self, name, value)
                return
        super()._set_attribute(name, value)

    def _rename_part(self, old: str, name: str) -> None:
        items = [(name if key == old else key, item) for key, item in self._tracked.items()]
        for key in self._tracked:
            self._native_part(key, None)
        self._tracked.clear()
        self._tracked.update(items)
        for key, item in items:  # all anew, so that the framework has them in the same order
            self._native_part(key, item)
        self.touch()

    @Computed
    def input(self) -> Any:
        """The symbolic inputs, in the structure in which they were given."""
        return self._required_graph("input").inputs_structure

    @Computed
    def output(self) -> Any:
        """The symbolic outputs, in the structure in which they were given."""
        return self._required_graph("output").outputs_structure

    @Computed
    def input_shape(self) -> Any:
        """The shapes of the symbolic inputs in a list, or the one shape of the one input."""
        self._required_graph("input_shape")
        return _shapes(self.inputs)

    @Computed
    def output_shape(self) -> Any:
        """The shapes of the symbolic outputs in a list, or the one shape of the one output."""
        self._required_graph("output_shape")
        return _shapes(self.outputs)

    def call(  # pyright: ignore[reportRedeclaration]
        self, inputs: Any, **context: Any
    ) -> Any:
        """Computes the graph on tensors given in the structure of the symbolic inputs.

        Of outputs that are a list of one tensor the tensor itself is returned, as in Keras.

        Args:
            inputs: the tensors.
            **context: `training` and `mask`, where a subclass hands them on. `training` holds for
                the layers inside; masks are found by the tensors that they belong to.
        """
        if context:
            return within_context(Model.call, self, inputs, **context)
        if self._graph is None:
            return super().call(inputs)  # which raises
        found = self._program().run(match(self._graph, inputs, self.name, any_rows=True))
        return found[0] if _is_single(self._graph.outputs_structure) else found

    if TYPE_CHECKING:  # subclasses take what they like
        call: Any

    def _program(self) -> Program:
        found = self._cache.get("program")
        if found is None:
            found = self._cache["program"] = Program(self._required_graph("call"))
        return found

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Returns the shapes and dtypes of the outputs for symbolic inputs."""
        own = type(self).call is not Model.call
        if not own and len(args) == 1 and not kwargs:
            found = self._spec_of_graph(args[0])
            if found is not None:
                return found
        found = super().compute_output_spec(*args, **kwargs)
        if not own and self._graph is not None and _is_single(self._graph.outputs_structure):
            return type(self._graph.outputs_structure)([found])
        return found

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """Returns the shapes of the outputs for inputs of the shapes given."""
        if self._graph is not None and len(args) == 1 and not kwargs:
            symbols = with_shapes(self._graph, args[0], self.name)
            return map_structure(lambda x: x.shape, self.compute_output_spec(symbols))
        return super().compute_output_shape(*args, **kwargs)

    # Configs ----------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """Returns the graph as plain values: its layers by name, and their calls.

        A subclass with a constructor of its own is described by its arguments instead.

        Raises:
            NotImplementedError: a layer, or an argument, that has no config.
        """
        if self._graph is not None and takes_graph(type(self)):
            from .graph_config import described

            found = {"name": self.name, "trainable": self.trainable, **described(self)}
            # Keras writes no dtype of such a model, and would not take one.
            if self.dtype_policy != dtype_policies.get(_dtype_of(self._graph.inputs_structure)):
                found["dtype"] = dtype_policies.serialize(self.dtype_policy)
            return found
        return super().get_config()

    get_config._is_default = True  # pyright: ignore[reportFunctionMemberAccess]

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Makes a model from what `get_config` gives.

        Args:
            config: the arguments, or the graph.
            custom_objects: classes and functions that it may name, too.
        """
        if not (_OF_A_GRAPH <= config.keys() and takes_graph(cls)):
            with custom_object_scope(custom_objects):
                return super().from_config(config)
        from .graph_config import rebuilt

        inputs, outputs = rebuilt(config, custom_objects)
        left = {k: v for k, v in config.items() if k not in (*_OF_A_GRAPH, "dtype")}
        rest = {k: deserialize(v) for k, v in left.items()}
        rest["dtype"] = dtype_policies.get(config.get("dtype") or _dtype_of(inputs))
        return cls(inputs, outputs, **rest)

    # Parts ------------------------------------------------------------------------------------

    @property
    def layers(self) -> list[Layer]:
        """The layers directly inside the model.

        Those of a graph come in Keras's order: an `InputLayer` for each input among them, and the
        layers farthest from the outputs first.
        """
        if self._graph is None:
            return self.sublayers()
        from .structure import steps

        found = [node.target for node in steps(self._graph) if isinstance(node.target, Layer)]
        return list({id(layer): layer for layer in (*found, *self.sublayers())}.values())

    @layers.setter
    def layers(self, value: Any) -> None:
        """Refuses the name for an attribute of a subclass. AttributeError always."""
        raise AttributeError(
            "`Model.layers` attribute is reserved and should not be used. Please use another name."
        )

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> list[Layer]:
        # As `layers` is: with InputLayers.
        found: dict[int, Layer] = {id(self): self} if include_self else {}
        for layer in self.layers:
            inner = layer._flatten_layers() if recursive else [layer]
            found.update((id(x), x) for x in inner)
        return list(found.values())

    @Computed
    def output_names(self) -> list[str]:
        """The name of what gives each output: a layer, an op or an input. Of a graph alone."""
        from .structure import output_names

        return output_names(self._required_graph("output_names"))

    def get_state_tree(self, value_format: str = "backend_tensor") -> dict[str, Any]:
        """Returns the values of all variables in nested dicts.

        Args:
            value_format: "backend_tensor" for native tensors, "numpy_array" for arrays, "variable"
                for the variables themselves, which may have no values yet.

        Returns:
            A dict with "trainable_variables", "non_trainable_variables" (both by the names that
            lead to them), "optimizer_variables" (by the optimizer's name) and "metrics_variables"
            (by the metrics' names).

        Raises:
            ValueError: another format, or two variables of one path.
        """
        return state_tree(self, value_format)

    def set_state_tree(self, state_tree: dict[str, Any]) -> None:
        """Sets the variables that nested dicts in the form of `get_state_tree` name.

        Raises:
            ValueError: a path that leads to no variable, or a value of another shape.
        """
        assign_state_tree(self, state_tree)

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Returns the layer called `name`, or the one at `index`.

        Raises:
            ValueError: there is none; the error names those there are.
        """
        found = self.layers
        if index is not None and name is not None:
            raise ValueError(
                f"Provide only a layer name or a layer index. Received: index={index}, name={name}."
            )
        if index is not None:
            if not -len(found) <= index < len(found):
                raise ValueError(
                    f"Was asked to retrieve layer at index {index}, but the model {self.name!r} "
                    f"only has {len(found)} layers."
                )
            return found[index]
        if name is None:
            raise ValueError("Provide either a layer name or layer index at `get_layer`.")
        for path, layer in [*((x.name, x) for x in found), *self.named_sublayers()]:
            if name == path:
                return layer
        raise ValueError(f"No such layer: {name}. Existing layers are: {[x.name for x in found]}.")

    def summary(
        self,
        line_length: int | None = None,
        positions: list[float] | None = None,
        print_fn: Any = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
    ) -> None:
        """Prints a table of the layers, their output shapes and their numbers of parameters.

        Args:
            line_length: characters in a line; what the terminal has, at most 88 (108 with the
                column of connections), if None.
            positions: where each column ends, in shares of a line.
            print_fn: takes the text in the place of standard output.
            expand_nested: whether the layers of models inside follow them.
            show_trainable: whether a column tells what training changes.
            layer_range: (name or pattern of the first layer, of the last); all if None.

        Raises:
            ValueError: too short a line, positions that do not fit, or a range without layers.
        """
        from .summary import print_summary

        print_summary(
            self, line_length, positions, print_fn, expand_nested, show_trainable, layer_range
        )

    def export(
        self,
        filepath: Any,
        format: str = "tf_saved_model",
        verbose: bool | None = None,
        input_signature: Any = None,
        **kwargs: Any,
    ) -> None:
        """Writes the model for programs that run it without this package.

        See `isozoo.framework.exporting.export_model` for the formats, arguments and errors.
        """
        from ..exporting import export_model

        export_model(self, filepath, format, verbose, input_signature, **kwargs)

    def build(self, input_shape: Any) -> None:
        """Makes the weights of all layers inside for inputs of `input_shape`, nested or not.

        The call is traced for it, and nothing is computed. A subclass whose `call` takes several
        tensors builds its layers itself.
        """
        if self._graph is None:
            self._build_by_trace(lambda: self.compute_output_shape(input_shape))


def within_context(
    call: Any, model: Any, inputs: Any, training: bool | None = None, mask: Any = None
) -> Any:
    """Returns `call(model, inputs)` of a class above, in the mode that a subclass hands on."""
    if training is None:
        return call(model, inputs)
    with entered(training=bool(training)):
        return call(model, inputs)


def _shapes(tensors: list[Any]) -> Any:
    shapes = [x.shape for x in tensors]
    return shapes[0] if len(shapes) == 1 else shapes


def _is_single(outputs: Any) -> bool:
    return type(outputs) in (list, tuple) and len(outputs) == 1


def _dtype_of(inputs: Any) -> str | None:
    """The dtype that a model of a graph has where nothing says it: that of its float inputs."""
    floats = {x.dtype for x in flatten(inputs) if is_float(x.dtype)}
    return floats.pop() if len(floats) == 1 else None


def takes_graph(cls: type) -> bool:
    """Returns whether a class of models is made as `cls(inputs, outputs, name=...)`."""
    parameters = inspect.signature(plain_class(cls).__init__).parameters.values()
    kinds = {p.kind for p in parameters}
    if {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD} <= kinds:
        return True
    return [p.name for p in parameters][1:4] == ["inputs", "outputs", "name"]


_OF_A_GRAPH = {"layers", "input_layers", "output_layers"}
Model._config_base = Model
Model.build._is_default = True  # pyright: ignore[reportFunctionMemberAccess]


def _free_name(layer: Layer, taken: set[str]) -> str:
    base = snake_case(plain_class(type(layer)).__name__)
    name, number = base, 0
    while name in taken:
        number += 1
        name = f"{base}_{number}"
    return name
