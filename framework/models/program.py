"""How the graph of a model runs: convolutions with what stands around them, tensors freed early."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .. import activations
from ..configs import plain_class
from ..context import state
from ..core.graph import Graph, Node, result_pairs
from ..core.keras_tensor import KerasTensor
from ..core.views import View
from ..layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv1D,
    Conv2D,
    DepthwiseConv2D,
    Layer,
    ReLU,
    SeparableConv2D,
    ZeroPadding2D,
)
from ..nested import flatten, map_structure
from .fused import ACTIVATIONS, fused

_CONVOLUTIONS = (Conv1D, Conv2D, DepthwiseConv2D, SeparableConv2D)
_BY_FUNCTION = {getattr(activations, name): name for name in ACTIVATIONS}


class _Step(NamedTuple):
    """A call: of what, with what, what it gives, and which tensors nobody needs after it."""

    run: Callable[[tuple, dict[str, Any]], Any]
    args: tuple
    kwargs: dict[str, Any]
    outputs: Any
    freed: tuple[int, ...]


class Program:
    """The steps of a graph, in an order in which they can run.

    At inference a convolution is one kernel with the zeros before it, and with the normalization,
    the sum and the activation behind it, where nothing else needs what is between them.
    """

    def __init__(self, graph: Graph) -> None:
        self.inputs, self.outputs = graph.inputs, graph.outputs_structure
        calls = _calls(graph)
        last: dict[int, int] = {}
        for number, (_, args, kwargs, _) in enumerate(calls):
            for x in flatten((args, kwargs)):
                if isinstance(x, KerasTensor):
                    last[id(x)] = number
        for x in graph.outputs:
            last.pop(id(x), None)
        freed: dict[int, list[int]] = {}
        for key, number in last.items():
            freed.setdefault(number, []).append(key)
        self.steps = [_Step(*call, tuple(freed.get(i, ()))) for i, call in enumerate(calls)]

    def run(self, given: list[Any]) -> Any:
        """Returns the nested outputs for tensors in the order of the inputs."""
        tensors = {id(x): value for x, value in zip(self.inputs, given, strict=True)}

        def look_up(x: Any) -> Any:
            return tensors[id(x)] if isinstance(x, KerasTensor) else x

        for run, args, kwargs, outputs, freed in self.steps:
            results = run(map_structure(look_up, args), map_structure(look_up, kwargs))
            for symbol, x in result_pairs(outputs, results):
                tensors[id(symbol)] = x
            del results
            for key in freed:
                del tensors[key]
        return map_structure(look_up, self.outputs)


_Call = tuple[Any, tuple, dict[str, Any], Any]


def _calls(graph: Graph) -> list[_Call]:
    """The calls of a graph, those that can be one together: (what, args, kwargs, outputs)."""
    uses: dict[int, int] = {}
    for x in (*graph.outputs, *(x for node in graph.nodes for x in node.inputs)):
        uses[id(x)] = uses.get(id(x), 0) + 1
    chains: dict[int, _Chain] = {}  # by node
    ends: dict[int, _Chain] = {}  # by the tensor that each gives, if one call alone takes it
    for node in graph.nodes:
        chain = _chain_with(node, ends)
        if chain is not None:
            chains[id(node)] = chain
            if uses.get(id(node.outputs)) == 1:
                ends[id(node.outputs)] = chain
    found: list[_Call] = []
    for node in graph.nodes:
        chain = chains.get(id(node))
        if chain is None or chain.conv is None:
            found.append((node.run, node.args, node.kwargs, node.outputs))
        elif chain.nodes[-1] is node:
            found.append((chain.run, chain.args, {}, node.outputs))
    return found


def _chain_with(node: Node, ends: dict[int, _Chain]) -> _Chain | None:
    """The chain that goes on or begins with a call; None if that is a call by itself."""
    layer: Any = node.target
    if not isinstance(layer, Layer) or len(node.args) != 1 or node.kwargs:
        return None
    kind = plain_class(type(layer))
    # Of two that a sum joins the longer one goes on; the other is the shortcut.
    before = [ends[id(x)] for x in node.inputs if id(x) in ends]
    for chain in sorted(before, key=lambda chain: -len(chain.nodes)):
        if chain.goes_on(node, layer, kind):
            chain.nodes.append(node)
            return chain
    begun = _Chain(node)
    return begun if begun.begins(layer, kind) else None


class _Chain:
    """Calls behind one another: zeros, a convolution, a normalization, a sum, an activation.

    All but the convolution may be missing.
    """

    def __init__(self, node: Node) -> None:
        self.nodes = [node]
        self.args = node.args
        self.conv: Any = None
        self.norm: Any = None
        self.add: Any = None
        self.pads: Any = None
        self.activation: str | None = None
        self.own: Any = None  # the convolution's own activation, as it was

    def begins(self, layer: Any, kind: type) -> bool:
        """Whether a layer can be the first; notes what it is."""
        if not isinstance(self.args[0], KerasTensor):
            return False
        if kind is ZeroPadding2D and layer.data_format == "channels_last":
            self.pads = layer.padding
            return True
        return self._convolves(layer, kind)

    def goes_on(self, node: Node, layer: Any, kind: type) -> bool:
        """Whether a layer can follow; notes what it is."""
        if self.conv is None:
            return getattr(layer, "padding", None) == "valid" and self._convolves(layer, kind)
        if self.activation is not None:
            return False
        if kind is BatchNormalization and self.norm is None and self.add is None:
            self.norm = layer if layer.axis in (-1, len(node.outputs.shape) - 1) else None
            return self.norm is not None
        if kind is Add and self.add is None and len(node.inputs) == 2:
            before = self.nodes[-1].outputs
            other = next((x for x in node.inputs if x is not before), None)
            if other is None or not before.shape == other.shape == node.outputs.shape:
                return False
            self.add, self.args = layer, (*self.args, other)
            return True
        self.activation = _activation(layer) if kind in (Activation, ReLU) else None
        return self.activation is not None

    def _convolves(self, layer: Any, kind: type) -> bool:
        if kind not in _CONVOLUTIONS or layer.data_format != "channels_last":
            return False
        own = _activation(layer)
        if own is None and layer.activation is not activations.linear:
            return False
        self.conv, self.activation, self.own = layer, own, layer.activation
        return True

    def run(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Calls what the nodes call: by one kernel where nothing can tell the difference."""
        if self._may_fuse():
            return self._fused(*args)
        tensors = dict(zip(map(id, self.args), args, strict=True))

        def look_up(x: Any) -> Any:
            return tensors[id(x)] if isinstance(x, KerasTensor) else x

        for node in self.nodes:
            tensors[id(node.outputs)] = node.run(map_structure(look_up, node.args), {})
        return tensors[id(self.nodes[-1].outputs)]

    def _may_fuse(self) -> bool:
        """Whether the call infers, and nothing stands around the calls of single layers."""
        owner = state.owner
        if state.masks is not None or state.observer is not None:
            return False
        for node in self.nodes:
            layer: Any = node.target
            special = layer.activity_regularizer or layer._remat or layer.float32_precision
            if layer._token != owner or special or not layer.built or layer._native_hooks():
                return False
        conv, last = self.conv, self.nodes[-1].target
        if conv.resolve_training() or (self.norm is not None and self.norm.resolve_training()):
            return False
        if conv.activation is not self.own or (
            self.activation is not None and _activation(last) != self.activation
        ):
            return False  # the user gave the layer another one
        return not any(isinstance(kernel, View) for kernel in _kernels(conv))

    def _fused(self, x: Any, shortcut: Any = None) -> Any:
        conv, padding = self.conv, self.pads
        if isinstance(conv, SeparableConv2D):
            x = fused(x, _Depthwise(conv), None, padding=padding)
            conv, padding = _Pointwise(conv), None
        return fused(x, conv, self.norm, self.activation, shortcut, padding)


class _Depthwise:
    """The first half of a separable convolution."""

    depthwise, bias = True, None

    def __init__(self, conv: Any) -> None:
        self.kernel, self.strides = conv.depthwise_kernel, conv.strides
        self.window_padding, self.dilation_rate = conv.window_padding, conv.dilation_rate


class _Pointwise:
    """The second half of a separable convolution."""

    depthwise, window_padding = False, "valid"

    def __init__(self, conv: Any) -> None:
        self.kernel, self.bias = conv.pointwise_kernel, conv.bias
        self.strides = self.dilation_rate = (1,) * conv.rank


def _kernels(conv: Any) -> list[Any]:
    if isinstance(conv, SeparableConv2D):
        return [conv.depthwise_kernel, conv.pointwise_kernel]
    return [conv.kernel]


def _activation(layer: Any) -> str | None:
    """The name of what a layer applies last; None for nothing, and for what no kernel knows."""
    if isinstance(layer, ReLU):
        name = {None: "relu", 6: "relu6"}.get(layer.max_value)
        return None if layer.negative_slope or layer.threshold else name
    return _BY_FUNCTION.get(getattr(layer, "activation", None))
