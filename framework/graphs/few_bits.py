"""Graphs whose weights are kept in 8 or 4 bits: the nodes that read them, and the numbers.

A weight W becomes `W.levels` with `W.scale` (and `W.zero`, where scales hold for blocks), as the
layers have them; see `quantization.weights`. A product of vectors rounded to 8 bits, and a lookup
of rows, take the levels themselves; for all else a node gives W again as floats. So the graph says
how it is computed, and whatever takes graphs (files, backends, export) takes these.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..ops import convert_to_numpy
from ..ops.flat import running
from ..quantization import weights as layers
from .errors import GraphError
from .ir import ForeignGraph, Node, Weight
from .kernels import PRODUCTS, input_of, kernels, use_of
from .rewriting.net import OWN

_FLOATS = ("float32", "float64", "float16", "bfloat16")


def described(name: str, shape: tuple[int, ...], kind: str) -> layers.Weight:
    """Returns how a weight is looked at as a matrix; `kind` is that of `kernels`."""
    if kind == "columns":
        matrix = (math.prod(shape[:-1]), shape[-1])
        return layers.Weight(name, shape, matrix, tuple(range(len(shape) - 1)), 0, 1)
    matrix = (shape[0], math.prod(shape[1:]))
    return layers.Weight(name, shape, matrix, tuple(range(1, len(shape))), 1, 1)


def in_few_bits(
    graph: ForeignGraph,
    read: Callable[[str], np.ndarray],
    config: Any,
    wanted: Callable[[str], bool],
) -> tuple[ForeignGraph, dict[str, np.ndarray]]:
    """Returns the graph with weights of few bits, and the numbers of the weights that are new.

    Args:
        graph: what is quantized; it is left as it was.
        read: gives the floats of a weight.
        config: an Int8QuantizationConfig or Int4QuantizationConfig.
        wanted: tells of a weight's name whether it is to be quantized.

    Raises:
        GraphError: there is no such weight, or the names of the new ones are taken.
    """
    kinds = {
        name: kind
        for name, kind in kernels(graph).items()
        if graph.weights[name].dtype in _FLOATS and wanted(name)
    }
    if not kinds:
        raise GraphError(
            f"the graph {graph.name!r} has no matrix, kernel or table of floats to quantize"
        )
    made: dict[str, Weight] = {}
    arrays: dict[str, np.ndarray] = {}
    held: dict[str, dict[str, Any]] = {}
    for name, whole in graph.weights.items():
        if name not in kinds:
            made[name] = whole
            continue
        weight = described(name, whole.shape, kinds[name])
        parts = _values(read(name), weight, config)
        for part, array in parts.items():
            if f"{name}.{part}" in graph.weights:
                raise GraphError(f"the graph has a weight {name}.{part} already")
            made[f"{name}.{part}"] = Weight(array.shape, array.dtype.name, False)
            arrays[f"{name}.{part}"] = array
        held[name] = {"kind": kinds[name], "shape": list(whole.shape), "dtype": whole.dtype}
        held[name]["bits"] = 8 if config.mode == "int8" else 4
        if "zero" in parts:
            held[name]["block_size"] = config.block_size
    rounds = config.mode == "int8" and config.activation_quantizer is not None
    nodes = _rewritten(graph, held, arrays, rounds)
    return replace(graph, nodes=nodes, weights=made), arrays


def _values(floats: np.ndarray, weight: layers.Weight, config: Any) -> dict[str, np.ndarray]:
    from ..backends import registry

    wide = floats if floats.dtype == np.float64 else floats.astype(np.float32)
    with running(registry.get("numpy")):
        if config.mode == "int8":
            found = layers.int8_values(wide, weight, config.weight_quantizer)
        else:
            size = None if config.block_size in (None, -1) else config.block_size
            found = layers.int4_values(wide, weight, size, config.weight_quantizer)
    arrays = {key: np.asarray(convert_to_numpy(x)) for key, x in found.items()}
    named = {weight.name: "levels", f"{weight.name}_scale": "scale", f"{weight.name}_zero": "zero"}
    return {named[key]: array for key, array in arrays.items()}


def _rewritten(
    graph: ForeignGraph, held: Mapping[str, Any], arrays: Mapping[str, Any], rounds: bool
) -> list[Node]:
    """The nodes, with those that read levels."""
    found: list[Node] = []
    given: set[str] = set()

    def parts(name: str) -> tuple[str, ...]:
        names = (f"{name}.{part}" for part in ("levels", "scale", "zero"))
        return tuple(one for one in names if one in arrays)

    for node in graph.nodes:
        use = use_of(node)
        name = node.inputs[use.place] if use is not None else ""
        if use is not None and name in held and held[name]["kind"] == use.kind:
            factors = _factors(node) if rounds and use.kind in PRODUCTS else None
            if factors is not None and len(held[name]["shape"]) == 2:
                x, bias = factors
                inputs = (x, *parts(name), *((bias,) if bias else ()))
                found.append(
                    Node("Product", inputs, node.outputs, OWN, 1, node.name, dict(held[name]))
                )
                continue
            if use.kind == "table" and len(node.inputs) == 2:
                inputs = (node.inputs[1 - use.place], *parts(name))
                found.append(
                    Node("Rows", inputs, node.outputs, OWN, 1, node.name, dict(held[name]))
                )
                continue
        for name in _read_by(node):
            if name in held and name not in given:
                given.add(name)
                attributes = dict(held[name])
                found.append(Node("Floats", parts(name), (name,), OWN, 1, name, attributes))
        found.append(node)
    return found


def _read_by(node: Node) -> list[str]:
    names = [name for name in node.inputs if name]
    for _, inner in node.graphs():
        names += sorted(inner.free_names())
    return names


def _factors(node: Node) -> tuple[str, str] | None:
    """What a product multiplies its weight with, and what it adds ("" for nothing); None where it
    does something else besides."""
    if node.domain != "aten":
        given = node.attributes
        plain = not given.get("transA", 0) and given.get("alpha", 1.0) == 1.0
        plain = plain and given.get("beta", 1.0) == 1.0 and not node.domain
        x, _, bias = (*node.inputs, "")[:3]
        return (x, bias) if plain and node.op in ("MatMul", "Gemm") else None
    arguments = [*node.attributes["args"], None, None]
    op = node.op.partition(".")[0]
    if op not in ("linear", "mm", "matmul", "addmm") or len(node.attributes) > 1:
        return None
    x, bias = (arguments[1], arguments[0]) if op == "addmm" else (arguments[0], None)
    bias = arguments[2] if op == "linear" else bias
    places = [input_of(node, one) for one in (x, bias)]
    names = ["" if place is None else node.inputs[place] for place in places]
    return (names[0], names[1]) if names[0] else None
