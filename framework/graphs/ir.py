"""A graph from outside as plain data: nodes, names, dtypes, sizes and numbers, to and from JSON.

It knows no framework and no format of files. A reader (`reading_onnx`, `reading_torch`) makes it,
rules (`rules/`) say what its operators compute, and `interpreter` runs it.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .errors import GraphError

# What JSON holds of a graph has this number; another one is refused.
FORM = 1
# A graph inside a graph inside a graph: real ones have two or three.
MAX_DEPTH = 16
# Graphs of one file: branches inside branches are twice as many at each step.
MAX_GRAPHS = 10_000
MAX_RANK = 64
# Dtypes of tensors that stand in JSON or in the weights file. Those of ml_dtypes have no others.
PLAIN = (
    "bool uint8 uint16 uint32 uint64 int8 int16 int32 int64 float16 float32 float64 complex64 "
    "complex128"
).split()
NARROW = (
    "bfloat16 float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu "
    "float4_e2m1fn int4 uint4 int2 uint2"
).split()
TEXT = "string"
DTYPES = (*PLAIN, *NARROW, TEXT)
_KINDS = ("tensor", "sequence", "optional")

Size = int | str | None


@dataclass(frozen=True)
class Value:
    """An input or output of a graph.

    Attributes:
        name: what the graph calls it.
        dtype: of its elements; None where the file does not say it.
        shape: sizes, names of free sizes, and None; None for a shape of unknown rank.
        kind: "tensor", "sequence" (a list of tensors), or "optional" (it may be absent).
    """

    name: str
    dtype: str | None = None
    shape: tuple[Size, ...] | None = None
    kind: str = "tensor"


@dataclass(frozen=True)
class Weight:
    """A tensor of the graph that is kept as a variable.

    Attributes:
        shape: its sizes.
        dtype: of its elements.
        trainable: whether training changes it.
    """

    shape: tuple[int, ...]
    dtype: str
    trainable: bool = True


@dataclass(frozen=True)
class Node:
    """One application of an operator.

    Attributes:
        op: the operator's name.
        inputs: names of values; "" for one that is left out.
        outputs: names that it gives; "" for one that nobody wants.
        domain: whose operator it is; "" for ONNX's own.
        version: of the operator set of that domain.
        name: what the file calls the node; may be "".
        attributes: name -> number, text, list of them, array, or graph.
    """

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    domain: str = ""
    version: int = 1
    name: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The operator with its domain and the node's name, for messages."""
        full = f"{self.domain}.{self.op}" if self.domain else self.op
        label = self.name or next((f"-> {name}" for name in self.outputs if name), "")
        return f"{full} {label!r}" if label else full

    def graphs(self) -> Iterator[tuple[str, ForeignGraph]]:
        """Yields pairs (attribute, graph) of the graphs that the node holds."""
        for name, value in self.attributes.items():
            if isinstance(value, ForeignGraph):
                yield name, value


