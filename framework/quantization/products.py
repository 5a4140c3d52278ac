"""What quantized layers compute: products in 8 bits, in float8, and rows of packed tables."""

from collections.abc import Sequence
from typing import Any

from .. import activations, ops
from ..backends.registry import TENSORS
from ..configs import plain_class
from ..context import state
from ..quantizers import AbsMaxQuantizer, quantize_and_dequantize, unpack_int4
from ..quantizers.float8 import step
from ..quantizers.parameters import dequantize_with_sz_map
from ..typing import Tensor
from .weights import int8_floats


def call(layer: Any, rule: Any, inputs: Tensor) -> Tensor:
    """Returns the outputs of a quantized layer that multiplies by a kernel."""
    if layer.quantization_mode == "float8":
        y, bias = _float8(layer, rule, inputs), _float8_bias(layer)
    else:
        y, bias = _scaled(layer, rule, inputs), layer.bias
        if layer.lora_enabled:
            y = ops.add(y, _adapted(layer, rule, inputs, "kernel"))
    return _finished(layer, y, bias)


def _finished(layer: Any, y: Tensor, bias: Any) -> Tensor:
    y = y if bias is None else ops.add(y, bias)
    activation: Any = layer.activation
    return y if activation in (None, activations.linear) else activation(y)


def _adapted(layer: Any, rule: Any, x: Tensor, name: str) -> Tensor:
    a, b = (getattr(layer, f"lora_{name}_{part}") for part in "ab")
    change = ops.matmul(rule.multiply(layer, x, a), b)
    scaled = ops.multiply(change, layer.lora_alpha / layer.lora_rank)
    return ops.cast(scaled, layer.compute_dtype)


def _scaled(layer: Any, rule: Any, inputs: Tensor) -> Tensor:
    """The product of quantized inputs and a kernel of few bits, divided by the scales.

    Its gradient by the inputs is that of the product with the kernel as floats.
    """
    dtype, quantizer = layer.compute_dtype, layer.inputs_quantizer
    if rule.is_dense and layer.quantization_mode == "int8":
        found = _by_one_kernel([layer], inputs, "kernel", False)
        if found is not None:
            return found
    if quantizer is None:
        return rule.multiply(layer, inputs, layer.floats_of("kernel"))

    def quantized(x: Tensor) -> tuple[Tensor, Tensor]:
        levels, scale = quantizer(x, axis=rule.summed(layer))
        return levels, rule.beside_outputs(layer, scale)

    @ops.custom_gradient
    def of_floats(x: Tensor, kernel: Tensor) -> Any:
        levels, scale = quantized(x)
        y = rule.multiply(layer, ops.cast(levels, dtype), kernel)

        def gradient(upstream: Tensor) -> Any:
            return rule.by_inputs(layer, upstream, kernel), None

        return ops.cast(ops.divide(y, scale), dtype), gradient

    @ops.custom_gradient
    def of_levels(x: Tensor, kernel: Tensor, kernel_scale: Tensor) -> Any:
        levels, scale = quantized(x)
        y = ops.cast(rule.multiply(layer, levels, kernel), dtype)

        def gradient(upstream: Tensor) -> Any:
            floats = int8_floats(kernel, kernel_scale, rule.weights(layer)[0], dtype)
            return rule.by_inputs(layer, upstream, floats), None, None

        return ops.cast(ops.divide(y, ops.multiply(scale, kernel_scale)), dtype), gradient

    if layer.quantization_mode != "int8":
        return of_floats(inputs, layer.floats_of("kernel"))
    kernel, kernel_scale = (ops.convert_to_tensor(x) for x in (layer.kernel, layer.kernel_scale))
    return of_levels(inputs, kernel, kernel_scale)


def side_by_side(layers: Sequence[Any], inputs: Tensor) -> list[Tensor] | None:
    """Returns what Dense layers with kernels of 8 bits give for the same inputs, by one product.

    None where there is no kernel for it, or something is around a layer's call.

    Args:
        layers: quantized layers.
        inputs: (…, in).
    """
    if state.observer is not None or not all(map(_is_plain_product, layers)):
        return None
    y = _by_one_kernel(layers, inputs, "kernel", False)
    if y is None:
        return None
    found, start = [], 0
    for layer in layers:
        part = y[..., start : start + layer.units]
        start += layer.units
        found.append(_finished(layer, part, layer.bias))
    return found


def _is_plain_product(layer: Any) -> bool:
    """Whether a layer does nothing but multiply by levels of 8 bits, add a bias and activate."""
    return (
        layer.quantization_mode == "int8"
        and plain_class(type(layer)).__name__ == "Dense"
        and layer.compute_dtype == "float32"
        and layer.activity_regularizer is None
        and not layer.lora_enabled
        and not layer._native_hooks()
    )


