"""Variable: a named, typed slot for one native tensor."""

from typing import Any
from weakref import ref

import numpy as np

from .. import config, dtypes, initializers
from ..backends import registry
from ..context import state
from .variable_operators import VariableOperators

_AGGREGATIONS = (None, "none", "mean", "sum", "only_first_replica")
_SYNCHRONIZATIONS = (None, "none", "on_read", "on_write", "auto")
_LISTS = (list, tuple)
_NUMBERS = (bool, int, float, complex)


class _Function:
    """An attribute that is None or can be called."""

    def __init__(self, slot: str, example: str) -> None:
        self._slot, self._example = slot, example
        self.__doc__ = f"None, or a callable such as a `{example}`."

    def __get__(self, variable: Any, owner: type | None = None) -> Any:
        return self if variable is None else getattr(variable, self._slot)

    def __set__(self, variable: Any, value: Any) -> None:
        if value is not None and not callable(value):
            name = self._slot.lstrip("_")
            raise ValueError(
                f"Invalid value for attribute `{name}`. Expected a callable (such as a "
                f"`{self._example}` instance) or `None`. Received: {name}={value}"
            )
        setattr(variable, self._slot, value)


class Variable(VariableOperators):
    """A tensor that a layer, metric or optimizer owns, and that may change.

    It is made in two steps: its specification (shape, dtype, whether it trains, memory format) and
    then its values, which an initializer, a file or `assign` gives. The native tensor
    (`jax.Array`, `torch.nn.Parameter`, `tf.Variable`, `numpy.ndarray`) is kept in a slot: a table
    and a key, on torch the owning module's own table of parameters or buffers, so that torch's
    tools may swap it. The logical shape is Keras's; the order in memory is the backend's business.

    Args:
        initializer: an array, a callable `(shape, dtype) -> array`, or an initializer's name.
        shape: tuple of ints; needed with a callable or a name.
        dtype: name of the dtype; the default float unless given.
        trainable: whether training changes it.
        autocast: whether a mixed dtype policy reads it in the policy's compute dtype.
        aggregation: how replicas of it are joined: "none", "mean", "sum" or "only_first_replica".
        synchronization: when replicas are joined, in Keras's words: "auto", "none", "on_read" or
            "on_write". It is kept, and nothing here reads it.
        name: what it is called in its owner.
        layout: how it lies on the devices of a mesh; see `isozoo.distribution`.
        memory_format: what the tensor is for. Of "dense" (in, out), "conv" (*size, in, out) and
            "depthwise" (*size, channels, multiplier) the backend may order the memory as its
            kernels like; "columns" (in, out), "rows" (out, in), "conv_rows" (out, in, *size) and
            "table" (rows, …) lie as they are written, and so does None.

    Raises:
        ValueError: an initializer that needs a shape and has none; another `aggregation` or
            `synchronization`; a name that is not a string or has "/" in it.
    """

    __slots__ = (
        "__weakref__",
        "_dtype",
        "_constraint",
        "_initializer",
        "_key",
        "_name",
        "_overwrite_with_gradient",
        "_owners",
        "_permitted",
        "_register",
        "_regularizer",
        "_scope",
        "_shape",
        "_table",
        "_wanted",
        "aggregation",
        "autocast",
        "backend",
        "layout",
        "memory_format",
        "synchronization",
    )

    regularizer = _Function("_regularizer", "keras.regularizers.Regularizer")
    constraint = _Function("_constraint", "keras.constraints.Constraint")

    def __init__(
        self,
        initializer: Any,
        shape: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str | None = "none",
        synchronization: str | None = "auto",
        name: str | None = None,
        layout: Any = None,
        *,
        memory_format: str | None = None,
    ) -> None:
        if aggregation not in _AGGREGATIONS or synchronization not in _SYNCHRONIZATIONS:
            _refuse_choice(aggregation, synchronization)
        if name and (not isinstance(name, str) or "/" in name):
            raise ValueError(
                "Argument `name` must be a string and cannot contain character `/`. "
                f"Received: name={name}"
            )
        if isinstance(initializer, str):
            initializer = initializers.values_of(initializer)
        if shape is None:
            if callable(initializer):
                raise ValueError(
                    "When creating a Variable from an initializer, the `shape` argument should be "
                    f"specified. Received: initializer={initializer} and shape={shape}"
                )
            initializer = as_array(initializer)
            shape = initializer.shape
            dtype = dtype or dtypes.standardize(initializer.dtype)
        self.backend: Any = registry.current()
        try:
            self._shape = tuple(int(n) for n in shape)
        except TypeError:
            raise _bad_shape(shape, name) from None
        self._dtype = dtypes.standardize(dtype)
        self._name, self._scope = name or "variable", state.name_scope
        self._wanted, self._permitted = bool(trainable), True
        self.autocast, self.aggregation, self.layout = autocast, aggregation or "none", layout
        self.synchronization = synchronization or "none"
        self.memory_format = memory_format
        self.regularizer = self.constraint = None
        self.overwrite_with_gradient = False
        self._initializer = initializer
        self._table: dict[str, Any] | None = None
        self._key = "value"
        self._register: Any = None
        self._owners: list[Any] = []
        if not state.deferred:
            self.initialize()
        elif state.deferred is not True:
            state.deferred.note(self)

    # Values -----------------------------------------------------------------------------------

    def initialize(self) -> None:
        """Gives the variable the values of its initializer."""
        with self.backend.eagerly():  # the initializer too: a metric may be built in a trace
            values, make = self._initializer, self.backend.make_value
            if callable(values):
                if getattr(values, "makes_new", False):  # nobody else has the array: no copy
                    make = self.backend.adopt_value
                values = values(self._shape, self._dtype)
            values = as_array(values)
            if values.shape != self._shape:
                values, make = np.broadcast_to(values, self._shape), self.backend.make_value
            made = make(values, self._dtype, self._wanted, self.memory_format)
        self._fill(made)

    def _fill(self, native: Any) -> None:
        """Put a native tensor, as the backend made it, into the slot."""
        if (distribution := config.distribution()) is not None:
            native = distribution.place_variable(self, native)
        if not (self._wanted and self._permitted):
            self.backend.set_trainable(native, False)
        if not callable(self._initializer):
            self._initializer = None  # the values are in the slot now
        if self._register is not None:
            self._table, self._key = self._register(native)
            return
        if self._table is None:
            self._table = {}
        self._table[self._key] = native

    def move_to_slot(self, register: Any) -> None:
        """Keeps the native tensor where `register(tensor)` puts it, which returns (table, key)."""
        self._register = register
        if self._table is not None:
            self._table, self._key = register(self._table[self._key])

    def replace_native(self, native: Any) -> None:
        """Puts another native tensor of the same shape and dtype into the slot."""
        if self._table is not None:
            self._table[self._key] = native

    @property
    def native(self) -> Any:
        """The native tensor itself, whatever scope is open; None while there are no values."""
        return None if self._table is None else self._table[self._key]

    @property
    def initialized(self) -> bool:
        """Whether the variable has values."""
        return self._table is not None

    @property
    def value(self) -> Any:
        """The native tensor, or what stands in for it in a StatelessScope.

        Under a mixed dtype policy a float is read in the policy's compute dtype.
        """
        if state.substitutes is None and state.autocast is None and self._table is not None:
            return self._table[self._key]  # the usual case
        if state.substitutes is None or (found := state.substitutes.get(id(self))) is None:
            found = self._read()
        if state.autocast is not None and self._is_cast():
            return self.backend.cast(self.backend.read(found), state.autocast)
        return found

    def _read(self) -> Any:
        if self._table is not None:
            return self._table[self._key]
        if state.inferring:
            return self.backend.placeholder(self._shape, self._dtype)
        raise ValueError(
            f"The variable {self.path!r} of shape {self._shape} has no values yet: it was made "
            "under deferred_initialization(). Assign values or call initialize()."
        )

    def _is_cast(self) -> bool:
        name = self._own_dtype()
        return self.autocast and name != state.autocast and dtypes.is_float(name)

    def numpy(self) -> np.ndarray:
        """Returns the values as a NumPy array of its own, which later changes leave alone."""
        return np.array(self.backend.to_numpy(self.backend.read(self.value)))

    def assign(self, value: Any) -> Any:
        """Replaces the values by `value` of the same shape, cast to the variable's dtype.

        A variable without values takes over the memory of a fitting NumPy array where the backend
        can.

        Raises:
            ValueError: another shape.
            RuntimeError: a value that exists only while a program is traced would be kept.
        """
        if type(value) in _LISTS or not hasattr(value, "shape"):
            # A number is none of a traced program's tensors.
            value = np.asarray(value) if isinstance(value, _NUMBERS) else as_array(value)
        shape = tuple(value.shape)
        if shape != self._shape and not self._is_unknown(shape):
            raise ValueError(
                f"The variable {self.path!r} has shape {self._shape}; got values of shape {shape}."
            )
        dtype = self._own_dtype()
        if state.substitutes is not None:
            value = self.backend.asarray(_plain(value), dtype)
            state.substitutes[id(self)] = value
            if state.written is not None:
                state.written[id(self)] = self
            return value
        if self._table is None:
            array, distribution = as_array(value), config.distribution()
            if distribution is not None and distribution.lays_out(self.backend):
                self._fill(distribution.value_of(self, array, dtype))
            else:
                self._fill(self.backend.adopt_value(array, dtype, self._wanted, self.memory_format))
            return value
        native = self._table[self._key]
        value = self.backend.asarray(_plain(value), dtype)
        if self.backend.is_traced_constant(native, value):
            raise RuntimeError(_TRACED.format(self.path))
        self._table[self._key] = self.backend.set_value(native, value)
        return value

    def assign_parts(self, source: Any) -> None:
        """Replaces the values by those of a source that reads its slices when they are asked for.

        Under a distribution the parts that lie in this process are read, and nothing else.

        Args:
            source: has `shape` and `dtype`, gives NumPy arrays by `source[slices]`, and is one by
                `np.asarray`.

        Raises:
            ValueError: another shape.
        """
        distribution = config.distribution()
        if distribution is None or not distribution.lays_out(self.backend):
            self.assign(np.asarray(source))
            return
        if tuple(source.shape) != self._shape:
            raise ValueError(
                f"The variable {self.path!r} has shape {self._shape}; got values of shape "
                f"{tuple(source.shape)}."
            )
        made = distribution.value_of(self, source, self._own_dtype())
        if self._table is None:
            self._fill(made)
            return
        # The tensor stays: programs and optimizers of the framework may hold it.
        native = distribution.place_variable(self, self._table[self._key])
        self._table[self._key] = self.backend.set_value(native, self.backend.read(made))

    def _is_unknown(self, shape: tuple) -> bool:
        """Whether a shape of a traced program may be this one's: TensorFlow leaves sizes open."""
        return len(shape) == len(self._shape) and all(
            a is None or a == b for a, b in zip(shape, self._shape, strict=True)
        )

    def assign_add(self, value: Any) -> Any:
        """Adds `value` to the values."""
        return self._assign_with("add", value)

    def assign_sub(self, value: Any) -> Any:
        """Subtracts `value` from the values."""
        return self._assign_with("subtract", value)

    def _assign_with(self, kernel: str, value: Any) -> Any:
        backend = self.backend
        value = backend.asarray(as_array(value) if type(value) in _LISTS else _plain(value))
        value = backend.cast(value, self._own_dtype())
        held = backend.read(self._current())
        return self.assign(getattr(backend, kernel)(held, value))

    def _current(self) -> Any:
        """The tensor or its substitute, in the variable's own dtype."""
        found = None if state.substitutes is None else state.substitutes.get(id(self))
        return self._read() if found is None else found

    # What it is -------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """The logical shape."""
        return self._shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self._shape)

    @property
    def dtype(self) -> str:
        """The name of the dtype in which the variable is read here."""
        name = self._own_dtype()
        if state.autocast is not None and self.autocast and dtypes.is_float(name):
            return state.autocast
        return name

    def _own_dtype(self) -> str:
        # Read from the tensor: the framework's own tools (`.half()`) may change it.
        return self._dtype if self._table is None else self.backend.dtype(self._table[self._key])

    @property
    def name(self) -> str:
        """The name in its owner: that of the attribute, unless one was given."""
        return self._name

    @name.setter
    def name(self, value: str) -> None:
        """Sets the name in its owner, the last part of the path."""
        self._name = value

    @property
    def path(self) -> str:
        """The attribute names that lead here from the outermost owner, with dots between them.

        A variable without an owner has the names of the `name_scope`s in which it was made.
        """
        from .trackable import path_of

        return path_of(self) or (f"{self._scope}.{self._name}" if self._scope else self._name)

    @property
    def root(self) -> Any:
        """The outermost owner, from which the path begins; the variable if it has no owner."""
        from .trackable import root_of

        return root_of(self)

    @property
    def overwrite_with_gradient(self) -> bool:
        """Whether the optimizer puts the gradient in the place of the value."""
        return self._overwrite_with_gradient

    @overwrite_with_gradient.setter
    def overwrite_with_gradient(self, value: bool) -> None:
        """Sets whether the optimizer does so. TypeError for what is no boolean."""
        if not isinstance(value, bool):
            raise TypeError(f"`overwrite_with_gradient` must be a boolean. Received: {value}")
        self._overwrite_with_gradient = value

    @property
    def trainable(self) -> bool:
        """Whether training changes the variable: it wants it, and its owners are not frozen."""
        return self._wanted and self._permitted

    @trainable.setter
    def trainable(self, value: bool) -> None:
        """Sets whether the variable wants to be trained; its owners may still freeze it."""
        self._wanted = bool(value)
        self._declare_trainable()

    def permit_training(self, value: bool) -> None:
        """Freezes the variable on behalf of its owner, or lifts that; its own wish stays."""
        if self._permitted != value:
            self._permitted = value
            self._declare_trainable()

    def _declare_trainable(self) -> None:
        if self._table is None:
            return
        native = self._table[self._key]
        made = self.backend.set_trainable(native, self.trainable)
        if made is not native:
            self._fill(made)

    def own(self, owner: Any) -> None:
        """Notes an owner: what it is called from the first one that is alive is its path."""
        self._owners[:] = [link for link in self._owners if link() is not None]
        self._owners.append(ref(owner))

    def __repr__(self) -> str:
        held = "" if self._table is None else f", value={self._shown()}"
        return f"<Variable path={self.path}, shape={self._shape}, dtype={self._own_dtype()}{held}>"

    def _shown(self) -> Any:
        """The values as NumPy prints them; the tensor itself where there are none to be had."""
        found = self._read()
        try:
            return self.backend.to_numpy(self.backend.read(found))
        except Exception:  # it is traced, lies on torch's device "meta", or on another machine
            return found

    # Copies -----------------------------------------------------------------------------------

    def __deepcopy__(self, memo: dict[int, Any]) -> "Variable":
        from .copying import copy_into

        return copy_into(self, memo)

    def __reduce__(self) -> tuple[Any, ...]:
        attributes = {name: getattr(self, name) for name in _SPEC}
        values = (
            None if self._table is None else np.array(self.backend.to_numpy(self._plain_read()))
        )
        return _restored, (type(self), self.backend.name, attributes, values)

    def _plain_read(self) -> Any:
        return self.backend.read(self._read())