@dataclass
class ForeignGraph:
    """A graph of a foreign format, as data.

    Attributes:
        inputs: what it is called with.
        outputs: what it gives.
        nodes: in an order in which they can run.
        constants: name -> array of numbers that belong to the computation, such as shapes.
        weights: name -> shape and dtype of tensors that become variables. Graphs inside have
            neither: what they hold stands in the outermost graph.
        name: what the file calls it.
        origin: the format that it was read from.
    """

    inputs: list[Value]
    outputs: list[Value]
    nodes: list[Node]
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    weights: dict[str, Weight] = field(default_factory=dict)
    name: str = ""
    origin: str = "onnx"
    _free: frozenset[str] | None = field(default=None, init=False, repr=False, compare=False)

    def walk(self) -> Iterator[Node]:
        """Yields all nodes, those of graphs inside behind the node that holds them."""
        rows = [iter(self.nodes)]
        while rows:
            node = next(rows[-1], None)
            if node is None:
                rows.pop()
                continue
            yield node
            rows.extend(iter(inner.nodes) for _, inner in reversed([*node.graphs()]))

    def free_names(self) -> frozenset[str]:
        """Returns the names that the graph takes from around it: of a graph inside another.

        They are found once: what stands inside a node does not change.
        """
        if self._free is None:
            known = {value.name for value in self.inputs}
            known |= self.constants.keys() | self.weights.keys()
            found: set[str] = set()
            for node in self.nodes:
                wanted = {name for name in node.inputs if name}
                for _, inner in node.graphs():
                    wanted |= inner.free_names()
                found |= wanted - known
                known |= {name for name in node.outputs if name}
            self._free = frozenset(found | ({value.name for value in self.outputs} - known))
        return self._free

    def __deepcopy__(self, memo: Any) -> ForeignGraph:
        return self  # nothing changes it once it is read

    # JSON -------------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """Returns the graph as what JSON holds; the weights' numbers are left to another file."""
        return {"form": FORM, "origin": self.origin, **self._to_json()}

    def _to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "name": self.name,
            "inputs": [_value_to_json(value) for value in self.inputs],
            "outputs": [_value_to_json(value) for value in self.outputs],
            "nodes": [_node_to_json(node) for node in self.nodes],
        }
        if self.constants:
            found["constants"] = {k: array_to_json(x) for k, x in self.constants.items()}
        if self.weights:
            found["weights"] = {
                name: [weight.dtype, list(weight.shape), weight.trainable]
                for name, weight in self.weights.items()
            }
        return found

    @classmethod
    def from_json(cls, data: Any) -> ForeignGraph:
        """Returns the graph that `to_json` described.

        Raises:
            GraphError: it is something else, or of another form.
        """
        if not isinstance(data, Mapping) or data.get("form") != FORM:
            found = data.get("form") if isinstance(data, Mapping) else type(data).__name__
            raise GraphError(f"a graph of form {FORM} is expected; got {found!r}")
        return cls._from_json(data, 0, str(data.get("origin", "onnx")))

    @classmethod
    def _from_json(cls, data: Any, depth: int, origin: str) -> ForeignGraph:
        if depth > MAX_DEPTH:
            raise GraphError(f"graphs stand inside each other more than {MAX_DEPTH} deep")
        data = _mapping(data, "a graph")
        weights = {
            name: Weight(_sizes(shape, name), _dtype(dtype, name), bool(trainable))
            for name, (dtype, shape, trainable) in _triples(data.get("weights", {}))
        }
        constants = _mapping(data.get("constants", {}), "the constants of a graph")
        return cls(
            [_value_from_json(value) for value in _list(data, "inputs")],
            [_value_from_json(value) for value in _list(data, "outputs")],
            [_node_from_json(node, depth, origin) for node in _list(data, "nodes")],
            {name: array_from_json(x, name) for name, x in constants.items()},
            weights,
            str(data.get("name", "")),
            origin,
        )


# Arrays -----------------------------------------------------------------------------------------


def numpy_dtype(name: str) -> np.dtype[Any]:
    """Returns the NumPy dtype of a name, one of ml_dtypes where NumPy has none."""
    if name in NARROW:
        import ml_dtypes

        return np.dtype(getattr(ml_dtypes, name))
    return np.dtype(np.str_ if name == TEXT else name)


def dtype_name(array: np.ndarray) -> str:
    """Returns the name of an array's dtype; "string" for text."""
    return TEXT if array.dtype.kind in "UT" else array.dtype.name


def array_to_json(array: np.ndarray) -> dict[str, Any]:
    """Returns a small array as JSON: the bytes in base64, little-endian, or a list of texts."""
    shape = list(array.shape)
    if array.dtype.kind in "UT":
        return {"dtype": TEXT, "shape": shape, "items": [str(x) for x in array.reshape(-1)]}
    ordered = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    text = base64.b64encode(ordered.tobytes()).decode("ascii")
    return {"dtype": array.dtype.name, "shape": shape, "bytes": text}


