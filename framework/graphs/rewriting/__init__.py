"""Rewritings of foreign graphs: what exporters tear apart is put together for inference.

Each gives a graph that computes the same up to rounding; names of inputs, outputs, weights and
constants stay. What is put together is computed by operators that a kernel of a backend may fuse.
"""

from __future__ import annotations

from dataclasses import replace

from ..ir import ForeignGraph
from .activations import gates, gelus
from .cleaning import without_identities
from .convolutions import convolution_blocks
from .net import Net
from .norms import layer_norms

# In this order: a later one sees what an earlier one made.
PASSES = (without_identities, gelus, gates, layer_norms, convolution_blocks)


def rewritten(graph: ForeignGraph) -> ForeignGraph:
    """Returns a graph that computes the same at inference in fewer nodes; inner graphs stay."""
    nodes = list(graph.nodes)
    for one in PASSES:
        nodes = one(Net(graph, nodes))
    return replace(graph, nodes=nodes)
