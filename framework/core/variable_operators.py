"""Operators of variables: a variable can stand wherever its framework or NumPy takes a tensor."""

import operator
from typing import Any

import numpy as np

from .operator_ops import ARITHMETIC, COMPARISONS


class VariableOperators:
    """Mixed into Variable: its operators are those of its tensor, and frameworks read it."""

    __slots__ = ()

    value: Any
    native: Any
    backend: Any
    # An operator between a NumPy array and a variable is the variable's.
    __array_priority__ = 100

    def __array__(self, dtype=None, copy=None):
        array = self.numpy()  # pyright: ignore[reportAttributeAccessIssue]
        return array if dtype is None else array.astype(dtype)

    def __jax_array__(self):
        return self.value

    def __tf_tensor__(self, dtype=None, name=None):
        tensor = self._tensor()
        return tensor if dtype is None else self.backend.cast(tensor, dtype.name)

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return function(*_unwrapped(args), **_unwrapped(kwargs or {}))

    # By this name a tf.GradientTape knows that it is asked for the gradient of a `handle`.
    _should_act_as_resource_variable = True

    @property
    def handle(self) -> Any:
        """The resource behind TensorFlow's variable. AttributeError elsewhere."""
        return self.native.handle

    @property
    def grad(self) -> Any:
        """The gradient that torch's autograd left on the Parameter; None elsewhere."""
        return getattr(self.value, "grad", None)

    def backward(self, *args: Any, **kwargs: Any) -> Any:
        """Calls torch's `Tensor.backward` on the tensor."""
        return self.value.backward(*args, **kwargs)

    def __getitem__(self, index):
        return self._tensor()[index]

    def __len__(self) -> int:
        return len(self.value)

    def __bool__(self) -> bool:
        return bool(self._single("cannot be used as a boolean"))

    def __int__(self) -> int:
        return int(self._single(_SCALARS))

    def __float__(self) -> float:
        return float(self._single(_SCALARS))

    def _single(self, fault: str) -> Any:
        """The one element. TypeError, with what cannot be done, where there are more."""
        array: np.ndarray = self.numpy()  # pyright: ignore[reportAttributeAccessIssue]
        if array.size != 1:
            raise TypeError(f"A Variable {fault}. Got: shape={array.shape}")
        return array.reshape(())

    def __round__(self, ndigits=None):
        from .. import ops

        return ops.round(self, decimals=ndigits or 0)

    def _tensor(self) -> Any:
        return self.backend.read(self.value)

    # A variable is found by identity in lists and dicts.
    __hash__ = object.__hash__

    def _operand(self, x: Any) -> Any:
        """The other operand as the framework takes it beside the tensor."""
        if isinstance(x, VariableOperators):
            return x._tensor()
        return self.backend.asarray(x) if isinstance(x, np.ndarray | np.generic) else x


_SCALARS = "of several elements is no number. Only scalar arrays can be converted to Python scalars"
# Operators with an op of the same meaning.
_OPS = {**ARITHMETIC, **COMPARISONS, "eq": "equal"}


def _unwrapped(x: Any) -> Any:
    """`x`, nested, with the tensor in the place of each variable."""
    if isinstance(x, VariableOperators):
        return x.value
    if isinstance(x, dict):
        return {key: _unwrapped(value) for key, value in x.items()}
    if isinstance(x, list | tuple) and not hasattr(x, "_fields"):
        return type(x)(_unwrapped(value) for value in x)
    return x


def _binary(name: str) -> tuple[Any, Any]:
    function, op = getattr(operator, name), _OPS.get(name)

    def compute(x: Any, y: Any, mixed: Any) -> Any:
        # The framework's own operator, but where it differs between the frameworks.
        if op is None or not mixed:
            return function(x, y)
        from .. import ops

        return getattr(ops, op)(x, y)

    def apply(self, other: Any) -> Any:
        return compute(self._tensor(), self._operand(other), _is_mixed(name, other))

    def swapped(self, other: Any) -> Any:
        return compute(self._operand(other), self._tensor(), _is_mixed(name, other))

    return apply, swapped


def _is_mixed(name: str, other: Any) -> bool:
    """Whether the frameworks differ: in products of vectors, and in an array's other dtype."""
    return name == "matmul" or isinstance(other, np.ndarray | np.generic)


def _unary(function: Any) -> Any:
    return lambda self: function(self._tensor())


for _name in (
    "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and_", "or_", "xor",
):  # fmt: skip
    _apply, _swapped = _binary(_name)
    setattr(VariableOperators, f"__{_name.rstrip('_')}__", _apply)
    setattr(VariableOperators, f"__r{_name.rstrip('_')}__", _swapped)
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(VariableOperators, f"__{_name}__", _binary(_name)[0])
for _name in ("neg", "pos", "abs", "invert"):
    setattr(VariableOperators, f"__{_name}__", _unary(getattr(operator, _name)))
