"""Pictures and signals with their channels last, as the kernels of convolutions take them.

ONNX and ATen have channels behind the batch. A value whose axes are computed in the other order is
called turned: (batch, *spatial, channels) stands for (batch, channels, *spatial). What follows a
convolution is computed on turned values, for as long as its operators can be; they are turned back
where one cannot, so that transposes of an exporter that had channels last cancel out, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..ir import Node
from .dims import Free
from .facts import Facts
from .net import OWN, Net
from .sizes import slices

# Operators of each element alone.
_EACH = frozenset(
    "Abs Cast Ceil Clip Cos Dropout Elu Erf Exp Floor Gelu HardSigmoid HardSwish Identity "
    "LeakyRelu Log Mish Neg Reciprocal Relu Round Selu Sigmoid Sin Softplus Softsign Sqrt Swish "
    "Tanh Not IsNaN FastGelu QuickGelu".split()
)
_MEETING = frozenset("Add Sub Mul Div Pow Max Min Mean Sum PRelu Where".split())
_REDUCING = frozenset("ReduceMean ReduceMax ReduceMin ReduceSum ReduceL2".split())
# Operators whose own rule is run between two transposes, which cost nothing: see rules/fused.py.
WRAPPED = ("MaxPool", "AveragePool", "LpPool", "ConvTranspose", "InstanceNormalization", "LRN")
_GLOBAL = {"GlobalAveragePool": "ReduceMean", "GlobalMaxPool": "ReduceMax"}


def channels_last(net: Net) -> list[Node]:
    """Computes convolutions, and what stands between them, with the channels last."""
    if not any(node.op in ("Conv", "ConvBlock") for node in net.nodes):
        return net.nodes
    turning = _Turning(net)
    for node in net.nodes:
        turning.take(node)
    for name in sorted(net.kept):
        turning.plain(name)
    return turning.nodes


class _Turning:
    def __init__(self, net: Net) -> None:
        self.net, self.facts = net, Facts(net.graph, net.nodes)
        self.nodes: list[Node] = []
        # Name -> the name of its turned form; those whose own form no node has given yet.
        self.turned: dict[str, str] = {}
        self.waiting: set[str] = set()
        self.names: dict[str, str] = {}  # of values that another name stands for
        self.taken = {name for node in net.nodes for name in node.outputs}
        self.taken |= net.graph.weights.keys() | net.graph.constants.keys()
        self.taken |= {value.name for value in net.graph.inputs}

    # Names ------------------------------------------------------------------------------------

    def fresh(self, name: str) -> str:
        """A name that no value has."""
        made, number = f"{name}:last", 1
        while made in self.taken:
            number += 1
            made = f"{name}:last{number}"
        self.taken.add(made)
        return made

    def rank(self, name: str) -> int:
        return self.facts.rank(name) or 0

    def is_turned(self, name: str) -> bool:
        return name in self.turned

    def plain(self, name: str) -> str:
        """The name of a value in its own order, which is given now if nothing has yet."""
        if name in self.waiting:
            self.waiting.discard(name)
            back = _back(self.rank(name))
            self.add("Transpose", [self.turned[name]], name, {"perm": back})
        return self.names.get(name, name)

    def last(self, name: str) -> str:
        """The name of a value with the channels last."""
        found = self.turned.get(name)
        if found is None:
            found = self.turned[name] = self.fresh(name)
            self.add("Transpose", [self.plain(name)], found, {"perm": _ahead(self.rank(name))})
        return found

    def gives(self, node: Node, place: int = 0) -> str:
        """The name of the turned form of a node's output, which nothing has given in its own."""
        name = node.outputs[place]
        self.turned[name] = self.fresh(name)
        self.waiting.add(name)
        return self.turned[name]

    def add(
        self,
        op: str,
        inputs: Sequence[str],
        output: str,
        attributes: dict[str, Any],
        version: int = 13,
        name: str = "",
        domain: str = "",
    ) -> None:
        self.nodes.append(Node(op, tuple(inputs), (output,), domain, version, name, attributes))

    # Nodes ------------------------------------------------------------------------------------

    def take(self, node: Node) -> None:
        """Adds a node, or what computes the same of turned values."""
        done = False
        if node.domain in ("", OWN, "com.microsoft") and node.inputs and node.outputs[0]:
            method = _METHODS.get(node.op)
            done = method is not None and method(self, node)
        if not done:
            inputs = tuple(self.plain(name) for name in node.inputs)
            for _, inner in node.graphs():
                for name in sorted(inner.free_names()):
                    self.plain(name)
            self.nodes.append(replace(node, inputs=inputs))

    def changed(self, node: Node, inputs: Sequence[str], **attributes: Any) -> bool:
        """Adds a node on turned values, with other attributes; None takes one away."""
        kept = {**node.attributes, **attributes}
        kept = {key: value for key, value in kept.items() if value is not None}
        outputs = (self.gives(node), *("" for _ in node.outputs[1:]))
        self.nodes.append(replace(node, inputs=tuple(inputs), outputs=outputs, attributes=kept))
        return True

    def _convolution(self, node: Node) -> bool:
        x, kernel, *rest = node.inputs
        shape = self.net.shape(kernel) if kernel in self.net.graph.weights else None
        if shape is None or len(shape) not in (3, 4) or self.rank(x) not in (0, len(shape)):
            return False
        if self.facts.rank(x) is None:
            self.facts._shapes[x] = tuple(Free(x, n) for n in range(len(shape)))
        if node.op == "Conv":
            bias = rest[0] if rest else ""
            if bias and bias not in self.net.graph.weights:
                return False
            inputs = [self.last(x), kernel, bias, "", "", "", "", ""]
        else:
            *vectors, shortcut = rest
            if shortcut:
                if not self.is_turned(shortcut) and self.rank(shortcut) != len(shape):
                    return False
                shortcut = self.last(shortcut)
            inputs = [self.last(x), kernel, *vectors, shortcut]
        attributes = {**node.attributes, "channels_last": 1}
        output = self.gives(node)
        self.nodes.append(
            Node("ConvBlock", tuple(inputs), (output,), OWN, 1, node.name, attributes)
        )
        return True

    def _each(self, node: Node) -> bool:
        x, *rest = node.inputs
        if not self.is_turned(x) or any(node.outputs[1:]):
            return False
        return self.changed(node, [self.last(x), *map(self.plain, rest)])

    def _norm(self, node: Node) -> bool:
        x, *vectors = node.inputs
        alone = not any(node.outputs[1:]) and not node.attributes.get("training_mode", 0)
        if not self.is_turned(x) or not alone or node.domain:
            return False
        return self.changed(replace(node, domain=OWN), [self.last(x), *vectors])

    def _wrapped(self, node: Node) -> bool:
        x, *rest = node.inputs
        if not self.is_turned(x) or any(node.outputs[1:]) or node.domain:
            return False
        return self.changed(replace(node, domain=OWN), [self.last(x), *map(self.plain, rest)])

    def _meeting(self, node: Node) -> bool:
        turned = [name for name in node.inputs if self.is_turned(name)]
        if not turned or node.attributes.get("axis") is not None:
            return False
        rank = self.rank(turned[0])
        shapes = [self.facts.shape(name) for name in node.inputs]
        for name, shape in zip(node.inputs, shapes, strict=True):
            if self.is_turned(name):
                if self.rank(name) != rank:
                    return False
            elif shape is None or len(shape) > rank:
                return False
            elif len(shape) < rank and not all(isinstance(n, int) for n in shape):
                return False
        # Of a lone small factor beside large values in their own order nothing is won.
        inputs = [self._operand(name, rank) for name in node.inputs]
        return self.changed(node, inputs)

    def _operand(self, name: str, rank: int) -> str:
        """An operand that meets turned values."""
        if self.is_turned(name):
            return self.last(name)
        shape = self.facts.shape(name) or ()
        if all(n == 1 for n in shape):
            return self.plain(name)
        if len(shape) == rank and name not in self.net.graph.weights:
            return self.last(name)
        wide = (1,) * (rank - len(shape)) + tuple(shape)
        made = self.fresh(name)
        order = _ahead(rank)
        if sum(n != 1 for n in wide) == 1:
            self.add("Reshape", [self.plain(name)], made, {"shape": [wide[n] for n in order]})
        elif len(shape) == rank:
            self.add("Transpose", [self.plain(name)], made, {"perm": order})
        else:
            middle = self.fresh(name)
            self.add("Reshape", [self.plain(name)], middle, {"shape": list(wide)})
            self.add("Transpose", [middle], made, {"perm": order})
        return made

    def _concat(self, node: Node) -> bool:
        if not any(map(self.is_turned, node.inputs)):
            return False
        ranks = {self.rank(name) for name in node.inputs}
        if len(ranks) != 1 or 0 in ranks:
            return False
        axis = _place(node.attributes.get("axis", 1), ranks.pop())
        if axis is None:
            return False
        return self.changed(node, [self.last(name) for name in node.inputs], axis=axis)

    def _softmax(self, node: Node) -> bool:
        x = node.inputs[0]
        if not self.is_turned(x) or node.version < 13:
            return False
        axis = _place(node.attributes.get("axis", -1), self.rank(x))
        return axis is not None and self.changed(node, [self.last(x)], axis=axis)

    def _split(self, node: Node) -> bool:
        x, *sizes = node.inputs
        if not self.is_turned(x):
            return False
        axis = _place(node.attributes.get("axis", 0), self.rank(x))
        if axis is None:
            return False
        outputs = tuple(
            self.gives(node, place) if name else "" for place, name in enumerate(node.outputs)
        )
        inputs = (self.last(x), *map(self.plain, sizes))
        attributes = {**node.attributes, "axis": axis}
        self.nodes.append(replace(node, inputs=inputs, outputs=outputs, attributes=attributes))
        return True

    def _slice(self, node: Node) -> bool:
        x, rank = node.inputs[0], self.rank(node.inputs[0])
        if not self.is_turned(x):
            return False
        cuts = slices(self.facts, node, rank)
        if cuts is None or any(cut.step != 1 for cut in cuts.values()):
            return False
        attributes = {
            "starts": [cut.start for cut in cuts.values()],
            "ends": [cut.stop for cut in cuts.values()],
            "axes": [_place(axis, rank) for axis in cuts],
        }
        output = self.gives(node)
        self.add("Slice", [self.last(x)], output, attributes, 1, node.name)
        return True

    def _pad(self, node: Node) -> bool:
        x, rank = node.inputs[0], self.rank(node.inputs[0])
        if not self.is_turned(x) or len(node.inputs) > 3:
            return False
        pads, value = node.attributes.get("pads"), node.attributes.get("value", 0.0)
        if len(node.inputs) > 1:
            pads = self.facts.vector(node.inputs[1])
            if len(node.inputs) > 2 and node.inputs[2]:
                value = self.net.number(node.inputs[2])
        if pads is None or value is None or len(pads) != 2 * rank:
            return False
        if not all(type(n) is int for n in pads):
            return False
        order = _ahead(rank)
        moved = [pads[n] for n in order] + [pads[n + rank] for n in order]
        kept = {"pads": moved, "value": value, "mode": node.attributes.get("mode", "constant")}
        output = self.gives(node)
        self.add("Pad", [self.last(x)], output, kept, 2, node.name)
        return True

    def _resize(self, node: Node) -> bool:
        x, *rest = node.inputs
        if not self.is_turned(x):
            return False
        rank, version = self.rank(x), node.version
        axes = node.attributes.get("axes") or list(range(rank))
        places = [_place(axis, rank) for axis in axes]
        if None in places:
            return False
        if node.op == "Upsample":
            if not rest:
                return False
            node, version = replace(node, op="Resize"), 10
        inputs = [self.last(x), *map(self.plain, rest)]
        return self.changed(replace(node, version=version), inputs, axes=places)

    def _reduced(self, node: Node) -> bool:
        x, rank = node.inputs[0], self.rank(node.inputs[0])
        if not self.is_turned(x):
            return False
        axes = self.facts.axes(node, rank)
        if not axes:
            return False
        places = sorted(_ahead(rank).index(axis) for axis in axes)
        keep = node.attributes.get("keepdims", 1)
        if keep:
            output = self.gives(node)
        elif set(axes) == set(range(2, rank)) or 1 in axes:
            output = node.outputs[0]  # what is left stands in one order in both
        else:
            return False
        attributes = {"axes": places, "keepdims": int(bool(keep))}
        self.add(node.op, [self.last(x)], output, attributes, 11, node.name)
        return True

    def _global(self, node: Node) -> bool:
        x, rank = node.inputs[0], self.rank(node.inputs[0])
        if not self.is_turned(x):
            return False
        attributes = {"axes": list(range(1, rank - 1)), "keepdims": 1}
        self.add(_GLOBAL[node.op], [self.last(x)], self.gives(node), attributes, 11, node.name)
        return True

    def _transpose(self, node: Node) -> bool:
        x, name = node.inputs[0], node.outputs[0]
        rank = self.rank(x)
        perm = list(node.attributes.get("perm") or reversed(range(rank)))
        if rank < 3 or len(perm) != rank or self.facts.rank(name) != rank:
            return False
        if not self.is_turned(x):
            if perm != _back(rank):
                return False
            self.turned[name] = self.plain(x)
            self.waiting.add(name)
            return True
        order = [_back(rank)[n] for n in perm]
        if order == list(range(rank)) and name not in self.net.kept:
            self.names[name] = self.last(x)
        elif perm == list(range(rank)):
            self.turned[name] = self.last(x)
            self.waiting.add(name)
        else:
            self.add("Transpose", [self.last(x)], name, {"perm": order}, name=node.name)
        return True

    def _squeeze(self, node: Node) -> bool:
        x, rank = node.inputs[0], self.rank(node.inputs[0])
        axes = self.facts.axes(node, rank) if self.is_turned(x) else None
        if not axes or min(axes) < 2:
            return False
        places = [_place(axis, rank) for axis in axes]
        output = self.gives(node) if rank - len(axes) > 2 else node.outputs[0]
        self.add("Squeeze", [self.last(x)], output, {"axes": places}, 11, node.name)
        return True

    def _unsqueeze(self, node: Node) -> bool:
        x, shape = node.inputs[0], self.facts.shape(node.outputs[0])
        if not self.is_turned(x) or shape is None:
            return False
        axes = self.facts.axes(node, len(shape))
        if not axes or min(axes) < 2:
            return False
        places = [_place(axis, len(shape)) for axis in axes]
        output = self.gives(node)
        self.add("Unsqueeze", [self.last(x)], output, {"axes": places}, 11, node.name)
        return True

    def _reshape(self, node: Node) -> bool:
        """Joins the spatial axes, or leaves those out that have one element."""
        x, name = node.inputs[0], node.outputs[0]
        shape, made = self.facts.shape(x), self.facts.shape(name)
        if not self.is_turned(x) or shape is None or made is None or node.domain:
            return False
        channels = shape[1]
        if not isinstance(channels, int):
            return False
        if len(made) == 3 and made[:2] == shape[:2]:
            attributes = {"shape": [0, -1, channels]}
            self.add("Reshape", [self.last(x)], self.gives(node), attributes, name=node.name)
            return True
        if len(made) == 2 and made[1] == channels and all(n == 1 for n in shape[2:]):
            self.add("Reshape", [self.last(x)], name, {"shape": [-1, channels]}, name=node.name)
            return True
        return False


