"""Padding of windows: how many elements before and behind each axis."""


def same_pads(size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """Padding of one axis so that its output has ceil(size / stride) elements.

    The odd element goes behind, as TensorFlow defines "same".
    """
    reach = (kernel - 1) * dilation + 1
    total = reach - 1 - (size - 1) % stride
    if reach < stride:  # else it is not negative, and a symbolic size need not be compared
        total = max(total, 0)
    return total // 2, total - total // 2


def explicit_pads(padding, sizes, kernel, strides, dilation=None):
    """Pairs (before, behind) of each spatial axis for "valid", "same" or explicit pairs."""
    if padding == "valid":
        return tuple((0, 0) for _ in kernel)
    if padding == "same":
        dilation = dilation or (1,) * len(kernel)
        axes = zip(sizes, kernel, strides, dilation, strict=True)
        return tuple(same_pads(*axis) for axis in axes)
    return tuple((int(low), int(high)) for low, high in padding)
