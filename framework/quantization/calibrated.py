"""Kernels that GPTQ and AWQ quantized: their variables, and how they read as floats."""

import math
from typing import Any

from .. import ops
from ..quantizers import dequantize_with_sz_map, unpack_int4
from ..typing import Tensor
from .weights import FloatView, Weight

# In the order of Keras's files.
NAMES = {
    "gptq": ("quantized_kernel", "kernel_scale", "kernel_zero", "g_idx"),
    "awq": ("quantized_kernel", "kernel_scale", "kernel_zero", "awq_scales", "g_idx"),
}


def settings(layer: Any, config: Any) -> tuple[int, int]:
    """Returns (bits, group size) by a config, else by the layer's dtype policy.

    Raises ValueError where neither says them.
    """
    for source in (config, layer.dtype_policy):
        bits = getattr(source, "weight_bits", None)
        if bits is not None:
            return bits, source.group_size
    raise ValueError(
        f"{layer.name}: neither a config nor the dtype policy {layer.dtype_policy.name!r} says of "
        "how many bits a weight is. Give a GPTQConfig or an AWQConfig."
    )


def prepare(layer: Any, mode: str, config: Any, shape: tuple[int, int]) -> None:
    """Makes the variables of the levels. The layer computes with its kernel until it has them.

    A layer that is built with the dtype policy of such a kernel has no other: it waits for a file.

    Args:
        layer: a built layer.
        mode: "gptq" or "awq".
        config: bits and group size; those of the dtype policy if None.
        shape: (inputs, outputs) of the kernel as a matrix.
    """
    bits, size = settings(layer, config)
    inputs, outputs = shape
    vars(layer)["_calibration"] = (bits, size, shape)
    groups = 1 if size == -1 else math.ceil(inputs / size)
    made = [
        (
            "quantized_kernel",
            ((outputs + 1) // 2 if bits == 4 else outputs, inputs),
            "uint8",
            "zeros",
        ),
        ("kernel_scale", (outputs, groups), None, "ones"),
        ("kernel_zero", (outputs, groups), "uint8", "zeros"),
        ("awq_scales", (inputs,), None, "ones"),
        ("g_idx", (inputs,), "float32", "zeros"),
    ]
    for name, size_, dtype, initial in made:
        if name in NAMES[mode]:
            variable = layer.add_weight(size_, initial, dtype, trainable=False)
            setattr(layer, name, variable)
    if layer.dtype_policy.quantization_mode == mode:
        finish(layer)


def finish(layer: Any) -> None:
    """Has a layer compute with its levels; the kernel that it had is forgotten."""
    weight = vars(layer)["_quantized_weights"]["kernel"]
    if not layer._is_calibrated:
        layer._forget("kernel")
        vars(layer)["kernel"] = FloatView(layer.quantized_kernel, layer, "kernel", weight.shape)
        layer._is_calibrated = True
        layer.touch()


def floats(layer: Any, mode: str, weight: Weight) -> Tensor:
    """Returns the kernel that the levels stand for, in the compute dtype."""
    bits, _, (_, outputs) = vars(layer)["_calibration"]
    levels: Any = layer.quantized_kernel
    if bits == 4:
        levels = unpack_int4(levels, outputs, axis=0, dtype="uint8")
    made = dequantize_with_sz_map(levels, layer.kernel_scale, layer.kernel_zero, layer.g_idx)
    matrix = ops.transpose(made)
    if mode == "awq":
        matrix = ops.divide(matrix, ops.expand_dims(layer.awq_scales, -1))
    return ops.cast(ops.reshape(matrix, weight.shape), layer.compute_dtype)
