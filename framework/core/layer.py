"""Layer: weights, other layers, and a computation with them."""

from typing import Any

from .. import constraints, dtype_policies, dtypes, initializers, regularizers
from ..backends import registry
from ..backends.native import NativeLayer
from ..configs import (
    custom_object_scope,
    described_arguments,
    deserialize,
    parameters_of,
    plain_class,
    serialize,
)
from ..context import state
from .calling import CallableLayer
from .construction import build_on_backend, constructing
from .flavours import begin
from .operation import Operation
from .own_variables import OwnVariables
from .stateless import StatelessLayer
from .trackable import foreign_variables, parts_of, path_of
from .variable import OwnState, SeedState, Variable

_FLOAT_DEFAULT = "glorot_uniform"


class Layer(CallableLayer, StatelessLayer, Operation, OwnVariables, NativeLayer):
    """Base of all layers. Subclasses make weights in `build` and compute in `call`.

    A layer belongs to the backend that is current when it is created, for life. On torch it is a
    `torch.nn.Module` too.

    Args:
        activity_regularizer: a callable that gives a loss for the outputs.
        trainable: whether training changes its weights.
        dtype: dtype of its weights and of the floats that reach `call`, or a DTypePolicy, or the
            name of one ("mixed_bfloat16"); if None, that of the layer in whose `__init__` or
            `build` it is made, else the global policy.
        autocast: whether float inputs are cast to the compute dtype.
        name: its name; made from the class's name if None.
        input_shape: shape of the inputs without the batch axis; builds the layer at once.
        input_dim: the last size of the inputs; the same as `input_shape=(input_dim,)`.
        **kwargs: no others.

    Raises:
        ValueError: an argument that is not known, or a `trainable` that is not a bool.
    """

    built: bool
    supports_masking: bool = False
    # Whether XLA may compile the call; where it is left open, models with other layers go without.
    supports_jit: bool = True
    autocast: bool = True
    _backend: Any
    _losses: list[Any] = []
    # How calls of this layer compute products of float32 numbers; None for the setting around.
    float32_precision: str | None = None
    _input_shape_arg: Any = None
    _name_is_given: bool = False
    # Which inputs fit: an InputSpec, or a nested structure of them; None for any.
    input_spec: Any = None
    activity_regularizer: Any = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        layer = begin(cls, registry.current())
        vars(layer)["_arguments"] = (args, kwargs)
        if state.remat is not None:
            vars(layer).update(_remat=state.remat, _is_plain_call=False)
        return layer

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        input_shape: Any = None,
        input_dim: int | None = None,
        batch_shape: Any = None,
        batch_input_shape: Any = None,
        **kwargs: Any,
    ) -> None:
        if kwargs:
            raise ValueError(
                f"Unrecognized keyword arguments passed to {type(self).__name__}: {kwargs}"
            )
        if not isinstance(trainable, bool):
            raise _no_flag(trainable)
        Operation.__init__(self, name)
        self._name_is_given = name is not None
        self._trainable = trainable
        self.autocast = autocast
        if activity_regularizer is not None:
            self.activity_regularizer = regularizers.get(activity_regularizer)
        policy = dtype_policies.get(dtype) if dtype is not None else state.policy
        self._set_policy(policy or dtype_policies.dtype_policy())
        if input_dim is not None:
            input_shape = (input_dim,)
        if input_shape is not None:
            batch_shape = (None, *((input_shape,) if isinstance(input_shape, int) else input_shape))
        batch_shape = batch_shape or batch_input_shape
        if batch_shape is not None:
            self._input_shape_arg = tuple(batch_shape)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            cls.__init__ = constructing(cls.__init__)
        if "build" in vars(cls):
            cls.build = build_on_backend(cls.build)
        cls._inspect_call()

    def _constructed(self) -> None:
        """What follows the outermost `__init__`."""
        if self._input_shape_arg is not None and not self.built:
            self.build(self._input_shape_arg)
        elif getattr(type(self).build, "_is_default", False) and self.parts_are_built():
            self.built = True

    def parts_are_built(self) -> bool:
        """Tells whether all layers directly inside have their weights."""
        return all(layer.built for layer in self.sublayers())

    # Dtypes -----------------------------------------------------------------------------------

    def _set_policy(self, policy: dtype_policies.DTypePolicy) -> None:
        vars(self)["_policy"] = policy
        # Layers of one backend and one pair of dtypes call each other without conversions.
        vars(self)["_token"] = (self._backend.name, policy.compute_dtype, policy.variable_dtype)

    @property
    def dtype_policy(self) -> dtype_policies.DTypePolicy:
        """The dtype policy: in which dtypes the layer keeps its weights, and computes."""
        return self._policy

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        """Sets the policy: a DTypePolicy, its config, or a name such as "mixed_float16".

        A built layer is quantized, where the policy says that it is. ValueError for GPTQ and AWQ,
        which need data.
        """
        policy = dtype_policies.get(value)
        mode = policy.quantization_mode
        if mode in ("gptq", "awq") and self.built and not getattr(self, "_is_quantized", False):
            raise ValueError(
                f"Implicitly enabling {mode.upper()} quantization by setting `dtype_policy` to "
                f"'{policy.name}' is not supported: it needs data. Use "
                f"`.quantize('{mode}', config=...)` instead."
            )
        self._set_policy(policy)
        if mode is not None and self.built and not getattr(self, "_is_quantized", False):
            self.quantize(mode)

    @property
    def quantization_mode(self) -> str | None:
        """How the weights are quantized; None where they are not."""
        policy = self._policy
        if isinstance(policy, dtype_policies.DTypePolicyMap):
            path = self.path
            policy = policy.of_layer(path, path.replace(".", "/"), self.name)
        return policy.quantization_mode

    def quantize(self, mode: Any = None, type_check: bool = True, config: Any = None) -> None:
        """Quantizes the weights, where a subclass can.

        Raises:
            ValueError: a layer that is not built, or an unknown mode.
            NotImplementedError: a kind of layer that cannot.
        """
        if mode is not None and mode not in dtype_policies.QUANTIZATION_MODES:
            raise ValueError(
                "Invalid quantization mode. Expected one of "
                f"{dtype_policies.QUANTIZATION_MODES}. Received: mode={mode}"
            )
        if not self.built:
            raise ValueError(
                f"Cannot quantize a layer that isn't yet built. Layer '{self.name}' (of type "
                f"'{plain_class(type(self)).__name__}') is not built yet."
            )
        raise NotImplementedError(
            f"Layer {plain_class(type(self)).__name__} does not have a `quantize` method "
            "implemented."
        )

    @property
    def path(self) -> str:
        """The attribute names that lead here from the outermost owner; the name without one."""
        return path_of(self) or self.name

    def _after_build(self) -> None:
        """What follows the outermost `build`. Subclasses define it."""

    @property
    def dtype(self) -> str:
        """The dtype of the weights; the same as `variable_dtype`."""
        return self._policy.variable_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of the weights."""
        return self._policy.variable_dtype

    @property
    def compute_dtype(self) -> str:
        """The dtype in which the layer computes."""
        return self._policy.compute_dtype

    @property
    def input_dtype(self) -> str:
        """The dtype to which float inputs are cast."""
        return self._policy.compute_dtype

    @property
    def backend(self) -> str:
        """The name of the backend that the layer lives on."""
        return self._backend.name

    # Weights ----------------------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Makes the weights for inputs of `input_shape` (None where unknown).

        A subclass whose `call` takes several tensors names its parameters after them:
        `build(self, query_shape, value_shape)` for `call(self, query, value)`.
        """
        self.built = True

    def add_weight(
        self,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        layout: Any = None,
        name: str | None = None,
        *,
        memory_format: str | None = None,
    ) -> Variable:
        """Makes a variable, to be set as an attribute; the attribute's name is its name in files.

        Args:
            shape: its shape; () unless given.
            initializer: a name, a config, an Initializer, an array, or a callable
                `(shape, dtype) -> array`; Glorot's uniform draws for floats, zeros for other
                dtypes, if None.
            dtype: its dtype; the layer's variable dtype if None.
            trainable: whether training changes it.
            autocast: whether a mixed dtype policy reads it in the compute dtype.
            regularizer: a name, a config, or a callable that gives a loss for its value.
            constraint: a name, a config, or a callable that is applied to its value after each
                training step.
            aggregation: how replicas are joined; see `Variable`.
            overwrite_with_gradient: whether the optimizer puts the gradient in its place.
            layout: how it lies on a device mesh; see `Variable`.
            name: its name; that of the attribute if None.
            memory_format: what the tensor is for; see `Variable`.
        """
        dtype = dtypes.standardize(dtype or self.variable_dtype)
        if initializer is None:
            initializer = _FLOAT_DEFAULT if dtypes.is_float(dtype) else "zeros"
        # By hand, since a layer's construction is mostly this.
        before = state.backend, state.autocast
        state.backend, state.autocast = self._backend, None
        try:
            variable = Variable(
                initializers.values_of(initializer),
                () if shape is None else (shape,) if isinstance(shape, int) else shape,
                dtype,
                trainable,
                autocast,
                aggregation,
                name=name,
                layout=layout,
                memory_format=memory_format,
            )
        finally:
            state.backend, state.autocast = before
        if regularizer is not None:
            variable.regularizer = regularizers.get(regularizer)
        if constraint is not None:
            variable.constraint = constraints.get(constraint)
        variable.overwrite_with_gradient = overwrite_with_gradient
        if not self._trainable:
            variable.permit_training(False)
        return variable

    def add_variable(
        self,
        shape: Any,
        initializer: Any,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Makes a variable: `add_weight` by Keras's other name, with some of its arguments."""
        return self.add_weight(
            shape, initializer, dtype, trainable, autocast, regularizer, constraint, name=name
        )

    @property
    def weights(self) -> list[Variable]:
        """All variables but the states of seed generators and metrics."""
        return [v for v in self.variables if not isinstance(v, OwnState)]

    @property
    def trainable_variables(self) -> list[Variable]:
        """The variables that training changes."""
        return [v for v in self.variables if v.trainable] if self._trainable else []

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training changes."""
        return self.trainable_variables

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The variables that training leaves alone, seeds and metrics included."""
        return [v for v in self.variables if not v.trainable] if self._trainable else self.variables

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training leaves alone."""
        return [v for v in self.non_trainable_variables if not isinstance(v, OwnState)]

    def count_params(self) -> int:
        """Returns the number of elements of all weights. ValueError for a layer not built yet."""
        if not self.built:
            raise ValueError(
                f"You tried to call `count_params` on layer '{self.name}', but the layer isn't "
                "built. You can build it manually via: `layer.build(input_shape)`."
            )
        total = 0
        for variable in self.weights:
            size = 1
            for n in variable.shape:
                size *= n
            total += size
        return total

    def get_weights(self) -> list[Any]:
        """Returns the weights as NumPy arrays."""
        return [variable.numpy() for variable in self.weights]

    def set_weights(self, weights: Any) -> None:
        """Assigns arrays in the order of `get_weights`. ValueError for another number of them."""
        variables = self.weights
        if len(weights) != len(variables):
            raise ValueError(f"{self.name} has {len(variables)} weights; got {len(weights)}.")
        for variable, value in zip(variables, weights, strict=True):
            variable.assign(value)

    @property
    def trainable(self) -> bool:
        """Whether training changes the layer's weights.

        Setting it reaches all layers inside. What was declared as not trainable (statistics,
        tables, seeds) stays so.
        """
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        """Freezes, or unfreezes, the layer and all layers and variables inside it."""
        if value not in (True, False):
            raise _no_flag(value)
        self._trainable = bool(value)
        for _, part in self.tracked_parts():
            if isinstance(part, Variable):
                part.permit_training(bool(value))
            elif isinstance(part, Layer):
                part.trainable = value
        for _, variable in foreign_variables(self):
            variable.permit_training(bool(value))

    def sublayers(self, recursive: bool = False) -> list["Layer"]:
        """Returns the layers directly inside this one; with `recursive` those in them, too."""
        if recursive:
            return self._flatten_layers(include_self=False)
        return [layer for _, layer in self.named_sublayers()]

    def named_sublayers(self) -> list[tuple[str, "Layer"]]:
        """Returns pairs (path from here, layer) of the layers directly inside this one."""
        found = self._cache.get("sublayers")
        if found is None:
            found = [(p, part) for p, part in self.tracked_parts() if isinstance(part, Layer)]
            self._cache["sublayers"] = found
        return list(found)

    @property
    def metrics(self) -> list[Any]:
        """The metrics that are attributes of the layer and of layers inside."""
        layers = self._flatten_layers()
        return [
            part
            for x in layers
            for _, part in x.tracked_parts()
            if getattr(part, "_measures", False)
        ]

    @property
    def metrics_variables(self) -> list[Variable]:
        """The variables of `metrics`; they are not among `variables`."""
        found = {id(v): v for metric in self.metrics for v in metric.variables}
        return list(found.values())

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> list["Layer"]:
        """The layers inside, each once; the name by which programs written for Keras ask."""
        found: dict[int, Layer] = {id(self): self} if include_self else {}
        for layer in self.sublayers():
            if recursive:
                found.update((id(x), x) for x in layer._flatten_layers())
            else:
                found[id(layer)] = layer
        return list(found.values())

    @property
    def _seed_generators(self) -> list[Any]:
        # The name by which programs written for Keras ask for those directly inside.
        parts = (part for _, part in self.tracked_parts() if not isinstance(part, Variable))
        return [part for part in parts if isinstance(vars(part).get("state"), SeedState)]

    @property
    def torch_params(self) -> dict[str, Any]:
        """The native tensors of all variables inside by path; Keras's name for them on torch."""
        return {path: variable.native for path, variable in self.named_variables()}

    def _part_changed(self, name: str, item: Any) -> None:
        if not self._trainable and item is not None:
            _freeze(item)
        self._native_part(name, item)

    def _container_changed(self, name: str) -> None:
        super()._container_changed(name)
        if not self._trainable and name in self._tracked:
            _freeze(self._tracked[name])

    # Losses -----------------------------------------------------------------------------------

    def add_loss(self, loss: Any) -> None:
        """Adds a scalar, or several, to the losses of the call that is under way."""
        if state.inferring:  # only shapes are wanted
            return
        losses = list(loss) if isinstance(loss, list | tuple) else [loss]
        if state.gathered is not None:
            state.gathered += [(self, x) for x in losses]
            return
        scope = state.scope
        if scope is not None and scope.collect_losses:
            scope.losses += losses
            return
        if "_losses" not in vars(self):
            vars(self)["_losses"] = []
        self._losses.extend(losses)
        if state.losses is not None:
            state.losses.append(self)

    @property
    def losses(self) -> list[Any]:
        """What layers inside added in the last call, and the losses of weights' regularizers."""
        scope = state.scope
        found: list[Any] = []
        if scope is not None and scope.collect_losses:
            found += scope.losses
        else:
            for layer in self._flatten_layers():
                found += layer._losses
        for variable in self.trainable_variables:
            if variable.regularizer is not None:
                found.append(variable.regularizer(variable))
        return found

    # Configs ----------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same layer again, by name, as plain values.

        A subclass of arguments that have no config overrides it, and adds them to this one's.

        Raises:
            NotImplementedError: an argument that JSON cannot hold.
        """
        base: dict[str, Any] = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": dtype_policies.serialize(self._policy),
        }
        default = getattr(type(self).get_config, "_is_default", False)
        found = self._config_arguments(default)
        if not default:
            return {**base, **found}
        given = self._arguments[1]
        extra = {
            name: serialize(getattr(self, name))
            for name in ("activity_regularizer", "autocast")
            if name in given
        }
        return {**base, **found, **extra} if self._takes_name() else found

    get_config._is_default = True  # pyright: ignore[reportFunctionMemberAccess]

    def _config_arguments(self, default: bool) -> dict[str, Any]:
        """The arguments of the subclass in a config; `default` unless it has a `get_config`."""
        if not default:
            return {}
        own = parameters_of(plain_class(type(self)), self._config_base)
        found = described_arguments(self)
        found = {k: v for k, v in found.items() if k in own or k not in _LAYER_ARGUMENTS}
        return {**found, **self._settings_in_effect(found)}

    def _settings_in_effect(self, given: dict[str, Any]) -> dict[str, Any]:
        """The configs of what names among the arguments stood for, as Keras writes them."""
        attributes = vars(self)
        names = [n for n in given if n.endswith(_NAMED) and attributes.get(n) is not None]
        return {
            name: serialize(attributes[name])
            for name in names
            if hasattr(attributes[name], "get_config") and not isinstance(attributes[name], Layer)
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Makes a layer from what `get_config` gives, here or in Keras.

        Keras writes all arguments of its own constructor: those that are None, and unknown here,
        are left out. `custom_objects` holds classes and functions that the config may name, too.
        """
        if custom_objects:
            with custom_object_scope(custom_objects):
                return cls.from_config(config)
        known = parameters_of(plain_class(cls), None)
        config = {k: v for k, v in config.items() if v is not None or k in known}
        if isinstance(config.get("dtype"), dict):
            config["dtype"] = dtype_policies.get(config["dtype"])
        return cls(**{name: deserialize(value) for name, value in config.items()})

    def get_build_config(self) -> dict[str, Any] | None:
        """Returns the shapes for which the layer was built, or None.

        One shape is the "input_shape", several stand by the names of build's arguments in
        "shapes_dict".
        """
        shapes = vars(self).get("_build_shapes")
        if shapes is None:
            return None
        if len(shapes) == 1:
            return {"input_shape": next(iter(shapes.values()))}
        return {"shapes_dict": dict(shapes)}

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Builds the layer for the shapes that `get_build_config` gave."""
        if not config or self.built:
            return
        if "input_shape" in config:
            self.build(_as_shape(config["input_shape"]))
        elif "shapes_dict" in config:
            self.build(**{k: _as_shape(v) for k, v in config["shapes_dict"].items()})

    # Copies -----------------------------------------------------------------------------------

    def to_backend(self, name: str, dtype: str | None = None) -> Any:
        """Returns a copy of the layer on another backend; this one stays as it is.

        Args:
            name: the backend.
            dtype: what the weights and the computation that are in the layer's own dtype get.

        Raises:
            TypeError: an attribute that cannot be copied.
        """
        from .copying import transfer

        changes = {} if dtype is None else {self.variable_dtype: dtypes.standardize(dtype)}
        return transfer(self, registry.get(name), changes)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"

    def _adopt_native(self, original: "Layer", same: bool, memo: dict[Any, Any]) -> None:
        """Take over what the framework of the original keeps in it beside our parts."""
        if same:
            import copy

            self._restore_native(copy.deepcopy(original._native_state(), memo))
        else:
            original._refuse_foreign_parts()

    def _restore_native(self, kept: dict[str, Any]) -> None:
        for name, value in kept.items():
            if name.startswith("part "):
                self._restore_part(name.removeprefix("part "), value)
            else:
                vars(self)[name] = value

    def _refuse_foreign_parts(self) -> None:
        foreign = [n for n in self._native_state() if n.startswith("part ")]
        if foreign:
            raise TypeError(
                f"{self.name}.{foreign[0].removeprefix('part ')} is a part of the "
                f"{self._backend.name} framework's own and exists on no other backend. Write it "
                "as a layer of isozoo, or leave the model where it is."
            )


def _as_shape(x: Any) -> Any:
    """A shape, or a nested structure of shapes, of which JSON made lists."""
    if isinstance(x, list):
        plain = all(n is None or isinstance(n, int) for n in x)
        return tuple(x) if plain else [_as_shape(value) for value in x]
    return {key: _as_shape(value) for key, value in x.items()} if isinstance(x, dict) else x


# Endings of arguments that are objects, for which a name may stand.
_NAMED = ("_initializer", "_regularizer", "_constraint")
_LAYER_ARGUMENTS = frozenset(
    (
        "name",
        "trainable",
        "dtype",
        "activity_regularizer",
        "autocast",
        "input_shape",
        "input_dim",
        "batch_shape",
        "batch_input_shape",
    )
)


def _freeze(item: Any) -> None:
    """Freeze the parts in an item that a frozen layer takes in."""
    for part in parts_of(item):
        if isinstance(part, Variable):
            part.permit_training(False)
        elif isinstance(part, Layer):
            part.trainable = False


def _no_flag(trainable: Any) -> ValueError:
    return ValueError(
        f"Expected `trainable` to be a boolean. Received: trainable={trainable} (of type "
        f"{type(trainable)})"
    )


Layer.__init__ = constructing(Layer.__init__)
Layer._inspect_call()
Layer._config_base = Layer


Layer.build = build_on_backend(Layer.build)
Layer.build._is_default = True  # pyright: ignore[reportFunctionMemberAccess]