def _ahead(rank: int) -> list[int]:
    """The order of axes that puts channels last."""
    return [0, *range(2, rank), 1]


def _back(rank: int) -> list[int]:
    """The order of axes that puts channels behind the batch."""
    return [0, rank - 1, *range(1, rank - 1)]


def _place(axis: int, rank: int) -> int | None:
    """Where an axis stands when the channels are last; None for one that is not there."""
    return _ahead(rank).index(axis % rank) if -rank <= axis < rank else None


_METHODS = {
    **dict.fromkeys(_EACH, _Turning._each),
    **dict.fromkeys(_MEETING, _Turning._meeting),
    **dict.fromkeys(_REDUCING, _Turning._reduced),
    **dict.fromkeys(WRAPPED, _Turning._wrapped),
    **dict.fromkeys(_GLOBAL, _Turning._global),
    "BatchNormalization": _Turning._norm,
    "Concat": _Turning._concat,
    "Conv": _Turning._convolution,
    "ConvBlock": _Turning._convolution,
    "Flatten": _Turning._reshape,
    "Pad": _Turning._pad,
    "Reshape": _Turning._reshape,
    "Resize": _Turning._resize,
    "Slice": _Turning._slice,
    "Softmax": _Turning._softmax,
    "Split": _Turning._split,
    "Squeeze": _Turning._squeeze,
    "Transpose": _Turning._transpose,
    "Unsqueeze": _Turning._unsqueeze,
    "Upsample": _Turning._resize,
}
