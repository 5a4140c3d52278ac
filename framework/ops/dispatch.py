"""From the arguments of an op to the backend that runs it: conversion and promotion.

Every public op begins with one of these: `tensor` (one tensor), `numeric` (one tensor, not of
booleans), `floating` (one tensor, in a float dtype), `promoted` (operands that meet in a common
dtype), `float_promoted` (the same, in a float dtype) and `together` (tensors of one backend, each
in its own dtype).
"""

from typing import Any

import numpy as np

from .. import dtypes
from ..backends import registry
from ..backends.registry import (
    ARRAY,
    BOX,
    KINDS,
    SCALAR,
    SEQUENCE,
    TENSORS,
    Kind,
    classify,
    owner_of,
)
from ..typing import Shape
from ..typing import Tensor as Tensor
from .errors import BackendMismatchError as BackendMismatchError
from .errors import InvalidArgumentError
from .errors import is_scalar as _is_scalar

_NUMBERS = frozenset((bool, int, float, complex))


def tensor(x: Any) -> tuple[Any, Tensor]:
    """Returns the backend of `x` and `x` as a tensor of it."""
    backend = TENSORS.get(type(x))
    if backend is None:
        if KINDS.get(type(x)) is BOX:
            return x.backend, x.value
        backend = as_native_numpy(x)
        if backend is None:
            backend = common_backend((x,))
            return backend, _native(backend, x)
    return backend, x


_AS_IT_IS = frozenset(dtypes.ALL) - {"bool"}


def as_native_numpy(x: Any) -> Any:
    """Returns the NumPy backend, where it is current and `x` is an array that needs no
    conversion.
    """
    if type(x) is not np.ndarray:
        return None
    backend = registry.current()
    return backend if backend.hosts and x.dtype in backend.native_dtypes else None


def numeric(x: Any) -> tuple[Any, Tensor]:
    """Works like `tensor`, with booleans made int32."""
    backend, x = tensor(x)
    name = backend.dtype(x)
    if name not in _AS_IT_IS:
        dtypes.computable(name)
        return backend, backend.cast(x, "int32")
    return backend, x


def floating(x: Any) -> tuple[Any, Tensor]:
    """Works like `tensor`, with integers and booleans made the default float."""
    backend = TENSORS.get(type(x))
    if backend is None:
        backend, x = tensor(x)
    if x.dtype in backend.float_types:
        return backend, x
    return backend, backend.cast(x, dtypes.floating(backend.dtype(x)))


def promoted(x1: Any, x2: Any) -> tuple[Any, Tensor, Tensor]:
    """Returns the common backend and both operands in the dtype in which they meet.

    A Python scalar that changes nothing stays a Python scalar; at least one operand is a tensor.
    """
    kind, other = type(x1), type(x2)
    backend = TENSORS.get(kind)
    if kind is np.ndarray and (other is not kind or x1.dtype == x2.dtype):
        backend = as_native_numpy(x1)
    # Tensors of one type, and a tensor beside a number, are gathered already: a frame less.
    if backend is None or not (kind is other or other is float or other is int):
        backend, (x1, x2) = together(x1, x2, promoting=True)
        kind, other = type(x1), type(x2)
    if other is float or other is int:
        if kind not in _NUMBERS and x1.dtype in backend.float_types:
            return backend, x1, x2
    elif not (kind in _NUMBERS or other in _NUMBERS):
        if x1.dtype == x2.dtype and x1.dtype not in backend.stored_types:
            return backend, x1, x2
    x1, x2 = _in_common_dtype(backend, [x1, x2])
    return backend, x1, x2


def operands(*xs: Any) -> tuple[Any, list[Tensor]]:
    """Works like `promoted`, for any number of operands: Python scalars stay such, the first
    never.
    """
    backend, natives = together(*xs, promoting=True)
    return backend, _in_common_dtype(backend, natives)


def promoted_all(*xs: Any, backend: Any = None) -> tuple[Any, list[Tensor]]:
    """Works like `promoted`, for any number of operands, all of which become tensors."""
    backend, natives = together(*xs, backend=backend, promoting=True)
    dtype = getattr(natives[0], "dtype", None)
    for x in natives:  # (NumPy takes None for float64)
        if dtype is None or type(x) in _NUMBERS or x.dtype != dtype:
            break
    else:  # nothing to convert
        return backend, natives
    natives = _in_common_dtype(backend, natives)
    dtype = next(backend.dtype(x) for x in natives if not _is_scalar(x))
    return backend, [backend.asarray(x, dtype) if _is_scalar(x) else x for x in natives]


def float_promoted(x1: Any, x2: Any) -> tuple[Any, Tensor, Tensor]:
    """Works like `promoted`, in a float dtype."""
    backend, x1, x2 = promoted(x1, x2)
    x = x2 if _is_scalar(x1) else x1
    if x.dtype not in backend.float_types:
        dtype = dtypes.floating(backend.dtype(x))
        x1 = x1 if _is_scalar(x1) else backend.cast(x1, dtype)
        x2 = x2 if _is_scalar(x2) else backend.cast(x2, dtype)
    return backend, x1, x2


