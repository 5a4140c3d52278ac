"""Products of matrices and tensors."""

from collections.abc import Sequence
from math import prod
from typing import Any

from .. import dtypes
from ..typing import TensorLike
from .checks import axis_in, axis_of, rank_of
from .dispatch import Tensor, promoted, promoted_all, together
from .errors import wrong
from .op import op


def _pair(x1: Any, x2: Any) -> tuple[Any, Tensor, Tensor]:
    """The backend, and both operands as tensors of the dtype in which they meet."""
    backend, (x1, x2) = promoted_all(x1, x2)
    return backend, x1, x2


def _are_int8(backend: Any, *xs: Tensor) -> bool:
    return all(backend.dtype(x) == "int8" for x in xs)


def _were_int8(xs: Any) -> bool:
    """Whether operands were int8 before they met another; a variable names its dtype."""
    return all(hasattr(x, "dtype") and dtypes.standardize(x.dtype) == "int8" for x in xs)


@op
def matmul(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Returns the matrix product of the last two axes; leading axes broadcast, 1-D operands are
    vectors.

    Of two tensors of int8 it is int32.
    """
    given = x1, x2
    backend, x1, x2 = promoted(x1, x2)
    if x1.dtype not in backend.float_types and _are_int8(backend, x1, x2) and _were_int8(given):
        x1, x2 = (backend.cast(x, "int32") for x in (x1, x2))
    return backend.matmul(x1, x2)


@op
def einsum(subscripts: str, *operands: TensorLike, **kwargs: Any) -> Tensor:
    """Returns sums of products by Einstein's convention, as `numpy.einsum`.

    Of tensors of int8 it is int32. Keywords, which choose the order of the products in some
    frameworks, have no effect.
    """
    backend, given = together(*operands)
    if len(given) > 1 and _are_int8(backend, *given):
        given = [backend.cast(x, "int32") for x in given]
    else:
        backend, given = promoted_all(*operands)
    return backend.einsum(subscripts, *given)


@op
def tensordot(x1: TensorLike, x2: TensorLike, axes: int | Sequence[Any] = 2) -> Tensor:
    """Returns sums of products over `axes`: the last n of x1 with the first n of x2, or pairs of
    axes.

    `axes` is n, or (axes of x1, axes of x2). The axes that are left stand in the result, those of
    x1 first.
    """
    backend, x1, x2 = _pair(x1, x2)
    return _tensordot(backend, x1, x2, axes)


def _tensordot(backend: Any, x1: Tensor, x2: Tensor, axes: Any) -> Tensor:
    first, second = _summed_axes(rank_of(backend, x1), rank_of(backend, x2), axes)
    sizes = [[backend.static_shape(x)[a] for a in p] for x, p in ((x1, first), (x2, second))]
    if any(None not in pair and pair[0] != pair[1] for pair in zip(*sizes, strict=True)):
        raise wrong("axes", axes, f"axes of equal sizes; they are {sizes[0]} and {sizes[1]} long")
    free1, left = _as_matrix(backend, x1, first, False)
    free2, right = _as_matrix(backend, x2, second, True)
    return backend.reshape(backend.matmul(left, right), (*free1, *free2))


def _summed_axes(rank1: int, rank2: int, axes: Any) -> tuple[list[int], list[int]]:
    if isinstance(axes, int):
        if not 0 <= axes <= min(rank1, rank2):
            raise wrong("axes", axes, f"a number of axes from 0 to {min(rank1, rank2)}")
        return list(range(rank1 - axes, rank1)), list(range(axes))
    given = [[a] if isinstance(a, int) else list(a) for a in axes]
    if len(given) != 2 or len(given[0]) != len(given[1]):
        raise wrong("axes", axes, "a number, or as many axes of x1 as of x2")
    first, second = given
    return [axis_in(rank1, a, "axes") for a in first], [axis_in(rank2, a, "axes") for a in second]


def _as_matrix(backend: Any, x: Tensor, summed: list[int], first: bool) -> tuple[list, Tensor]:
    """The sizes of the axes that stay, and `x` as a matrix with the `summed` axes at one end."""
    shape = backend.shape(x)
    free = [i for i in range(len(shape)) if i not in summed]
    x = backend.transpose(x, tuple(summed + free if first else free + summed))
    inner = _product(shape[i] for i in summed)
    outer = _product(shape[i] for i in free)
    return [shape[i] for i in free], backend.reshape(x, (inner, outer) if first else (outer, inner))


def _product(sizes: Any) -> Any:
    total = 1
    for size in sizes:
        total = total * size
    return total


@op
def dot(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Returns the sum of products over the last axis of x1 and the last but one of x2 (its only
    one).

    With a tensor of no axes it is the product.
    """
    backend, x1, x2 = _pair(x1, x2)
    rank1, rank2 = rank_of(backend, x1), rank_of(backend, x2)
    if rank1 == 0 or rank2 == 0:
        return backend.multiply(x1, x2)
    return _tensordot(backend, x1, x2, ([rank1 - 1], [max(rank2 - 2, 0)]))


@op
def inner(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Returns the sum of products over the last axis of both; with a tensor of no axes, the
    product.
    """
    backend, x1, x2 = _pair(x1, x2)
    rank1, rank2 = rank_of(backend, x1), rank_of(backend, x2)
    if rank1 == 0 or rank2 == 0:
        return backend.multiply(x1, x2)
    size, other = backend.static_shape(x1)[-1], backend.static_shape(x2)[-1]
    if None not in (size, other) and size != other:
        raise wrong("x2", x2, f"a tensor whose last dimension is that of x1, {size}")
    return _tensordot(backend, x1, x2, ([rank1 - 1], [rank2 - 1]))


@op
def vdot(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Returns the sum of conj(x1) * x2 over all elements, in order: one number."""
    backend, x1, x2 = _pair(x1, x2)
    x1 = backend.conj(x1) if backend.dtype(x1).startswith("complex") else x1
    x1, x2 = (backend.reshape(x, (-1,)) for x in (x1, x2))
    return _tensordot(backend, x1, x2, 1)


@op
def outer(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Returns all products of an element of x1 with one of x2: (size of x1, size of x2)."""
    backend, x1, x2 = _pair(x1, x2)
    return backend.multiply(backend.reshape(x1, (-1, 1)), backend.reshape(x2, (1, -1)))


@op
def kron(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Computes Kronecker's product: x1 with each element replaced by its product with x2.

    The tensor of fewer axes gets leading ones; each size is the product of both sizes.
    """
    backend, x1, x2 = _pair(x1, x2)
    sizes = [backend.shape(x) for x in (x1, x2)]
    rank = max(map(len, sizes))
    one, two = ((1,) * (rank - len(shape)) + tuple(shape) for shape in sizes)
    x1 = backend.reshape(x1, tuple(n for size in one for n in (size, 1)))
    x2 = backend.reshape(x2, tuple(n for size in two for n in (1, size)))
    shape = tuple(a * b for a, b in zip(one, two, strict=True))
    return backend.reshape(backend.multiply(x1, x2), shape)


@op
def cross(
    x1: TensorLike,
    x2: TensorLike,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: int | None = None,
) -> Tensor:
    """Returns the vector product of vectors of 3 (or 2) elements along axes of x1 and of x2.

    The vectors lie along `axisa` and `axisb`, those of the result along `axisc`; `axis` stands for
    all three. Other axes broadcast. The third element of a vector of 2 counts as 0; of two such
    vectors only the third element of the product is given, without an axis.
    """
    backend, x1, x2 = _pair(x1, x2)
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = _elements(backend, x1, axisa, "x1"), _elements(backend, x2, axisb, "x2")

    def minor(i: int, j: int) -> Tensor:
        products = [
            backend.multiply(u[m], v[n])
            for u, v, m, n in ((a, b, i, j), (a, b, j, i))
            if m < len(a) and n < len(b)
        ]
        if len(products) == 2:
            return backend.subtract(*products)
        return products[0] if i < len(a) and j < len(b) else backend.negative(products[0])

    if len(a) == len(b) == 2:
        return minor(0, 1)
    y = backend.stack([minor(1, 2), minor(2, 0), minor(0, 1)], -1)
    return backend.moveaxis(y, -1, axis_of(backend, y, axisc, "axisc"))


def _elements(backend: Any, x: Tensor, axis: int, name: str) -> list[Tensor]:
    place = axis_of(backend, x, axis, f"axis{'a' if name == 'x1' else 'b'}")
    size = backend.static_shape(x)[place]
    if size not in (2, 3):
        raise wrong(name, x, f"vectors of 2 or 3 elements along axis {axis}")
    if backend.dtype(x) == "bool":
        raise wrong(name, x, "numbers")
    return [backend.take(x, i, place) for i in range(size)]


@op
def dense(
    x: TensorLike, kernel: TensorLike, bias: TensorLike | None = None, axes: int = 1
) -> Tensor:
    """Computes x @ kernel + bias, in the dtype in which the three meet.

    Shapes: x (…, in), kernel (in, out), bias (out,) or None; the result is (…, out). `in` and `out`
    may each stand for several axes: `axes` is how many of the kernel's axes are summed over.
    """
    backend, (x, kernel, bias) = together(x, kernel, bias)
    if x.dtype != kernel.dtype or (bias is not None and bias.dtype != kernel.dtype):
        given = (x, kernel) if bias is None else (x, kernel, bias)
        backend, (x, kernel, *rest) = promoted_all(*given)
        bias = rest[0] if rest else None
    if axes == 1 and len(kernel.shape) == 2:
        return backend.dense(x, kernel, bias)
    sizes, made = backend.static_shape(kernel), tuple(kernel.shape)[axes:]
    summed = prod(sizes[:axes])
    batch = backend.shape(x)[: len(x.shape) - axes]
    y = backend.dense(
        x if axes == 1 else backend.reshape(x, (*batch, summed)),
        backend.reshape(kernel, (summed, prod(made))),
        None if bias is None else backend.reshape(bias, (prod(made),)),
    )
    return y if len(made) == 1 else backend.reshape(y, (*batch, *made))
