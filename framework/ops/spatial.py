"""Arguments of ops that move a window over spatial axes, and whether they fit."""

from typing import Any

from .. import config
from .dispatch import Tensor
from .errors import wrong


def ntuple(value: Any, rank: int, name: str) -> tuple[int, ...]:
    """Returns one number for each spatial axis. InvalidArgumentError for another count."""
    values = (value,) * rank if isinstance(value, int) else tuple(int(v) for v in value)
    if len(values) != rank:
        raise wrong(name, value, f"an integer, or {rank} for {rank} spatial axes")
    return values


def checked_padding(padding: Any) -> Any:
    """Returns "valid", "same" or pairs of numbers. InvalidArgumentError for another word."""
    if isinstance(padding, str):
        given, padding = padding, padding.lower()
        if padding not in ("valid", "same"):
            raise wrong("padding", given, "'valid', 'same' or pairs (before, behind) for each axis")
    return padding


def channels_last(backend: Any, x: Tensor, data_format: str | None) -> tuple[Tensor, Any]:
    """Returns `x` with its channels last, and the function that puts a result's channels back."""
    if (data_format or config.image_data_format()) == "channels_last":
        return x, _as_it_is
    if data_format not in (None, "channels_first"):
        raise wrong("data_format", data_format, "'channels_last', 'channels_first' or None")
    return backend.moveaxis(x, 1, -1), lambda y: backend.moveaxis(y, -1, 1)


def _as_it_is(x: Tensor) -> Tensor:
    return x


def check_window(x: Tensor, size: Any, padding: Any, dilation: Any, name: str) -> None:
    """Raises InvalidArgumentError where no window fits into the spatial axes of `x`."""
    pads = ((0, 0),) * len(size) if padding == "valid" else padding
    for n, k, d, (low, high) in zip(x.shape[1:-1], size, dilation, pads, strict=True):
        if n is not None and n + low + high <= (k - 1) * d:
            room = tuple(x.shape[1:-1])
            fitting = f"windows that fit into the spatial axes, which are {room}"
            raise wrong(
                name, tuple(size), f"{fitting}: Computed output size would be zero or negative"
            )


def groups_of(inputs: Tensor, kernel: Tensor) -> int:
    """Returns how many groups of channels a kernel makes of the inputs.

    InvalidArgumentError when it does not fit.
    """
    check_ranks(inputs, kernel)
    channels, per_group = inputs.shape[-1], kernel.shape[-2]
    if channels % per_group or not channels or kernel.shape[-1] % (channels // per_group):
        raise wrong(
            "kernel",
            kernel,
            f"(*size, in / groups, out) for inputs with {channels} channels (of shape "
            f"{tuple(inputs.shape)}, channels last)",
        )
    return channels // per_group


def check_ranks(inputs: Tensor, kernel: Tensor) -> None:
    """Raises InvalidArgumentError for other axes than batch, 1 to 3 spatial ones and channels."""
    rank = len(kernel.shape) - 2
    if not 1 <= rank <= 3:
        raise wrong("kernel", kernel, "1, 2 or 3 spatial axes and 2 of channels")
    if len(inputs.shape) != rank + 2:
        shape = tuple(kernel.shape)
        expected = f"(batch, {rank} spatial, channels): a kernel of shape {shape} needs inputs with"
        raise wrong("inputs", inputs, f"{expected} {rank + 2} axes")


def check_channels(inputs: Tensor, kernel: Tensor, place: int, form: str) -> None:
    """Raises InvalidArgumentError where the kernel's axis `place` is not that of the channels."""
    check_ranks(inputs, kernel)
    channels = inputs.shape[-1]
    if channels is not None and channels != kernel.shape[place]:
        raise wrong("kernel", kernel, f"{form} for inputs with {channels} channels")
