"""Categories and complex numbers by their parts."""

from .. import dtypes
from ..typing import DType, TensorLike
from .dispatch import Tensor, float_promoted, tensor
from .errors import wrong
from .op import op


@op
def one_hot(
    x: TensorLike, num_classes: int, axis: int = -1, dtype: DType = None, sparse: bool = False
) -> Tensor:
    """Puts 1 at the position that each integer of `x` names, along a new axis; zeros out of range.

    The result has `num_classes` elements at `axis`, in the default float unless `dtype` is given.
    `sparse` asks for a tensor that stores the ones alone: a BCOO on jax, a SparseTensor on
    tensorflow, an error elsewhere.
    """
    backend, x = tensor(x)
    return _hot(backend, x, num_classes, axis, dtypes.standardize(dtype), sparse=sparse)


@op
def multi_hot(
    inputs: TensorLike,
    num_classes: int | None = None,
    axis: int = -1,
    dtype: DType = None,
    sparse: bool = False,
    *,
    num_tokens: int | None = None,
) -> Tensor:
    """Puts 1 at all positions that a row of integers names: the largest of its `one_hot` vectors.

    The maximum is taken over axis 1 of `one_hot(inputs, num_classes, axis)`, over axis 0 when
    `inputs` is one row. `num_tokens` is an old name of `num_classes`.
    """
    num_classes = num_tokens if num_classes is None else num_classes
    if num_classes is None:
        raise wrong("num_classes", None, "the number of classes")
    backend, x = tensor(inputs)
    without = 1 if len(x.shape) > 1 else 0
    return _hot(backend, x, num_classes, axis, dtypes.standardize(dtype), without, sparse)


def _hot(backend, x, num_classes, axis, dtype, without=None, sparse=False):
    """`one_hot`, or its maximum along the axis `without`."""
    rank = len(backend.static_shape(x))
    if not hasattr(type(axis), "__index__") or not -rank - 1 <= axis <= rank:
        raise wrong("axis", axis, f"a place from {-rank - 1} to {rank} for the new axis")
    if backend.dtype(x) not in ("int32", "int64"):
        x = backend.cast(x, "int64" if backend.dtype(x) in ("uint32", "uint64") else "int32")
    if sparse:
        if not backend.has_sparse_tensors:
            raise wrong("sparse", sparse, f"False: {backend.name} has no sparse tensors here")
        return backend.sparse_one_hot(x, num_classes, axis, dtype, without)
    hot = backend.one_hot(x, num_classes, axis, dtype)
    return hot if without is None else backend.max(hot, without)


@op
def polar(abs_: TensorLike, angle: TensorLike) -> Tensor:
    """Computes abs_ * (cos(angle) + i sin(angle)): complex128 for float64, else complex64."""
    backend, abs_, angle = float_promoted(abs_, angle)
    abs_, angle = (x if hasattr(x, "shape") else backend.asarray(x) for x in (abs_, angle))
    wide = "float64" if "float64" in (backend.dtype(abs_), backend.dtype(angle)) else "float32"
    abs_, angle = backend.cast(abs_, wide), backend.cast(angle, wide)
    real, imaginary = (backend.multiply(abs_, part(angle)) for part in (backend.cos, backend.sin))
    return backend.complex(real, imaginary)