def array_from_json(data: Any, name: str) -> np.ndarray:
    """Returns the array that `array_to_json` described. GraphError if it is none."""
    data = _mapping(data, f"the constant {name!r}")
    dtype, shape = _dtype(data.get("dtype"), name), _sizes(data.get("shape"), name)
    count = math.prod(shape)
    if dtype == TEXT:
        items = data.get("items")
        if not isinstance(items, list) or not all(isinstance(x, str) for x in items):
            raise GraphError(f"the constant {name!r} should be a list of texts")
        if len(items) != count:
            raise GraphError(f"the constant {name!r} has {len(items)} texts; {count} are expected")
        return np.array(items, np.str_).reshape(shape)
    try:
        raw = base64.b64decode(data.get("bytes", ""), validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise GraphError(f"the constant {name!r} is no base64: {error}") from error
    kind = numpy_dtype(dtype)
    if len(raw) != count * kind.itemsize:
        raise GraphError(
            f"the constant {name!r} has {len(raw)} bytes; {dtype} {list(shape)} takes "
            f"{count * kind.itemsize}"
        )
    little = kind.newbyteorder("<") if dtype in PLAIN else kind
    return np.frombuffer(raw, little).reshape(shape).astype(kind)


# The parts --------------------------------------------------------------------------------------


def _value_to_json(value: Value) -> list[Any]:
    shape = None if value.shape is None else list(value.shape)
    return [value.name, value.dtype, shape, value.kind]


def _value_from_json(data: Any) -> Value:
    if not isinstance(data, list) or len(data) != 4 or not isinstance(data[0], str):
        raise GraphError(f"an input or output is [name, dtype, shape, kind]; got {data!r:.80}")
    name, dtype, shape, kind = data
    if kind not in _KINDS:
        raise GraphError(f"{name!r} is of the kind {kind!r}; one of {', '.join(_KINDS)} is meant")
    if shape is not None:
        if not isinstance(shape, list) or not all(_is_size(n) for n in shape):
            raise GraphError(f"{name!r} has the shape {shape!r:.80}, which is none")
        shape = tuple(shape)
    return Value(name, None if dtype is None else _dtype(dtype, name), shape, kind)


def _is_size(n: Any) -> bool:
    return n is None or isinstance(n, str) or (type(n) is int and n >= 0)


def _node_to_json(node: Node) -> dict[str, Any]:
    found: dict[str, Any] = {"op": node.op, "inputs": list(node.inputs)}
    found["outputs"] = list(node.outputs)
    if node.domain:
        found["domain"] = node.domain
    found["version"] = node.version
    if node.name:
        found["name"] = node.name
    if node.attributes:
        found["attributes"] = {k: _attribute_to_json(v) for k, v in node.attributes.items()}
    return found


def _attribute_to_json(value: Any) -> Any:
    if isinstance(value, ForeignGraph):
        return {"graph": value._to_json()}
    if isinstance(value, np.ndarray):
        return {"array": array_to_json(value)}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}  # JSON has no such numbers
    if isinstance(value, list | tuple):
        return [_attribute_to_json(x) for x in value]
    return value


def _node_from_json(data: Any, depth: int, origin: str) -> Node:
    data = _mapping(data, "a node")
    op = data.get("op")
    if not isinstance(op, str):
        raise GraphError(f"a node's operator is a text; got {op!r:.80}")
    version = data.get("version", 1)
    if type(version) is not int:
        raise GraphError(f"{op}: the version of an operator set is a number; got {version!r:.80}")
    attributes = _mapping(data.get("attributes", {}), f"the attributes of {op}")
    return Node(
        op,
        _names(data, "inputs", op),
        _names(data, "outputs", op),
        str(data.get("domain", "")),
        version,
        str(data.get("name", "")),
        {k: _attribute_from_json(v, depth, origin, k) for k, v in attributes.items()},
    )


def _attribute_from_json(value: Any, depth: int, origin: str, name: str) -> Any:
    if isinstance(value, Mapping):
        if "graph" in value:
            return ForeignGraph._from_json(value["graph"], depth + 1, origin)
        if "array" in value:
            return array_from_json(value["array"], name)
        if value.get("float") in ("inf", "-inf", "nan"):
            return float(value["float"])
        raise GraphError(f"the attribute {name!r} is neither a graph, an array nor a number")
    if isinstance(value, list):
        return [_attribute_from_json(x, depth, origin, name) for x in value]
    return value


def _names(data: Mapping[str, Any], key: str, op: str) -> tuple[str, ...]:
    found = data.get(key, [])
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise GraphError(f"{op}: its {key} are a list of names; got {found!r:.80}")
    return tuple(found)


def _mapping(data: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise GraphError(f"{what} should be an object; got {data!r:.80}")
    return data


def _list(data: Mapping[str, Any], key: str) -> list[Any]:
    found = data.get(key, [])
    if not isinstance(found, list):
        raise GraphError(f"the {key} of a graph should be a list; got {found!r:.80}")
    return found


def _triples(data: Any) -> Iterator[tuple[str, Any]]:
    for name, found in _mapping(data, "the weights of a graph").items():
        if not isinstance(found, list | tuple) or len(found) != 3:
            raise GraphError(f"the weight {name!r} is [dtype, shape, trainable]; got {found!r:.80}")
        yield name, found


def _sizes(shape: Any, name: str) -> tuple[int, ...]:
    good = isinstance(shape, list | tuple) and len(shape) <= MAX_RANK
    if not good or not all(type(n) is int and n >= 0 for n in shape):
        raise GraphError(f"{name!r} has the shape {shape!r:.80}, which is none")
    return tuple(shape)


def _dtype(dtype: Any, name: str) -> str:
    if dtype not in DTYPES:
        raise GraphError(f"{name!r} has the dtype {dtype!r:.80}; known are {', '.join(DTYPES)}")
    return dtype
