"""Layer: weights, other layers, and a computation with them."""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

from .. import dtypes, initializers
from ..backends import registry
from ..backends.registry import TENSORS, Kind, classify, state
from . import symbolic, tracebacks
from .operation import Operation
from .scopes import StatelessScope
from .tracking import LayerMeta, is_view, tracked_view
from .variable import SeedState, Variable

_HERE = nullcontext()


class Layer(Operation, metaclass=LayerMeta):
    """Base of all layers. Subclasses make weights in `build` and compute in `call`.

    A layer belongs to the backend that is current when it is created, for life. On torch it is a
    `torch.nn.Module` too.

    Args:
        trainable: whether training changes its weights.
        dtype: dtype of its weights and of the floats that reach `call`; if None, that of the layer
            in whose `__init__` or `build` it is made, else the default float.
        name: its name; made from the class's name if None.
        input_shape: shape of the inputs without the batch axis; builds the layer at once.
        input_dim: the last size of the inputs; the same as `input_shape=(input_dim,)`.
    """

    built: bool
    _backend: Any
    _token: Any
    _tracked: dict[str, Any]
    _arguments: tuple[tuple[Any, ...], dict[str, Any]]

    def __init__(self, *, trainable=True, dtype=None, name=None, input_shape=None, input_dim=None):
        Operation.__init__(self, name)
        self._trainable = trainable
        self._set_dtype(dtypes.standardize(dtype or state.dtype))
        if input_dim is not None:
            input_shape = (input_dim,)
        self._input_shape_arg = None if input_shape is None else (None, *input_shape)

    @classmethod
    def _class_for(cls, args, kwargs) -> type:
        """The class to create for these arguments; a model may choose another."""
        return cls

    def _set_dtype(self, dtype: str) -> None:
        self.dtype = dtype
        # Layers of one backend and dtype call each other without conversions.
        self._token = (self._backend.name, dtype)

    @property
    def backend(self) -> str:
        """The name of the backend that the layer lives on."""
        return self._backend.name

    # Weights ----------------------------------------------------------------------------------

    def build(self, input_shape) -> None:
        """Make the weights for inputs of `input_shape` (None where unknown)."""

    def call(self, *args, **kwargs):
        """The computation, on native tensors."""
        raise NotImplementedError(f"{type(self).__name__} must define `call`.")

    def add_weight(
        self,
        shape=(),
        initializer="glorot_uniform",
        dtype=None,
        trainable=True,
        name=None,
        layout=None,
    ) -> Variable:
        """A new variable, to be set as an attribute; the attribute's name is its name in files.

        `initializer` is a name, an Initializer, or a callable `(shape, dtype) -> array`.
        """
        initializer = initializers.get(initializer)
        before = self._backend.activate()
        try:
            return Variable(
                initializer,
                shape,
                dtype or self.dtype,
                trainable=trainable and self._trainable,
                name=name or "",
                layout=layout,
            )
        finally:
            state.backend = before

    def named_variables(self, prefix: str = "") -> Iterator[tuple[str, Variable]]:
        """Pairs (path, variable) of all weights; a path is made of attribute names."""
        seen: set[int] = set()
        yield from self._walk(prefix, seen)

    def _walk(self, prefix: str, seen: set[int]) -> Iterator[tuple[str, Variable]]:
        if id(self) in seen:
            return
        seen.add(id(self))
        yield from _walk_items(self._tracked, prefix, seen)

    @property
    def variables(self) -> list[Variable]:
        """All variables of the layer and of the layers in it, seeds included."""
        return [variable for _, variable in self.named_variables()]

    @property
    def weights(self) -> list[Variable]:
        """All variables but the states of seed generators."""
        return [v for v in self.variables if not isinstance(v, SeedState)]

    @property
    def trainable_variables(self) -> list[Variable]:
        """The weights that training changes."""
        return [v for v in self.variables if v.trainable]

    trainable_weights = trainable_variables

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The weights that training leaves alone."""
        return [v for v in self.variables if not v.trainable]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training leaves alone."""
        return [v for v in self.weights if not v.trainable]

    def weights_by_path(self) -> dict[str, Variable]:
        """All weights by path; each variable's `path` is set on the way."""
        found = {p: v for p, v in self.named_variables() if not isinstance(v, SeedState)}
        for path, variable in found.items():
            variable.path = path
        return found

    def count_params(self) -> int:
        """The number of elements of all weights."""
        total = 0
        for variable in self.weights:
            size = 1
            for n in variable.shape:
                size *= n
            total += size
        return total

    def get_weights(self) -> list:
        """The weights as NumPy arrays."""
        return [variable.numpy() for variable in self.weights]

    def set_weights(self, weights) -> None:
        """Assign NumPy arrays in the order of `get_weights`."""
        variables = self.weights
        if len(weights) != len(variables):
            raise ValueError(f"{self.name} has {len(variables)} weights; got {len(weights)}.")
        for variable, value in zip(variables, weights, strict=True):
            variable.assign(value)

    @property
    def trainable(self) -> bool:
        """Whether training changes the layer's weights."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for variable in _own(self._tracked, Variable):
            variable.trainable = bool(value)
        for layer in self.sublayers():
            layer.trainable = bool(value)

    def sublayers(self) -> list["Layer"]:
        """The layers directly inside this one."""
        return list(_own(self._tracked, Layer))

    def named_sublayers(self) -> Iterator[tuple[str, "Layer"]]:
        """Pairs (path from here, layer) of the layers directly inside this one."""
        yield from _named_layers(self._tracked, "")

    # Calls ------------------------------------------------------------------------------------

    def __call__(self, *args, **kwargs):
        return self._invoke(*args, **kwargs)

    def _invoke(self, *args, **kwargs):
        # Inside another layer of the same backend and dtype everything is native already.
        if state.inside == self._token and self.built and "training" not in kwargs:
            return self.call(*args, **kwargs)
        return self._enter(args, kwargs)

    def _enter(self, args, kwargs):
        """A call from outside: convert the inputs, build, and compute on the layer's backend."""
        # The usual case, one native tensor, needs no search through nested inputs.
        single = not kwargs and len(args) == 1 and TENSORS.get(type(args[0])) is self._backend
        symbols = not single and symbolic.among((args, kwargs))
        outer = state.inside, state.training, self._backend.activate()
        try:
            # A tap sees every call, so calls from inside must not take the short way either.
            state.inside = self._token if state.tap is None else None
            if "training" in kwargs:
                state.training = kwargs["training"]
                if not self._takes_training:
                    kwargs = {key: value for key, value in kwargs.items() if key != "training"}
            elif outer[1] is None:
                state.training = bool(getattr(self, "training", False))
            if symbols:
                return self._call_symbolic(args, kwargs)
            with self._backend.placement(self) or _HERE:
                if single:
                    args = (self._native_input(args[0]),)
                else:
                    args = symbolic.map_structure(self._native_input, args)
                    kwargs = symbolic.map_structure(self._native_input, kwargs)
                if not self.built:
                    self._build_for(args, kwargs)
                outputs = self.call(*args, **kwargs)
            if state.tap is not None:
                state.tap(self, outputs)
            return outputs
        except Exception as error:
            if outer[0] is None:
                tracebacks.trim(error)
            raise
        finally:
            state.inside, state.training, state.backend = outer

    def _native_input(self, x):
        """A NumPy array or tensor as a native tensor, floats in the layer's dtype."""
        backend = self._backend
        kind = TENSORS.get(type(x)) or classify(type(x))
        if kind is registry.HOST:
            x = backend.asarray(x)
        elif kind is registry.BOX:
            x = x.value
        elif isinstance(kind, Kind):
            return x
        elif kind is not backend:
            from ..ops.dispatch import BackendMismatchError

            raise BackendMismatchError(
                f"The layer {self.name!r} lives on {backend.name} and got a tensor of the "
                f"{kind.name} backend. Pass a NumPy array, or move the layer: "
                f'layer.to_backend("{kind.name}").'
            )
        name = backend.dtype(x)
        return backend.cast(x, self.dtype) if name != self.dtype and dtypes.is_float(name) else x

    def _build_for(self, args, kwargs) -> None:
        shapes = symbolic.map_structure(
            self._shape_of, args[0] if args else next(iter(kwargs.values()), None)
        )
        self.build(shapes)
        self.built = True

    def _shape_of(self, x):
        if isinstance(x, symbolic.KerasTensor):
            return x.shape
        if isinstance(classify(type(x)), Kind):
            return None if x is None else tuple(getattr(x, "shape", ()))
        return self._backend.static_shape(x)

    def _call_symbolic(self, args, kwargs):
        if not self.built:
            self._build_for(args, kwargs)
        return symbolic.link(self, args, kwargs, self.compute_output_spec(*args, **kwargs))

    def compute_output_spec(self, *args, **kwargs):
        """The shapes and dtypes that `call` gives for symbolic tensors; builds the layer."""
        before = self._backend.activate()
        try:
            if not self.built:
                self._build_for(args, kwargs)
            return symbolic.infer(self._backend, self.call, args, kwargs)
        finally:
            state.backend = before

    def resolve_training(self, training: bool | None) -> bool:
        """The argument if it was given, else what the call that is under way says."""
        return bool(state.training) if training is None else training

    # Native forms -----------------------------------------------------------------------------

    def state_values(self) -> tuple[list[Any], list[Any]]:
        """Native tensors of the trainable and of the other weights."""
        variables = self.variables
        return (
            [v.value for v in variables if v.trainable],
            [v.value for v in variables if not v.trainable],
        )

    def stateless_call(self, trainable_variables, non_trainable_variables, *args, **kwargs):
        """The call as a pure function of its weights.

        Takes native tensors in the order of `trainable_variables` and `non_trainable_variables`;
        gives the outputs and the new values of the latter. The layer itself stays as it was.
        """
        return self.stateless_method(
            self, trainable_variables, non_trainable_variables, args, kwargs
        )

    def to_backend(self, name: str, dtype: str | None = None) -> Any:
        """The same layer with the same weights on another backend; this one stays as it is.

        With `dtype`, weights and computation that are in the layer's own dtype change to it.
        """
        from .transfer import transfer

        return transfer(self, registry.get(name), dtype)

    def stateless_method(self, method, trainable, others, args, kwargs):
        """A method of the layer as a pure function of its weights, like `stateless_call`."""
        variables = self.variables
        mine = [v for v in variables if v.trainable], [v for v in variables if not v.trainable]
        for kind, have, got in zip(
            ("trainable", "non-trainable"), mine, (trainable, others), strict=True
        ):
            if len(have) != len(got):
                raise ValueError(f"{self.name} has {len(have)} {kind} variables; got {len(got)}.")
        pairs = [*zip(mine[0], trainable, strict=True), *zip(mine[1], others, strict=True)]
        with StatelessScope(pairs) as scope:
            outputs = method(*args, **kwargs)
        return outputs, [scope.get_current_value(v) for v in mine[1]]

    def first_weight(self) -> Any:
        """The native tensor of the first weight that is found, or None."""
        found = self.__dict__.get("_compiled_first")
        if found is None:
            found = next((v for _, v in self.named_variables() if v.initialized), None)
            if found is not None:
                vars(self)["_compiled_first"] = found
        return None if found is None else found.box

    def run_inside(self, method, args, kwargs):
        """A method on native tensors, as if inside of a call that infers."""
        outer = state.inside, state.training, self._backend.activate()
        try:
            state.inside = self._token if state.tap is None else None
            state.training = False
            with self._backend.placement(self) or _HERE:
                return method(*args, **kwargs)
        finally:
            state.inside, state.training, state.backend = outer

    def get_config(self) -> dict[str, Any]:
        """The arguments with which the layer was created."""
        from .tracking import bound_arguments

        return {"name": self.name, **bound_arguments(self)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Layer":
        """A new layer from `get_config`'s result."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}, on {self.backend}>"

    # Attributes -------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        self._track(name, value)

    def __delattr__(self, name: str) -> None:
        self._untrack(name)

    def _track(self, name: str, value: Any) -> None:
        """Set an attribute; weights, layers and lists of them become part of the layer."""
        if name in self._tracked:
            self._forget(name)
        if is_view(value):
            value = value.plain()  # another layer's, or one that this layer had
        if isinstance(value, Variable):
            if value.name == "variable":
                value.name = value.path = name
            self._tracked[name] = value
            self._house(name, value)
        elif isinstance(value, Layer):
            self._tracked[name] = value
            self._native_child(name, value)
        elif isinstance(value, list | tuple | dict) and not name.startswith("_"):
            value = tracked_view(self, name, value)
        object.__setattr__(self, name, value)

    def register(self, name: str, item: Any) -> None:
        """Make a layer or weight part of this one under `name`, without an attribute."""
        self._tracked[name] = item
        if isinstance(item, Layer):
            self._native_child(name, item)
        else:
            self._house(name, item)

    def _untrack(self, name: str) -> None:
        self._forget(name)
        object.__delattr__(self, name)

    def _forget(self, name: str) -> None:
        old = self._tracked.pop(name, None)
        if isinstance(old, Layer):
            self._native_child(name, None)
        elif is_view(old):
            self._native_children(name, {}, old)

    def _house(self, name: str, variable: Variable) -> None:
        """Where the native layer wants to hold the tensor itself, let it."""
        register = self._native_weight(name)
        if register is not None and variable.backend is self._backend:
            variable.house(register)

    # What a native flavour of a layer overrides.

    def _native_init(self) -> None:
        """Called before `__init__`."""

    def _native_weight(self, name: str) -> Any:
        """A function that registers a tensor and tells the (table, key) to read it from."""
        return None

    def _native_child(self, name: str, child: "Layer | None") -> None:
        pass

    def _native_children(self, name: str, entries: dict[str, Any], view: Any) -> Any:
        """Called when a list or dict changed; returns what should stand in its place, or None."""
        return None


def _walk_items(items: dict[str, Any], prefix: str, seen: set[int]):
    for name, item in items.items():
        path = f"{prefix}{name}"
        if isinstance(item, Variable):
            if id(item) not in seen:
                seen.add(id(item))
                yield path, item
        elif isinstance(item, Layer):
            yield from item._walk(f"{path}.", seen)
        else:
            yield from _walk_items(item.entries(), f"{path}.", seen)


def _named_layers(items: dict[str, Any], prefix: str):
    for name, item in items.items():
        if isinstance(item, Layer):
            yield f"{prefix}{name}", item
        elif is_view(item):
            yield from _named_layers(item.entries(), f"{prefix}{name}.")


def _own(items: dict[str, Any], kind: type) -> Iterator[Any]:
    for item in items.values():
        if isinstance(item, kind):
            yield item
        elif is_view(item):
            yield from _own(item.entries(), kind)
