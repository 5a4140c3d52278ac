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
from ..backends.registry import BOX, HOST, KINDS, SCALAR, SEQUENCE, TENSORS, Kind, classify
from ..context import state
from .errors import BackendMismatchError as BackendMismatchError
from .errors import InvalidArgumentError
from .errors import is_scalar as _is_scalar

Tensor = Any


def tensor(x: Any) -> tuple[Any, Tensor]:
    """The backend of `x` and `x` as a tensor of it."""
    backend = TENSORS.get(type(x))
    if backend is None:
        if KINDS.get(type(x)) is BOX:
            return x.backend, x.value
        backend = at_home(x)
        if backend is None:
            return _convert(x)
    return backend, x


_AS_IT_IS = frozenset(dtypes.ALL) - {"bool"}


def at_home(x: Any) -> Any:
    """The NumPy backend, where it is current and `x` is an array that needs no conversion."""
    if type(x) is not np.ndarray:
        return None
    backend = registry.current()
    return backend if backend.hosts and x.dtype in backend.native_dtypes else None


def numeric(x: Any) -> tuple[Any, Tensor]:
    """Like `tensor`, with booleans made int32."""
    backend, x = tensor(x)
    name = backend.dtype(x)
    if name not in _AS_IT_IS:
        dtypes.computable(name)
        return backend, backend.cast(x, "int32")
    return backend, x


def floating(x: Any) -> tuple[Any, Tensor]:
    """Like `tensor`, with integers and booleans made the default float."""
    backend = TENSORS.get(type(x))
    if backend is None:
        backend, x = tensor(x)
    if x.dtype in backend.float_types:
        return backend, x
    return backend, backend.cast(x, dtypes.floating(backend.dtype(x)))


def promoted(x1: Any, x2: Any) -> tuple[Any, Tensor, Tensor]:
    """The common backend and both operands in the dtype in which they meet.

    A Python scalar that changes nothing stays a Python scalar; at least one operand is a tensor.
    """
    kind, other = type(x1), type(x2)
    if KINDS.get(kind) is BOX:
        x1 = _tensor_of(x1)
        kind = type(x1)
    if KINDS.get(other) is BOX:
        x2 = _tensor_of(x2)
        other = type(x2)
    backend = TENSORS.get(kind) or at_home(x1)
    if backend is not None:
        if kind is other:
            if x1.dtype == x2.dtype and x1.dtype not in backend.stored_types:
                return backend, x1, x2
        elif (other is float or other is int) and x1.dtype in backend.float_types:
            return backend, x1, x2
    backend, operands = _promote((x1, x2))
    return backend, operands[0], operands[1]


def _tensor_of(variable: Any) -> Any:
    """A variable's tensor; the variable itself where its tensor would not tell its backend."""
    backend = variable.backend
    # An array belongs to whatever backend it meets; a variable of NumPy's to NumPy.
    if backend.hosts and state.backend is not backend:
        return variable
    return variable.value


def operands(*xs: Any) -> tuple[Any, list[Tensor]]:
    """Like `promoted`, for any number of operands: Python scalars stay such, the first never."""
    return _promote(xs)


def promoted_all(*xs: Any, backend: Any = None) -> tuple[Any, list[Tensor]]:
    """Like `promoted`, for any number of operands, all of which become tensors."""
    if any(KINDS.get(type(x)) is BOX for x in xs):
        xs = tuple(_tensor_of(x) if KINDS.get(type(x)) is BOX else x for x in xs)
    owner = (TENSORS.get(type(xs[0])) or at_home(xs[0])) if xs else None
    if owner is not None and (backend is None or backend is owner):
        kind, dtype = type(xs[0]), xs[0].dtype
        for x in xs:
            if not (type(x) is kind or TENSORS.get(type(x)) is owner) or x.dtype != dtype:
                break
        else:  # nothing to convert
            return owner, list(xs)
    backend, operands = _promote(xs, backend)
    dtype = next(backend.dtype(x) for x in operands if not _is_scalar(x))
    return backend, [backend.asarray(x, dtype) if _is_scalar(x) else x for x in operands]


