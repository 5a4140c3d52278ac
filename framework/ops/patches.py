"""Images as patches, and channels as pixels."""

from .. import config
from ..typing import Ints, TensorLike
from .dispatch import Tensor, numeric, tensor
from .errors import wrong
from .op import op
from .spatial import ntuple


@op
def unfold(
    x: TensorLike, kernel_size: Ints, dilation: Ints = 1, padding: Ints = 0, stride: Ints = 1
) -> Tensor:
    """Returns the windows of images as columns ("im2col").

    Shapes: x (batch, channels, height, width); the result is
    (batch, channels * kernel_height * kernel_width, places), as in PyTorch. `padding` zeros are
    added on each side. Arguments are one number, or one for each of the two axes.
    """
    backend, x = tensor(x)
    if len(x.shape) != 4:
        raise wrong("x", x, "4 axes: (batch, channels, height, width)")
    settings = _settings(kernel_size, dilation, padding, stride)
    size, dilation, padding, _ = settings
    sizes = tuple(x.shape)[2:]
    for n, k, d, p in zip(sizes, size, dilation, padding, strict=True):
        if n is not None and n + 2 * p <= (k - 1) * d:
            raise wrong("kernel_size", kernel_size, f"windows that fit into images of {sizes}")
    return backend.unfold(x, *settings)


@op
def fold(
    x: TensorLike,
    output_size: Ints,
    kernel_size: Ints,
    dilation: Ints = 1,
    padding: Ints = 0,
    stride: Ints = 1,
) -> Tensor:
    """Returns the sum of columns at the places that `unfold` takes them from ("col2im").

    Shapes: x (batch, channels * kernel_height * kernel_width, places); the result is
    (batch, channels, *output_size). An error when the number of places is another one. Booleans
    count as int32.
    """
    backend, x = numeric(x)
    if len(x.shape) != 3:
        raise wrong("x", x, "3 axes: (batch, channels * cells of the kernel, places)")
    output = ntuple(output_size, 2, "output_size")
    settings = _settings(kernel_size, dilation, padding, stride)
    axes = zip(output, *settings, strict=True)
    rows, columns = ((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, d, p, s in axes)
    cells = settings[0][0] * settings[0][1]
    _, depth, places = tuple(x.shape)
    if depth is not None and depth % cells:
        raise wrong("x", x, f"a second axis that is a multiple of the {cells} cells of the kernel")
    if places is not None and places != rows * columns:
        raise wrong("x", x, f"a last axis of {rows} x {columns} places")
    return backend.fold(x, output, *settings)


def _settings(kernel_size, dilation, padding, stride):
    return (
        ntuple(kernel_size, 2, "kernel_size"),
        ntuple(dilation, 2, "dilation"),
        ntuple(padding, 2, "padding"),
        ntuple(stride, 2, "stride"),
    )


@op
def depth_to_space(x: TensorLike, block_size: int, data_format: str = "channels_last") -> Tensor:
    """Returns channels spread over blocks of `block_size` x `block_size` pixels ("pixel shuffle").

    Shapes: x (batch, height, width, b * b * channels); the result is
    (batch, height * b, width * b, channels). The channels of the input are ordered
    (row, column, channel), as in TensorFlow; with "channels_first" (channel, row, column), as in
    PyTorch.
    """
    backend, x, last = _images(x, block_size, data_format)
    b, sizes = block_size, backend.shape(x)
    depth = sizes[-1] if last else sizes[1]
    if isinstance(depth, int) and depth % (b * b):
        raise wrong("x", x, f"a multiple of {b * b} channels")
    if last:
        batch, height, width, depth = sizes
        split, order = (batch, height, width, b, b, depth // (b * b)), (0, 1, 3, 2, 4, 5)
        result = (batch, height * b, width * b, depth // (b * b))
    else:
        batch, depth, height, width = sizes
        split, order = (batch, depth // (b * b), b, b, height, width), (0, 1, 4, 2, 5, 3)
        result = (batch, depth // (b * b), height * b, width * b)
    return backend.reshape(backend.transpose(backend.reshape(x, split), order), result)


@op
def space_to_depth(x: TensorLike, block_size: int, data_format: str = "channels_last") -> Tensor:
    """Returns blocks of `block_size` x `block_size` pixels as channels: the inverse of
    `depth_to_space`.

    Shapes: x (batch, height * b, width * b, channels); the result is
    (batch, height, width, b * b * channels).
    """
    backend, x, last = _images(x, block_size, data_format)
    b, sizes = block_size, backend.shape(x)
    if any(isinstance(n, int) and n % b for n in (sizes[1:3] if last else sizes[2:])):
        raise wrong("x", x, f"a height and a width that are multiples of {b}")
    if last:
        batch, height, width, depth = sizes
        split, order = (batch, height // b, b, width // b, b, depth), (0, 1, 3, 2, 4, 5)
        result = (batch, height // b, width // b, b * b * depth)
    else:
        batch, depth, height, width = sizes
        split, order = (batch, depth, height // b, b, width // b, b), (0, 1, 3, 5, 2, 4)
        result = (batch, b * b * depth, height // b, width // b)
    return backend.reshape(backend.transpose(backend.reshape(x, split), order), result)


def _images(x, block_size, data_format):
    backend, x = tensor(x)
    if len(x.shape) != 4:
        raise wrong("x", x, "4 axes: a batch of images")
    if not isinstance(block_size, int) or block_size < 2:
        raise wrong("block_size", block_size, "an integer of at least 2")
    data_format = data_format or config.image_data_format()
    if data_format not in ("channels_last", "channels_first"):
        raise wrong("data_format", data_format, "'channels_last' or 'channels_first'")
    return backend, x, data_format == "channels_last"
