"""Variable: a named, typed box for one native tensor."""

from typing import Any

import numpy as np

from .. import dtypes
from ..backends import registry
from ..backends.registry import state


class Variable:
    """A tensor that a layer owns and training changes.

    The native tensor (`jax.Array`, `torch.nn.Parameter`, `tf.Variable`, `numpy.ndarray`) is kept
    in a table, on torch the layer's own table of parameters, so that torch's tools may swap it.
    The logical shape is Keras's; how the memory is ordered is the backend's business.

    Args:
        initializer: an array, or a callable `(shape, dtype) -> array`.
        shape: tuple of ints; needed with a callable.
        dtype: name of the dtype; the default float unless given.
        trainable: whether training changes it.
        name: what it is called in its layer.
        layout: "dense", "conv", "depthwise" or None: what the tensor is, for the backend.
    """

    __slots__ = (
        "__weakref__",
        "_home",
        "_key",
        "_table",
        "_trainable",
        "backend",
        "dtype",
        "initializer",
        "layout",
        "name",
        "path",
        "shape",
    )

    def __init__(self, initializer, shape=None, dtype=None, trainable=True, name="", layout=None):
        if shape is None:
            if callable(initializer):
                raise ValueError("Variable: `shape` is needed when the initializer is a callable.")
            initializer = _host(initializer)
            shape = initializer.shape
            dtype = dtype or dtypes.standardize(initializer.dtype)
        self.backend: Any = registry.current()
        self.shape = tuple(int(n) for n in shape)
        self.dtype = dtypes.standardize(dtype)
        self.name = self.path = name or "variable"
        self.layout = layout
        self.initializer = initializer
        self._trainable = trainable
        self._key = "value"
        self._table: dict[str, Any] | None = None
        self._home: Any = None
        if not state.deferred:
            self.initialize()

    def initialize(self) -> None:
        """Give the variable the values of its initializer."""
        values = self.initializer
        if callable(values):
            values = values(self.shape, self.dtype)
        values = np.broadcast_to(_host(values), self.shape)
        with self.backend.eagerly():
            box = self.backend.make_value(values, self.dtype, self._trainable, self.layout)
        self.store(box)

    def store(self, box: Any) -> None:
        """Make a native tensor, as the backend made it, the variable's own."""
        if self._table is None:
            self._table = {}
        self._table[self._key] = box
        if self._home is not None:
            self._home(box)

    @property
    def initialized(self) -> bool:
        """Whether the variable has values."""
        return self._table is not None and self._key in self._table

    @property
    def value(self) -> Any:
        """The native tensor, or what stands in for it in a StatelessScope."""
        if state.substitutes is not None:
            found = state.substitutes.get(id(self))
            if found is not None:
                return found
        if self._table is None:
            raise ValueError(
                f"The variable {self.path!r} of shape {self.shape} has no values yet: it was made "
                "under deferred_initialization(). Assign values or call initialize()."
            )
        return self._table[self._key]

    def numpy(self) -> np.ndarray:
        """The values as a NumPy array."""
        return self.backend.to_numpy(self.value)

    def assign(self, value: Any) -> Any:
        """Replace the values by `value` of the same shape; floats are cast to the dtype.

        Raises ValueError when the shape differs. A variable without values takes over the memory
        of a fitting NumPy array where the backend can.
        """
        shape = tuple(value.shape) if hasattr(value, "shape") else np.shape(value)
        if shape != self.shape:
            raise ValueError(
                f"The variable {self.path!r} has shape {self.shape}; got values of shape {shape}."
            )
        if state.substitutes is not None:
            value = self.backend.asarray(value, self.dtype)
            state.substitutes[id(self)] = value
            return value
        if self._table is None:
            host = _host(value)
            made = self.backend.adopt_value(host, self.dtype, self._trainable, self.layout)
            self.store(made)
        else:
            box = self._table[self._key]
            value = self.backend.asarray(
                _host(value) if isinstance(value, list) else value, self.dtype
            )
            self._table[self._key] = self.backend.set_value(box, value)
        return value

    def assign_add(self, value: Any) -> Any:
        """Add `value` to the values."""
        value = self.backend.asarray(_host(value) if isinstance(value, list) else value, self.dtype)
        return self.assign(self.backend.add(self.backend.read(self.value), value))

    def house(self, register: Any) -> None:
        """Keep the native tensor where `register(tensor)` puts it and says: (table, key)."""

        def settle(box):
            self._home = None
            self._table, self._key = register(box)

        if self._table is None:
            self._home = settle  # when there is a tensor
        else:
            settle(self.box)

    @property
    def box(self) -> Any:
        """The native tensor itself, whatever scope is open."""
        return None if self._table is None else self._table[self._key]

    @property
    def trainable(self) -> bool:
        """Whether training changes the variable."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        box = self.box
        if hasattr(box, "requires_grad_") and self.dtype in (*dtypes.FLOATS, *dtypes.COMPLEX):
            box.requires_grad_(self._trainable)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def __repr__(self) -> str:
        return (
            f"<Variable {self.path} shape={self.shape} dtype={self.dtype} on {self.backend.name}>"
        )

    # A variable can stand wherever its framework or NumPy takes a tensor.

    def __array__(self, dtype=None, copy=None):
        array = self.numpy()
        return array if dtype is None else array.astype(dtype)

    def __jax_array__(self):
        return self.value

    def __tf_tensor__(self, dtype=None, name=None):
        return self.backend.asarray(self.value, None if dtype is None else dtype.name)

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        swap = [a.value if isinstance(a, Variable) else a for a in args]
        named = {k: v.value if isinstance(v, Variable) else v for k, v in (kwargs or {}).items()}
        return function(*swap, **named)

    def __add__(self, other):
        return self.value + _read(other)

    def __radd__(self, other):
        return _read(other) + self.value

    def __sub__(self, other):
        return self.value - _read(other)

    def __rsub__(self, other):
        return _read(other) - self.value

    def __mul__(self, other):
        return self.value * _read(other)

    def __rmul__(self, other):
        return _read(other) * self.value

    def __truediv__(self, other):
        return self.value / _read(other)

    def __rtruediv__(self, other):
        return _read(other) / self.value

    def __matmul__(self, other):
        return self.value @ _read(other)

    def __rmatmul__(self, other):
        return _read(other) @ self.value

    def __neg__(self):
        return -self.value

    def __getitem__(self, index):
        return self.value[index]


class SeedState(Variable):
    """The state of a seed generator: a variable, but no weight, and not in files."""

    __slots__ = ()


def _read(x: Any) -> Any:
    return x.value if isinstance(x, Variable) else x


def _host(x: Any) -> np.ndarray:
    """`x`, native, NumPy or nested list, as a NumPy array."""
    if isinstance(x, np.ndarray):
        return x
    from ..ops.conversion import convert_to_numpy

    return convert_to_numpy(x)


registry.KINDS[Variable] = registry.KINDS[SeedState] = registry.BOX
