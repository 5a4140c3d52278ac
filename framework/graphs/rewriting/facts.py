"""What can be told of values without running a graph: their sizes, dtypes, and integers.

A size is a number, or what stands for a number that only a call tells: the two of one name are
equal. Nothing is told of what is not sure, so that rewritings are right for every input.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..ir import ForeignGraph, Node
from .dims import Dim, Free, Integers, Shape
from .integers import INTEGERS
from .sizes import SIZES

# Operators whose result has the sizes and the dtype of their first input.
_SAME = frozenset(
    "Abs BatchNormalization Ceil Clip Cos Dropout Elu Erf Exp Floor Gelu HardSigmoid HardSwish "
    "Identity InstanceNormalization LayerNormalization LayerNorm LeakyRelu Log LogSoftmax LRN Mish "
    "Neg PRelu RMSNorm Reciprocal Relu Round Selu Sigmoid Sin Softmax Softplus Softsign Sqrt Swish "
    "Tanh FastGelu QuickGelu BiasGelu Bend".split()
)
_MEETING = frozenset("Add Sub Mul Div Pow Max Min Mean Sum Where And Or Equal Less Greater".split())
_OF_WEIGHTS = frozenset("Conv ConvBlock Dense LayerNormalization".split())
_TELLING = frozenset("And Or Equal Less Greater Not IsNaN".split())  # gives booleans
_MOVING = frozenset(
    "Reshape Transpose Squeeze Unsqueeze Flatten Slice Expand Tile Split Gather Concat Pad "
    "MaxPool AveragePool GlobalAveragePool GlobalMaxPool Resize Upsample DepthToSpace "
    "SpaceToDepth".split()
)


class Facts:
    """Sizes, dtypes and integers of a graph's values, as far as they are told.

    Args:
        graph: what the nodes are of.
        nodes: in an order in which they can run.
    """

    def __init__(self, graph: ForeignGraph, nodes: Iterable[Node]) -> None:
        self._graph = graph
        self._shapes: dict[str, Shape] = {}
        self._dtypes: dict[str, str] = {}
        self._integers: dict[str, Integers] = {}
        for value in graph.inputs:
            if value.kind == "tensor" and value.shape:
                self._shapes[value.name] = tuple(
                    n if isinstance(n, int) else Free(value.name, place)
                    for place, n in enumerate(value.shape)
                )
            if value.dtype:
                self._dtypes[value.name] = value.dtype
        for name, weight in graph.weights.items():
            self._shapes[name], self._dtypes[name] = weight.shape, weight.dtype
        for name, array in graph.constants.items():
            self._shapes[name], self._dtypes[name] = array.shape, array.dtype.name
            if array.dtype.kind in "iu" and array.ndim < 2 and array.size <= 64:
                numbers = tuple(int(n) for n in array.reshape(-1))
                self._integers[name] = numbers if array.ndim else numbers[0]
        for node in nodes:
            self.learn(node)

    def shape(self, name: str) -> Shape | None:
        """Returns the sizes of a value; None where not even their number is known."""
        return self._shapes.get(name)

    def rank(self, name: str) -> int | None:
        """Returns the number of axes of a value."""
        found = self._shapes.get(name)
        return None if found is None else len(found)

    def dtype(self, name: str) -> str | None:
        """Returns the dtype of a value."""
        return self._dtypes.get(name)

    def integers(self, name: str) -> Integers | None:
        """Returns the integers of a value: a number, or a tuple of those of one axis."""
        return self._integers.get(name)

    def vector(self, name: str) -> tuple[Dim, ...] | None:
        """Returns the integers of a value of one axis."""
        found = self._integers.get(name)
        return found if type(found) is tuple else None

    def tell_size(self, name: str, of: str, axis: int) -> None:
        """Tells that a value is the size of an axis of another."""
        shape = self.shape(of)
        if shape is not None and -len(shape) <= axis < len(shape):
            self._integers[name] = shape[axis]

    def learn(self, node: Node) -> None:
        """Tells what is known of a node's results. Nothing of operators that are not known here."""
        name = node.outputs[0] if node.outputs else ""
        if not name or node.domain not in ("", "isozoo", "com.microsoft"):
            return
        integers = INTEGERS.get(node.op) if not node.domain else None
        if integers is not None:
            found = integers(self, node)
            if found is not None:
                self._integers[name] = found
                self._shapes[name] = () if type(found) is not tuple else (len(found),)
                self._dtypes[name] = "int64"
                return
        self._learn_dtype(node, name)
        shape = self._shape_of(node, name)
        if shape is None:
            return
        if isinstance(shape, list):
            for output, sizes in zip(node.outputs, shape, strict=False):
                self._shapes[output] = sizes
                if node.inputs and node.inputs[0] in self._dtypes:
                    self._dtypes[output] = self._dtypes[node.inputs[0]]
        else:
            self._shapes[name] = shape

    def _learn_dtype(self, node: Node, name: str) -> None:
        if node.op in _TELLING:
            self._dtypes[name] = "bool"
            return
        if node.op == "Cast":
            to = node.attributes.get("to")
            if isinstance(to, str):
                self._dtypes[name] = to
            return
        if node.op == "Shape":
            self._dtypes[name] = "int64"
            return
        floats = "Conv ConvLast ConvBlock ConvTranspose Gemm MatMul Dense Attention ReduceMean"
        if node.op in _SAME | _MOVING | _MEETING or node.op in floats.split():
            at = 1 if node.op == "Where" else 0
            found = {self._dtypes.get(n) for n in node.inputs[at : at + 1]}
            if node.op in _MEETING:
                found |= {self._dtypes.get(n) for n in node.inputs[at:] if n}
            if node.op in _OF_WEIGHTS and None in found:
                found = {self._dtypes.get(node.inputs[1])}
            if len(found) == 1 and None not in found:
                self._dtypes[name] = str(found.pop())

    def _shape_of(self, node: Node, name: str) -> Shape | list[Shape] | None:
        if node.op in _SAME:
            return self.shape(node.inputs[0])
        if node.op in _MEETING:
            return self.met([self.shape(n) for n in node.inputs if n], name)
        rule = SIZES.get(node.op)
        if rule is None:
            return None
        try:
            return rule(self, node, name)
        except (IndexError, ValueError, TypeError):  # a node that does not fit: said when it runs
            return None

    def met(self, shapes: Sequence[Shape | None], name: str) -> Shape | None:
        """Returns the sizes to which others are broadcast."""
        known = [shape for shape in shapes if shape is not None]
        if len(known) < len(shapes) or not known:
            return None
        rank = max(map(len, known))
        wide = [(1,) * (rank - len(shape)) + shape for shape in known]
        found: list[Dim] = []
        for place in range(rank):
            sizes = {shape[place] for shape in wide} - {1}
            numbers = [n for n in sizes if isinstance(n, int)]
            if numbers:
                found.append(numbers[0])  # what is free is that number, or 1
            else:
                found.append(sizes.pop() if len(sizes) == 1 else Free(name, place) if sizes else 1)
        return tuple(found)

    def axes(self, node: Node, rank: int, place: int = 1) -> tuple[int, ...] | None:
        """Returns a node's axes, from an attribute or from the input at `place`, from the front."""
        given: Any = node.attributes.get("axes")
        if len(node.inputs) > place and node.inputs[place]:
            given = self.integers(node.inputs[place])
        if given is None:
            return None
        given = given if isinstance(given, list | tuple) and type(given) is not Free else [given]
        if not all(isinstance(n, int) and -rank <= n < rank for n in given):
            return None
        return tuple(n % rank for n in given)