def _by_one_kernel(layers: Sequence[Any], inputs: Tensor, name: str, by_rows: bool) -> Any:
    """The product with levels of 8 bits, where the backend has a kernel for it; else None.

    Of several layers the results stand side by side.
    """
    backend = layers[0]._backend
    if TENSORS.get(type(inputs)) is not backend:
        return None
    epsilons = {_epsilon(layer.inputs_quantizer) for layer in layers}
    if len(epsilons) > 1 or _ELSE in epsilons:
        return None
    parts = [(one._tracked[name].value, vars(one)[f"{name}_scale"].value) for one in layers]
    return backend.quantized_dense(inputs, parts, *epsilons, by_rows)


_ELSE = object()


def _epsilon(quantizer: Any) -> Any:
    """What keeps a quantizer of inputs from dividing by zero; None without one."""
    if quantizer is None:
        return None
    usual = type(quantizer) is AbsMaxQuantizer and quantizer.value_range == (-127, 127)
    return quantizer.epsilon if usual and quantizer.output_dtype == "int8" else _ELSE


# float8 -------------------------------------------------------------------------------------------


def _float8(layer: Any, rule: Any, inputs: Tensor) -> Tensor:
    """The product of inputs and kernel rounded to e4m3, whose gradient is rounded to e5m2.

    The gradient by a scale or a history is its value in the next step, which the optimizer puts in
    its place.
    """
    if layer.lora_enabled:
        raise NotImplementedError(
            f"{layer.name}: training in float8 does not support LoRA. Quantize it in another "
            "mode, or take its adapter off: `isozoo.lora.disable(model)`."
        )
    dtype = layer.compute_dtype
    training = layer.resolve_training()

    @ops.custom_gradient
    def rounded(x: Tensor, scale: Tensor, history: Tensor) -> Any:
        after = step(x, scale, history, "float8_e4m3fn") if training else (scale, history)

        def gradient(upstream: Tensor) -> Any:
            return upstream, *after

        return quantize_and_dequantize(x, scale, "float8_e4m3fn", dtype), gradient

    @ops.custom_gradient
    def with_rounded_gradient(y: Tensor, scale: Tensor, history: Tensor) -> Any:
        def gradient(upstream: Tensor) -> Any:
            after = step(upstream, scale, history, "float8_e5m2")
            return quantize_and_dequantize(upstream, scale, "float8_e5m2", dtype), *after

        return y, gradient

    def state_of(name: str) -> tuple[Any, Any]:
        names = (f"{name}_scale", f"{name}_amax_history")
        return tuple(ops.convert_to_tensor(getattr(layer, n)) for n in names)  # pyright: ignore

    kernel = ops.convert_to_tensor(layer.kernel)
    y = rule.multiply(
        layer, rounded(inputs, *state_of("inputs")), rounded(kernel, *state_of("kernel"))
    )
    return with_rounded_gradient(y, *state_of("outputs_grad"))


def _float8_bias(layer: Any) -> Any:
    """The bias, rounded to bfloat16 where the layer computes in float32, as in Keras."""
    if layer.bias is None or layer.compute_dtype != "float32":
        return layer.bias
    return ops.cast(ops.cast(layer.bias, "bfloat16"), "float32")


# Tables -------------------------------------------------------------------------------------------


def rows(layer: Any, indices: Tensor) -> Tensor:
    """Returns rows of a quantized table as floats; only these are read."""
    dtype, take = layer.compute_dtype, layer.rows_of
    levels = take(layer._tracked["embeddings"], indices)
    scale = take(ops.reshape(layer.embeddings_scale, (layer.input_dim, -1)), indices)
    if layer.quantization_mode == "int4":
        levels = unpack_int4(levels, layer.output_dim, axis=-1)
    zero = vars(layer).get("embeddings_zero")
    if zero is None:
        y = ops.divide(ops.cast(levels, dtype), scale)
    else:
        y = dequantize_with_sz_map(levels, scale, take(zero, indices), layer.g_idx)
    if layer.lora_enabled:
        change = ops.matmul(take(layer.lora_embeddings_a, indices), layer.lora_embeddings_b)
        y = ops.add(y, ops.multiply(change, layer.lora_alpha / layer.lora_rank))
    return ops.cast(y, dtype)


def scores(layer: Any, rule: Any, inputs: Tensor) -> Tensor:
    """Returns the products of vectors with each row of a quantized table."""
    dtype, quantizer = layer.compute_dtype, layer.inputs_quantizer
    tied = getattr(layer, "tie_weights", True)  # an Embedding is one that has nothing else
    name = "embeddings" if tied else "reverse_embeddings"
    scale: Any = None
    if tied and layer.quantization_mode == "int8":
        found = _by_one_kernel([layer], inputs, name, True)
        if found is not None:
            return found
    x = inputs
    if quantizer is not None:
        x, scale = quantizer(inputs, axis=-1)
    levels, own = layer._tracked[name], vars(layer)[f"{name}_scale"]
    if layer.quantization_mode == "int8" and quantizer is not None:
        y = ops.matmul(x, ops.transpose(levels) if tied else levels)
        scale = ops.multiply(scale, own)
    else:
        floats = layer.floats_of(name)
        y = ops.matmul(ops.cast(x, dtype), ops.transpose(floats) if tied else floats)
    y = ops.cast(y, dtype)
    return y if scale is None else ops.cast(ops.divide(y, scale), dtype)
