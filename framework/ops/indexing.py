"""Picking and placing elements, as NumPy and Keras define it."""

from .dispatch import Tensor, common_backend, promoted_all, tensor, together
from .op import op


@op
def where(condition, x1, x2) -> Tensor:
    """x1 where `condition` is true, x2 elsewhere."""
    backend = common_backend((condition, x1, x2))
    _, (x1, x2) = promoted_all(x1, x2, backend=backend)
    _, (condition,) = together(condition, backend=backend)
    condition = condition if backend.dtype(condition) == "bool" else backend.cast(condition, "bool")
    return backend.where(condition, x1, x2)


@op
def take(x, indices, axis: int | None = None) -> Tensor:
    """The elements of `x` at `indices` along `axis` (of the flattened `x`, when None).

    Negative indices count from the end. One that is out of range is an error; in compiled code
    and on jax, which cannot raise there, it gives NaN or any element.
    """
    if isinstance(indices, int):
        backend, x = tensor(x)
        return backend.take(x, indices, axis)
    backend, (x, indices) = together(x, indices)
    return backend.take(x, indices, axis)


@op
def take_along_axis(x, indices, axis: int | None = None) -> Tensor:
    """The elements of `x` at `indices`, matched position by position along `axis`."""
    backend, (x, indices) = together(x, indices)
    if axis is None:
        x, axis = backend.reshape(x, (-1,)), 0
    return backend.take_along_axis(x, indices, axis)


@op
def slice(inputs, start_indices, shape) -> Tensor:
    """The block of `shape` at `start_indices` (ints or scalar tensors)."""
    backend, inputs = tensor(inputs)
    return backend.slice(inputs, tuple(start_indices), tuple(shape))


@op
def slice_update(inputs, start_indices, updates) -> Tensor:
    """`inputs` with the block at `start_indices` replaced by `updates`."""
    backend, (inputs, updates) = together(inputs, updates)
    return backend.slice_update(inputs, tuple(start_indices), updates)


@op
def scatter_add(x, indices, updates) -> Tensor:
    """`x` with `updates` added at `indices` (…, number of leading axes); repeats add up."""
    backend, (x, indices, updates) = together(x, indices, updates)
    return backend.scatter_add(x, indices, updates)


@op
def get_item(x, key) -> Tensor:
    """x[key], for ints, slices, None, Ellipsis and tensors as NumPy's indexing takes them."""
    backend, x = tensor(x)
    return backend.get_item(x, key)