def float_promoted(x1: Any, x2: Any) -> tuple[Any, Tensor, Tensor]:
    """Like `promoted`, in a float dtype."""
    backend, x1, x2 = promoted(x1, x2)
    x = x2 if _is_scalar(x1) else x1
    if x.dtype not in backend.float_types:
        dtype = dtypes.floating(backend.dtype(x))
        x1 = x1 if _is_scalar(x1) else backend.cast(x1, dtype)
        x2 = x2 if _is_scalar(x2) else backend.cast(x2, dtype)
    return backend, x1, x2


def together(*xs: Any, backend: Any = None) -> tuple[Any, list[Any]]:
    """The common backend and each argument as a tensor of it, in its own dtype; None stays None."""
    owner = TENSORS.get(type(xs[0])) or at_home(xs[0]) if backend is None else backend
    if owner is not None and not owner.symbolic:
        # The usual case in one pass: tensors and variables of one backend.
        natives = []
        for x in xs:
            cls = type(x)
            if x is None or TENSORS.get(cls) is owner:
                natives.append(x)
            elif KINDS.get(cls) is BOX:
                if x.backend is owner:
                    natives.append(x.value)
            elif owner.hosts and at_home(x) is owner:
                natives.append(x)
        if len(natives) == len(xs):
            return owner, natives
    backend = common_backend(xs) if backend is None else backend
    return backend, [None if x is None else _native(backend, x) for x in xs]


def common_backend(xs: Any) -> Any:
    """The backend that owns the tensors among `xs`; with none among them, the current one."""
    found = None
    for x in xs:
        owner = TENSORS.get(type(x)) or classify(type(x))
        if owner is BOX:
            owner = x.backend
        elif owner is SEQUENCE:
            owner = _inside(x)
        if not (owner is found or isinstance(owner, Kind) or owner is None):
            found = _meet(found, owner)
    return found if found is not None else registry.current()


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


def _inside(sequence: Any) -> Any:
    """The backend of the tensors in a nested list or tuple, or None."""
    found = None
    for x in sequence:
        owner = TENSORS.get(type(x)) or classify(type(x))
        if owner is SEQUENCE:
            owner = _inside(x)
        elif owner is BOX:
            owner = x.backend
        if not (owner is found or isinstance(owner, Kind) or owner is None):
            found = _meet(found, owner)
    return found


def _convert(x: Any) -> tuple[Any, Tensor]:
    backend = common_backend((x,))
    return backend, _native(backend, x)


def _native(backend: Any, x: Any) -> Any:
    owner = TENSORS.get(type(x)) or classify(type(x))
    if owner is backend or owner is backend.full_backend:
        return x
    if owner is BOX:
        return x.value
    if owner is SCALAR:
        return backend.asarray(x, dtypes.result_type(type(x)))
    if owner is SEQUENCE:
        return _from_sequence(backend, x)
    if owner is HOST or backend.symbolic:
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
        return backend.stack(_promote(parts, backend)[1], 0)
    return backend.asarray(x)


def flattened(x: Any) -> list[Any]:
    """The elements of nested lists and tuples."""
    flat: list[Any] = []
    for value in x:
        flat += flattened(value) if isinstance(value, list | tuple) else [value]
    return flat


def _promote(xs: Any, backend: Any = None) -> tuple[Any, list[Any]]:
    backend = common_backend(xs) if backend is None else backend
    natives = [x if _is_scalar(x) else _native(backend, x) for x in xs]
    if all(_is_scalar(x) for x in natives):
        natives[0] = backend.asarray(natives[0], dtypes.result_type(*map(type, natives)))
    names = [type(x) if _is_scalar(x) else backend.dtype(x) for x in natives]
    target = dtypes.result_type(*names)
    return backend, [
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


def sizes(shape) -> tuple:
    """A shape given as one int or as several."""
    return (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