# What makes a variable but for its values, its backend and its place.
_SPEC = (
    "_dtype",
    "_initializer",
    "_name",
    "_permitted",
    "_scope",
    "_shape",
    "_wanted",
    "aggregation",
    "autocast",
    "constraint",
    "layout",
    "memory_format",
    "overwrite_with_gradient",
    "regularizer",
    "synchronization",
)


def same_variable(x: Variable, backend: Any, dtype: str) -> Variable:
    """Returns a variable on `backend` with the specification and the values of `x`, in `dtype`."""
    made = empty_variable(type(x), backend, {name: getattr(x, name) for name in _SPEC})
    made._dtype = dtype
    if x.initialized:
        # A copy: two variables must not share memory.
        values = np.array(x.backend.to_numpy(x._plain_read()))
        made._fill(backend.make_value(values, dtype, made._wanted, made.memory_format))
    return made


def empty_variable(cls: type, backend: Any, attributes: dict[str, Any]) -> Variable:
    """Returns a variable of a specification, without values."""
    made = object.__new__(cls)
    made.backend = backend
    made._table, made._key, made._register, made._owners = None, "value", None, []
    for name, value in attributes.items():
        setattr(made, name, value)
    return made


def in_slot(backend: Any, table: dict[str, Any], key: str) -> Variable:
    """Returns a variable for a tensor that a framework's own module keeps in a table."""
    native = table[key]
    attributes: dict[str, Any] = dict.fromkeys(_SPEC)
    attributes.update(
        _dtype=backend.dtype(native),
        _name=key,
        _permitted=True,
        _scope="",
        _shape=tuple(native.shape),
        _wanted=bool(getattr(native, "requires_grad", False)),
        aggregation="none",
        synchronization="auto",
        autocast=True,
        overwrite_with_gradient=False,
    )
    made = empty_variable(Variable, backend, attributes)
    made._table, made._key = table, key
    return made


