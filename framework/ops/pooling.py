"""Pooling over one, two or three spatial axes."""

from ..typing import Ints, TensorLike
from .dispatch import Tensor, floating, numeric, tensor
from .errors import wrong
from .op import op
from .spatial import channels_last, check_window, checked_padding, ntuple


@op
def max_pool(
    inputs: TensorLike,
    pool_size: Ints,
    strides: Ints | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Returns the largest element of each window; padding never wins.

    Shapes: inputs (batch, *spatial, channels), or channels behind the batch with `data_format`
    "channels_first" (None: the configured format). Windows of `pool_size` move by `strides`, their
    own size unless given; `padding` is that of `conv`. Booleans count as int32.
    """
    backend, inputs = numeric(inputs)
    return _pool(backend, inputs, pool_size, strides, padding, data_format, "max")


@op
def average_pool(
    inputs: TensorLike,
    pool_size: Ints,
    strides: Ints | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Returns the mean of each window over its real elements; padding does not count.

    Arguments are those of `max_pool`; integers are answered in the default float.
    """
    backend, inputs = floating(inputs)
    return _pool(backend, inputs, pool_size, strides, padding, data_format, "average")


def _pool(backend, inputs, pool_size, strides, padding, data_format, kind):
    rank = _spatial_rank(inputs)
    inputs, back = channels_last(backend, inputs, data_format)
    size, padding = ntuple(pool_size, rank, "pool_size"), checked_padding(padding)
    steps = size if strides is None else ntuple(strides, rank, "strides")
    if padding != "same":
        check_window(inputs, size, padding, (1,) * rank, "pool_size")
    if inputs.dtype in backend.float_types or backend.dtype(inputs) == "int32":
        return back(backend.pool(inputs, size, steps, padding, kind))
    return back(backend.integer_max_pool(inputs, size, steps, padding))


def _spatial_rank(inputs) -> int:
    rank = len(inputs.shape) - 2
    if not 1 <= rank <= 3:
        raise wrong("inputs", inputs, "a batch, 1, 2 or 3 spatial axes, and channels")
    return rank


@op
def adaptive_max_pool(
    inputs: TensorLike, output_size: Ints, data_format: str | None = None
) -> Tensor:
    """Returns the largest element of each of `output_size` windows that cover the inputs.

    Window i of the o on an axis of n elements goes from floor(i n / o) to ceil((i + 1) n / o), as
    in PyTorch. Shapes: inputs (batch, *spatial, channels), or channels behind the batch with
    `data_format` "channels_first" (None: the configured format). `output_size` is one number or
    one for each spatial axis; None keeps an axis.
    """
    backend, inputs = tensor(inputs)
    return _adaptive_pool(backend, inputs, output_size, data_format, "max")


@op
def adaptive_average_pool(
    inputs: TensorLike, output_size: Ints, data_format: str | None = None
) -> Tensor:
    """Returns the mean of each of `output_size` windows that cover the inputs.

    Windows and arguments are those of `adaptive_max_pool`; integers are answered in the default
    float.
    """
    backend, inputs = floating(inputs)
    return _adaptive_pool(backend, inputs, output_size, data_format, "average")


def _adaptive_pool(backend, inputs, output_size, data_format, kind):
    rank = _spatial_rank(inputs)
    inputs, back = channels_last(backend, inputs, data_format)
    sizes = tuple(inputs.shape[1:-1])
    if isinstance(output_size, list | tuple) and None in output_size:
        pairs = zip(output_size, sizes, strict=False)
        output_size = [n if o is None else o for o, n in pairs]
    output = ntuple(output_size, rank, "output_size")
    if min(output) < 1:
        raise wrong("output_size", output_size, "numbers of at least 1")
    if None in sizes:
        raise wrong("inputs", inputs, "spatial axes of known size: the windows depend on it")
    return back(backend.adaptive_pool(inputs, output, kind))
