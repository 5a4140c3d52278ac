"""Rewritings of foreign graphs: what exporters tear apart is put together for inference.

Each gives a graph that computes the same up to rounding; names of inputs, outputs, weights and
constants stay. What is put together is computed by operators that a kernel of a backend may fuse.
"""

from __future__ import annotations

from dataclasses import replace

from ..ir import ForeignGraph
from .activations import gates, gelus
from .attention import attention, dense_layers
from .cleaning import without_identities, without_unused
from .convolutions import convolution_blocks, merged_pads
from .layouts import channels_last
from .net import Net
from .norms import layer_norms, rms_norms
from .shapes import joined_reshapes, known_shapes, swapped_batches
from .spelling import onnx_spelling

# In this order: a later one sees what an earlier one made.
PASSES = (
    onnx_spelling,
    without_identities,
    gelus,
    gates,
    layer_norms,
    rms_norms,
    convolution_blocks,
    channels_last,
    merged_pads,
    convolution_blocks,
    swapped_batches,
    known_shapes,
    without_unused,
    joined_reshapes,
    attention,
    dense_layers,
    without_unused,
)


# Operators that have more inputs than one.
_NEEDED = {
    **dict.fromkeys("Add Sub Mul Div Pow MatMul Gemm Conv ConvTranspose PRelu Gather".split(), 2),
    "BatchNormalization": 5,
    "LayerNormalization": 2,
    "Where": 3,
}
_WITHOUT = frozenset("Constant RandomNormal RandomUniform SequenceEmpty Optional".split())


def rewritten(graph: ForeignGraph) -> ForeignGraph:
    """Returns a graph that computes the same at inference in fewer nodes; inner graphs stay.

    A graph with a node that lacks inputs stays as it is: an error says so where it runs.
    """
    nodes = list(graph.nodes)
    for node in nodes:
        needed = _NEEDED.get(node.op, 0 if node.op in _WITHOUT else 1)
        if not node.domain and (len(node.inputs) < needed or not node.outputs):
            return graph
    for one in PASSES:
        nodes = one(Net(graph, nodes))
    return replace(graph, nodes=nodes)
