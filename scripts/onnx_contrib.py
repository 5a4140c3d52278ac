"""Random cases of onnxruntime's own operators; what it computes of them is expected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

DOMAIN = "com.microsoft"
BATCH, PLACES, HEADS, SIZE = 2, 5, 4, 8
WIDTH = HEADS * SIZE


class Draw:
    """Draws arrays of one case."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)

    def floats(self, *shape: int) -> np.ndarray:
        """Returns normal float32 numbers of half the usual spread."""
        return (0.5 * self.random.standard_normal(shape)).astype(np.float32)

    def whole(self, low: int, high: int, *shape: int, dtype: Any = np.int32) -> np.ndarray:
        """Returns whole numbers from `low` up to and without `high`."""
        return self.random.integers(low, high, shape).astype(dtype)

    def turns(self, places: int, planes: int) -> list[np.ndarray]:
        """Returns tables of cosines and sines (places, planes)."""
        angles = np.arange(places)[:, None] * 10.0 ** -np.linspace(0, 2, planes)
        return [np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)]


def table(draw: Draw) -> Iterator[tuple[str, str, dict[str, Any], list[Any], int]]:
    """Yields (name, operator, attributes, inputs, number of outputs) of each case.

    An input is an array, or None for one that is left out.
    """
    d, f = draw, draw.floats
    x, wide = f(BATCH, PLACES, WIDTH), f(WIDTH)
    yield "gelu", "Gelu", {}, [x], 1
    yield "bias_gelu", "BiasGelu", {}, [x, wide], 1
    yield "fast_gelu", "FastGelu", {}, [x], 1
    yield "fast_gelu_bias", "FastGelu", {}, [x, wide], 1
    yield "quick_gelu", "QuickGelu", {"alpha": 1.5}, [x], 1
    a, b = f(3, 2, 4, 5), f(3, 2, 5, 6)
    yield "fused_matmul", "FusedMatMul", {"alpha": 0.5}, [a, b], 1
    yield (
        *("fused_matmul_turned", "FusedMatMul", {"transA": 1, "transB": 1}),
        *([f(3, 2, 5, 4), f(3, 2, 6, 5)], 1),
    )
    yield (
        *("fused_matmul_batch", "FusedMatMul", {"transBatchA": 1, "transBatchB": 1, "transB": 1}),
        *([f(4, 3, 2, 5), f(6, 3, 2, 5)], 1),
    )
    skip = f(BATCH, PLACES, WIDTH)
    for given, name in (([], ""), ([f(WIDTH)], "_bias")):
        yield f"skip_layer{name}", "SkipLayerNormalization", {}, [x, skip, wide, wide, *given], 4
        yield (
            *(f"skip_simplified{name}", "SkipSimplifiedLayerNormalization", {"epsilon": 1e-6}),
            *([x, skip, wide, *given], 4),
        )
    yield "skip_layer_wide", "SkipLayerNormalization", {}, [x, skip[:1], wide, wide], 1
    yield "simplified_layer", "SimplifiedLayerNormalization", {"axis": -1}, [x, wide], 1
    ids, kinds = d.whole(0, 20, BATCH, PLACES), d.whole(0, 2, BATCH, PLACES)
    tables = [f(20, WIDTH), f(9, WIDTH), f(2, WIDTH), wide, f(WIDTH)]
    mask = np.array([[1] * PLACES, [1, 1, 1, 0, 0]], np.int32)
    yield "embed", "EmbedLayerNormalization", {}, [ids, kinds, *tables, mask], 3
    short = [tables[0], tables[1], None, *tables[3:]]
    yield "embed_short", "EmbedLayerNormalization", {"epsilon": 1e-5}, [ids, None, *short], 2
    yield from _rotations(d)
    yield from _attentions(d)
    yield from _several_heads(d)
    yield from _grouped(d)
    yield from _few_bits(d)
    yield from _quantized(d)
    yield from _quantized_products(d)