def _restored(cls: type, backend: str, attributes: dict[str, Any], values: Any) -> Variable:
    made = empty_variable(cls, registry.get(backend), attributes)
    if values is not None:
        made._fill(made.backend.make_value(values, made._dtype, made._wanted, made.memory_format))
    return made


class OwnState(Variable):
    """What something counts for itself: a variable, but no weight, and not in files of weights."""

    __slots__ = ()


class SeedState(OwnState):
    """The state of a seed generator."""

    __slots__ = ()


class MetricState(OwnState):
    """What a metric gathered."""

    __slots__ = ()


_TRACED = (
    "The variable {!r} would keep a value that exists only while JAX traces the function: after "
    "the call the layer could not be used any more. Take the state through the function: "
    "outputs, state = layer.stateless_call(trainable, non_trainable, inputs, training=True), and "
    "assign `state` outside of it; or call within a StatelessScope."
)


def _refuse_choice(aggregation: Any, synchronization: Any) -> None:
    given, allowed = ("aggregation", aggregation), _AGGREGATIONS
    if aggregation in _AGGREGATIONS:
        given, allowed = ("synchronization", synchronization), _SYNCHRONIZATIONS
    raise ValueError(
        f"Invalid value for argument `{given[0]}`. Expected one of {allowed}. Received: "
        f"{given[0]}={given[1]}"
    )


def _bad_shape(shape: Any, name: str | None) -> ValueError:
    of = f"Received: shape={shape} for the variable {name or 'variable'!r}"
    if isinstance(shape, list | tuple) and None in shape:
        return ValueError(
            "Shapes used to initialize variables must be fully-defined (no `None` dimensions). "
            f"{of}, of which a size is not known: build the layer with a shape that has it."
        )
    return ValueError(f"Cannot convert '{shape}' to a shape: it holds what is no size. {of}")


def as_array(x: Any) -> np.ndarray:
    """Returns `x`, native, NumPy or nested list, as a NumPy array."""
    if isinstance(x, np.ndarray):
        return x
    from ..ops.conversion import convert_to_numpy

    return convert_to_numpy(x)


def _plain(x: Any) -> Any:
    return x.backend.read(x.value) if isinstance(x, Variable) else x


registry.KINDS.update(dict.fromkeys((Variable, OwnState, SeedState, MetricState), registry.BOX))