def together(*xs: Any, backend: Any = None, promoting: bool = False) -> tuple[Any, list[Any]]:
    """Returns the common backend and each argument as a tensor of it, in its own dtype; None stays
    None.

    With `promoting` the arguments are operands that are to meet in one dtype: Python numbers stay
    as they are, and None is an error.
    """
    owner = backend
    natives = []
    for x in xs:  # The usual case in one pass: tensors and variables of one backend.
        kind = type(x)
        found = TENSORS.get(kind)
        boxed = False
        if found is None:
            if kind in _NUMBERS if promoting else x is None:
                natives.append(x)
                continue
            boxed = KINDS.get(kind) is BOX
            if boxed:
                found = x.backend
            elif owner is None:
                found = as_native_numpy(x)
            elif owner.hosts and kind is np.ndarray and x.dtype in owner.native_dtypes:
                found = owner
        if found is None or not (owner is None or owner is found):
            break
        owner = found
        natives.append(x.value if boxed else x)
    else:
        if owner is not None:
            return owner, natives
    backend = common_backend(xs) if backend is None else backend
    return backend, [_gathered(backend, x, promoting) for x in xs]


def _gathered(backend: Any, x: Any, promoting: bool) -> Any:
    return x if (_is_scalar(x) if promoting else x is None) else _native(backend, x)


def common_backend(xs: Any) -> Any:
    """Returns the backend that owns the tensors among `xs`; with none among them, the current
    one.
    """
    found = _inside(xs)
    return found if found is not None else registry.current()


def _inside(sequence: Any) -> Any:
    """The backend of the tensors in a nested list or tuple, or None."""
    found = None
    for x in sequence:
        owner = owner_of(x)
        if owner is SEQUENCE:
            owner = _inside(x)
        elif owner is BOX:
            owner = x.backend
        if not (owner is found or isinstance(owner, Kind) or owner is None):
            found = _meet(found, owner)
    return found


def _meet(found: Any, owner: Any) -> Any:
    """The backend of a call that has tensors of both."""
    if found is None or owner.symbolic:
        return owner
    if found.symbolic or found.full_backend is owner:
        return found
    if owner.full_backend is found:
        return owner
    raise BackendMismatchError(
        f"One call got a tensor of the {found.name} backend and one of the {owner.name} "
        "backend. Copy one of them over first: "
        f"ops.convert_to_tensor(ops.convert_to_numpy(x)) under "
        f'isozoo.use_backend("{found.name}"), or move the model with '
        "model.to_backend(...)."
    )


def _native(backend: Any, x: Any) -> Any:
    owner = owner_of(x)
    if owner is backend or owner is backend.full_backend:
        return x
    if owner is BOX:
        return x.value
    if owner is SCALAR:
        return backend.asarray(x, dtypes.result_type(type(x)))
    if owner is SEQUENCE:
        return _from_sequence(backend, x)
    if owner is ARRAY or backend.symbolic:
        return backend.asarray(x)
    raise TypeError(
        f"Expected a tensor, a NumPy array, a number or a nested list of numbers; got "
        f"{type(x).__module__}.{type(x).__qualname__}."
    )


def _from_sequence(backend: Any, x: Any) -> Tensor:
    """A nested list: of Python numbers in the default dtypes, else as the backend stacks it."""
    kinds = {type(value) for value in flattened(x)}
    if kinds <= {bool, int, float, complex}:
        return backend.asarray(x, dtypes.result_type(*kinds) if kinds else dtypes.standardize(None))
    if any(isinstance(classify(kind), Kind) is False or classify(kind) is BOX for kind in kinds):
        parts = [_native(backend, value) for value in x]
        return backend.stack(_in_common_dtype(backend, parts), 0)
    return backend.asarray(x)


def flattened(x: Any) -> list[Any]:
    """Returns the elements of nested lists and tuples."""
    flat: list[Any] = []
    for value in x:
        flat += flattened(value) if isinstance(value, list | tuple) else [value]
    return flat


def _in_common_dtype(backend: Any, natives: list[Any]) -> list[Any]:
    """Tensors of a backend and Python numbers, in the dtype in which all meet."""
    if all(_is_scalar(x) for x in natives):
        natives[0] = backend.asarray(natives[0], dtypes.result_type(*map(type, natives)))
    names = [type(x) if _is_scalar(x) else backend.dtype(x) for x in natives]
    target = dtypes.result_type(*names)
    return [
        _scalar(backend, x, target)
        if _is_scalar(x)
        else (x if n == target else backend.cast(x, target))
        for x, n in zip(natives, names, strict=True)
    ]


def _scalar(backend: Any, x: Any, target: str) -> Any:
    """A Python scalar in the Python type of the dtype that it meets."""
    if dtypes.is_inexact(target):
        return complex(x) if target in dtypes.COMPLEX else float(x)
    if target == "bool":
        return x
    low, high = dtypes.LIMITS[target]
    if not low <= x <= high:
        raise InvalidArgumentError(
            f"the Python integer {x} meets a tensor of {target}, which holds numbers from {low} to "
            f"{high}. Cast the tensor to a wider dtype first, or give the number as a tensor."
        )
    if x.bit_length() > 31:
        return backend.asarray(x, target)  # JAX takes it for an int32
    return int(x)


def sizes(shape: Shape) -> tuple:
    """Returns a shape given as one int or as several."""
    return (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