def _rotations(d: Draw) -> Iterator[tuple[str, str, dict[str, Any], list[Any], int]]:
    tables, x = d.turns(16, SIZE // 2), d.floats(BATCH, PLACES, WIDTH)
    positions = d.whole(0, 16, BATCH, PLACES, dtype=np.int64)
    for turn in (0, 1):
        name, how = f"rotary_{turn}", {"interleaved": turn}
        yield name, "RotaryEmbedding", how, [x, positions, *tables], 1
        apart = d.floats(BATCH, HEADS, PLACES, SIZE)
        yield f"{name}_heads", "RotaryEmbedding", how, [apart, positions, *tables], 1
        part = {**how, "num_heads": HEADS, "rotary_embedding_dim": SIZE // 2}
        few = [one[:, : SIZE // 4].copy() for one in tables]
        yield f"{name}_part", "RotaryEmbedding", part, [x, positions, *few], 1
    start = np.array([3], np.int64)
    yield "rotary_start", "RotaryEmbedding", {"scale": 1.0}, [x, start, *tables], 1


def _masks(d: Draw) -> Iterator[tuple[str, np.ndarray | None]]:
    yield "", None
    yield "_lengths", np.array([PLACES, 3], np.int32)
    keys = np.ones((BATCH, PLACES), np.int32)
    keys[1, 3:] = 0
    yield "_keys", keys
    square = d.whole(0, 2, BATCH, PLACES, PLACES)
    square[:, :, 0] = 1
    yield "_square", square


def _attentions(d: Draw) -> Iterator[tuple[str, str, dict[str, Any], list[Any], int]]:
    f, heads = d.floats, {"num_heads": HEADS}
    given = [f(BATCH, PLACES, 20), f(20, 3 * WIDTH), f(3 * WIDTH)]
    for name, mask in _masks(d):
        yield f"attention{name}", "Attention", heads, [*given, mask], 1
    ends = np.array([PLACES, 4, 0, 1], np.int32)
    yield "attention_ends", "Attention", heads, [*given, ends], 1
    one_way = {**heads, "unidirectional": 1, "scale": 0.2}
    yield "attention_one_way", "Attention", one_way, given, 1
    past = f(2, BATCH, HEADS, 3, SIZE)
    yield "attention_past", "Attention", one_way, [*given, None, past], 2
    added = f(BATCH, HEADS, PLACES, PLACES)
    yield "attention_added", "Attention", heads, [*given, None, None, added], 1
    sizes = {**heads, "qkv_hidden_sizes": [WIDTH, WIDTH, 2 * WIDTH]}
    uneven = [given[0], f(20, 4 * WIDTH), f(4 * WIDTH)]
    yield "attention_sizes", "Attention", sizes, uneven, 1


def _several_heads(d: Draw) -> Iterator[tuple[str, str, dict[str, Any], list[Any], int]]:
    f, heads, op = d.floats, {"num_heads": HEADS}, "MultiHeadAttention"
    query, other = f(BATCH, PLACES, WIDTH), 7
    key, value, bias = f(BATCH, other, WIDTH), f(BATCH, other, WIDTH), f(3 * WIDTH)
    yield "heads", op, heads, [query, key, value], 1
    yield "heads_bias", op, {**heads, "scale": 0.3}, [query, key, value, bias], 1
    mask = np.ones((BATCH, other), np.int32)
    mask[0, 5:] = 0
    yield "heads_keys", op, heads, [query, key, value, None, mask], 1
    yield "heads_added", op, heads, [query, key, value, None, None, f(1, HEADS, PLACES, other)], 1
    same = [query, f(BATCH, PLACES, WIDTH), f(BATCH, PLACES, WIDTH)]
    yield "heads_one_way", op, {**heads, "unidirectional": 1}, same, 1
    pasts = [f(BATCH, HEADS, 3, SIZE), f(BATCH, HEADS, 3, SIZE)]
    yield "heads_past", op, heads, [*same, bias, None, None, *pasts], 3
    crossed = [f(BATCH, HEADS, other, SIZE), f(BATCH, HEADS, other, SIZE)]
    yield "heads_crossed", op, heads, [query, *crossed], 1


def _grouped(d: Draw) -> Iterator[tuple[str, str, dict[str, Any], list[Any], int]]:
    f, op = d.floats, "GroupQueryAttention"
    heads, groups, size = 4, 2, 16
    how = {"num_heads": heads, "kv_num_heads": groups}
    tables = d.turns(32, size // 2)

    def inputs(places: int, held: int, before: list[int], total: int) -> list[Any]:
        lengths = np.array([n + places - 1 for n in before], np.int32)
        past = [f(BATCH, groups, held, size) for _ in range(2)]
        rows = [f(BATCH, places, n * size) for n in (heads, groups, groups)]
        return [*rows, *past, lengths, np.array(total, np.int32)]

    for name, given in (
        ("prompt", inputs(PLACES, 0, [0, 0], PLACES)),
        ("step", inputs(1, 6, [6, 6], 7)),
    ):
        yield f"grouped_{name}", op, how, given, 3
        turned = {**how, "do_rotary": 1}
        yield f"grouped_{name}_rotary", op, turned, [*given, *tables], 3
        crossed = {**turned, "rotary_interleaved": 1}
        yield f"grouped_{name}_interleaved", op, crossed, [*given, *tables], 3
        yield f"grouped_{name}_window", op, {**how, "local_window_size": 3}, given, 3
        yield f"grouped_{name}_softcap", op, {**how, "softcap": 1.5}, given, 3
        yield f"grouped_{name}_smooth", op, {**how, "smooth_softmax": 1}, given, 3
        joined = [np.concatenate(given[:3], -1), None, None, *given[3:]]
        yield f"grouped_{name}_packed", op, turned, [*joined, *tables], 3


def _few_bits(d: Draw) -> Iterator[tuple[str, str, dict[str, Any], list[Any], int]]:
    f, rows, columns, size = d.floats, 24, 40, 16
    count = -(-columns // size)
    for bits in (4, 8):
        how = {"N": rows, "K": columns, "bits": bits, "block_size": size}
        packed = d.whole(0, 256, rows, count, size * bits // 8, dtype=np.uint8)
        scales = np.abs(f(rows, count)) + 0.1
        given = [f(3, PLACES, columns), packed, scales]
        yield f"bits_{bits}", "MatMulNBits", how, given, 1
        zeros = d.whole(0, 256, rows, -(-count * bits // 8), dtype=np.uint8)
        yield f"bits_{bits}_zeros", "MatMulNBits", how, [*given, zeros], 1
    for directions, way in ((1, "forward"), (1, "reverse"), (2, "bidirectional")):
        units = 6
        how = {"hidden_size": units, "direction": way}
        given = [f(PLACES, BATCH, 8)]
        given += [d.whole(-127, 128, directions, n, 4 * units, dtype=np.int8) for n in (8, units)]
        scales = [np.full(directions, 0.004, np.float32), np.zeros(directions, np.int8)]
        bias = f(directions, 8 * units)
        rest = [bias, None, None, None, None, *scales, *scales]
        yield f"lstm_{way}", "DynamicQuantizeLSTM", how, [*given, *rest], 3
    table, places = d.whole(0, 256, 20, 32, dtype=np.uint8), d.whole(0, 20, 3, 4, dtype=np.int64)
    how = {"gather_axis": 0, "quantize_axis": 1, "block_size": 16, "bits": 4}
    scales = np.abs(f(20, 4)) + 0.1
    yield "gather_bits", "GatherBlockQuantized", how, [table, places, scales], 1
    zeros = d.whole(0, 256, 20, 2, dtype=np.uint8)
    yield "gather_bits_zeros", "GatherBlockQuantized", how, [table, places, scales, zeros], 1


def _scale(value: float) -> np.ndarray:
    return np.array(value, np.float32)


def _quantized(d: Draw) -> Iterator[tuple[str, str, dict[str, Any], list[Any], int]]:
    for dtype, low, high, zero in ((np.uint8, 0, 256, 120), (np.int8, -128, 128, 7)):
        name = np.dtype(dtype).name

        def drawn(*shape: int, low=low, high=high, dtype=dtype) -> np.ndarray:
            return d.whole(low, high, *shape, dtype=dtype)

        x, y, at = drawn(2, 3, 6, 5), drawn(3, 1, 5), np.array(zero, dtype)
        one, two, out = (
            [_scale(0.0312347), at],
            [_scale(0.0173911), np.array(zero + 2, dtype)],
            _scale(0.09),
        )
        yield f"qadd_{name}", "QLinearAdd", {}, [x, *one, y, *two, out, at], 1
        yield f"qmul_{name}", "QLinearMul", {}, [x, *one, y, *two, out, at], 1
        yield f"qsigmoid_{name}", "QLinearSigmoid", {}, [x, *one, _scale(0.0040213), at], 1
        yield f"qleaky_{name}", "QLinearLeakyRelu", {"alpha": 0.1}, [x, *one, out, at], 1
        yield f"qglobal_{name}", "QLinearGlobalAveragePool", {}, [x, *one, *two], 1
        how = {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 1]}
        yield f"qaverage_{name}", "QLinearAveragePool", how, [x, *one, *two], 1
        parts = [x, *one, drawn(2, 4, 6, 5), *two]
        yield f"qconcat_{name}", "QLinearConcat", {"axis": 1}, [out, at, *parts], 1
        way = {"axis": -1, "opset": 13}
        yield f"qsoftmax_{name}", "QLinearSoftmax", way, [x, *one, _scale(1 / 256), at], 1
        mask = d.whole(0, 2, 2, 3, 6, 5).astype(bool)
        yield f"qwhere_{name}", "QLinearWhere", {}, [mask, x, *one, y, *two, out, at], 1


def _quantized_products(d: Draw) -> Iterator[tuple[str, str, dict[str, Any], list[Any], int]]:
    f, rows, columns = d.floats, 12, 9
    a, b = (
        d.whole(0, 256, 4, rows, dtype=np.uint8),
        d.whole(-127, 128, rows, columns, dtype=np.int8),
    )
    at, zero, scales = np.array(121, np.uint8), np.array(3, np.int8), [_scale(0.02), _scale(0.03)]
    each = np.abs(f(columns)) * 0.1 + 0.01
    given = [a, b, *scales, at, zero]
    yield "to_float", "MatMulIntegerToFloat", {}, given, 1
    yield "to_float_bias", "MatMulIntegerToFloat", {}, [*given, f(columns)], 1
    yield "to_float_columns", "MatMulIntegerToFloat", {}, [a, b, scales[0], each, at], 1
    x = f(2, 4, rows)
    yield "dynamic_product", "DynamicQuantizeMatMul", {}, [x, b, scales[1], zero, f(columns)], 1
    yield "dynamic_product_plain", "DynamicQuantizeMatMul", {}, [x, b, each], 1
    c = d.whole(-500, 500, columns)
    left, right = [a, scales[0], at], [b, scales[1], zero]
    yield "qgemm", "QGemm", {}, [*left, *right, c, _scale(0.4), at], 1
    yield "qgemm_float", "QGemm", {"alpha": 0.5}, [*left, *right, c], 1
    turned = [np.ascontiguousarray(b.T), *right[1:]]
    yield "qgemm_turned", "QGemm", {"transB": 1}, [*left, *turned], 1
    heads = {"num_heads": HEADS}
    inner = d.whole(0, 256, BATCH, PLACES, 20, dtype=np.uint8)
    weights = d.whole(-127, 128, 20, 3 * WIDTH, dtype=np.int8)
    attended = [inner, weights, f(3 * WIDTH), _scale(0.01), _scale(0.005)]
    yield "qattention", "QAttention", heads, [*attended, None, at, zero], 1
    mask = np.array([PLACES, 3], np.int32)
    yield "qattention_mask", "QAttention", heads, [*attended, mask, at, zero], 1
    picture, kernel = f(1, 3, 6, 5), f(4, 3, 3, 3)
    how = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "activation": "Relu"}
    yield "fused_conv", "FusedConv", how, [picture, kernel, f(4)], 1
    yield "fused_conv_sum", "FusedConv", how, [picture, kernel, f(4), f(1, 4, 6, 5)], 1
    leaky = {**how, "activation": "LeakyRelu", "activation_params": [0.2]}
    yield "fused_conv_leaky", "FusedConv", leaky, [picture, kernel], 1
    way = {"activation": "LeakyRelu", "activation_alpha": 0.3, "transB": 1}
    yield "fused_gemm", "FusedGemm", way, [f(3, 5), f(4, 5), f(4)], 1


def contrib_cases(pattern: str = "", seeds: int = 3) -> Iterator[tuple[str, Any, list[Any], Any]]:
    """Yields (name, model, inputs, expected outputs) of the cases that onnxruntime takes.

    Args:
        pattern: names must hold it.
        seeds: how many cases of each line.
    """
    import onnx
    import onnxruntime
    from onnx import helper

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    for seed in range(seeds):
        for name, op, attributes, given, outputs in table(Draw(seed)):
            if pattern not in name:
                continue
            domain = "" if op == "SimplifiedLayerNormalization" else DOMAIN
            names = ["" if x is None else f"x{n}" for n, x in enumerate(given)]
            made = [f"y{n}" for n in range(outputs)]
            if op.endswith("SimplifiedLayerNormalization") and outputs == 4:
                made[1:3] = ["", ""]  # statistics that it does not give on CPUs
            if op == "SkipLayerNormalization" and outputs == 4:
                made[1:3] = ["", ""]
            node = helper.make_node(op, names, made, op.lower(), domain=domain, **attributes)
            arrays = {n: x for n, x in zip(names, given, strict=True) if x is not None}
            inputs = [
                helper.make_tensor_value_info(
                    n, helper.np_dtype_to_tensor_dtype(x.dtype), list(x.shape)
                )
                for n, x in arrays.items()
            ]
            values = [helper.make_empty_tensor_value_info(n) for n in made if n]
            graph = helper.make_graph([node], "case", inputs, values)
            opsets = [helper.make_opsetid("", 17), helper.make_opsetid(DOMAIN, 1)]
            model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
            for value in model.graph.output:  # their shapes are the operator's business
                whole = op == "EmbedLayerNormalization" and value.name == "y1"
                kind = onnx.TensorProto.INT32 if whole else onnx.TensorProto.FLOAT
                if op.startswith("QLinear") or (op == "QGemm" and len(given) == 9):
                    kind = helper.np_dtype_to_tensor_dtype(given[-1].dtype)
                value.type.tensor_type.elem_type = kind
            session = onnxruntime.InferenceSession(
                model.SerializeToString(), options, ["CPUExecutionProvider"]
            )
            yield f"{name}[{seed}]", model, [*arrays.values()], session.run(None, arrays)
