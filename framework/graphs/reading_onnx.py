"""Reads ONNX files as data, by the package `onnx`, which parses them and runs nothing.

Definition: github.com/onnx/onnx, onnx/onnx.proto and docs/IR.md. What a file says is checked before
it is used: sizes against bytes, names against what gives them, versions against those that exist.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .errors import GraphError
from .functions import inlined
from .ir import MAX_DEPTH, MAX_GRAPHS, ForeignGraph, Node, Size, Value
from .onnx_bodies import Bodies
from .onnx_skeleton import Numbers, cut
from .onnx_tensors import TensorReader, dtype_of_number
from .order import checked_order
from .roles import divided

# The newest version of each operator set whose meaning is known here.
NEWEST = {"": 28, "ai.onnx.ml": 5, "ai.onnx.preview.training": 1, "com.microsoft": 1}
# Other names of ONNX's own domain.
_OWN = ("", "ai.onnx")
# Numbers of one attribute from which on they are an array: trees of a forest, nothing else.
_MANY = 4096
# Attributes that are numbers of dtypes.
_DTYPES = frozenset(
    (
        "to",
        "dtype",
        "output_dtype",
        "output_datatype",
        "stash_type",
        "precision",
        "softmax_precision",
    )
)


def read_onnx(
    source: Any, beside: Mapping[str, Path] | None = None
) -> tuple[ForeignGraph, dict[str, np.ndarray]]:
    """Returns the graph of an ONNX file, and its weights by name.

    Args:
        source: a path, the bytes of a file, or an `onnx.ModelProto`. Tensors outside the file are
            looked for in the folder of a path, and nowhere else.
        beside: name -> path of the files of such tensors, where they lie elsewhere, checked.

    Raises:
        GraphError: it is no ONNX file, or a broken or hostile one.
        UnknownOperatorError: it has operators without a rule.
        OSError: the file cannot be read.
        ImportError: the package `onnx` is not installed.
    """
    model, folder, numbers = _parsed(source)
    if not model.HasField("graph"):
        raise GraphError("it holds no graph: an ONNX model is expected")
    versions = _versions(model)
    bodies = Bodies(model, versions)
    reader = _Reader(
        versions, TensorReader(folder, beside, numbers), inlined(model.functions), bodies
    )
    graph = reader.graph(model.graph, {}, 0, "")
    graph.constants = reader.tensors
    checked_order(graph)
    return divided(graph, reader.named)


def read_metadata(source: Any) -> dict[str, str]:
    """Returns the texts that an ONNX file holds beside its graph, such as names of classes.

    Args:
        source: see `read_onnx`.

    Raises:
        GraphError: it is no ONNX file.
        OSError: the file cannot be read.
        ImportError: the package `onnx` is not installed.
    """
    model, _, _ = _parsed(source)
    return {entry.key: entry.value for entry in model.metadata_props}


def outside_files(source: Any) -> list[str]:
    """Returns the names of the files beside an ONNX file that hold its tensors, as it gives them.

    Args:
        source: see `read_onnx`.

    Raises:
        GraphError: it is no ONNX file.
        OSError: the file cannot be read.
        ImportError: the package `onnx` is not installed.
    """
    from onnx.external_data_helper import ExternalDataInfo, uses_external_data

    model, _, _ = _parsed(source)
    tensors = (tensor for tensor in model.graph.initializer if uses_external_data(tensor))
    return sorted({ExternalDataInfo(tensor).location for tensor in tensors})


def _parsed(source: Any) -> tuple[Any, Path | None, Numbers | None]:
    """The message, the folder of the file, and what reads the tensors that it leaves out."""
    try:
        import onnx
    except ImportError as error:
        raise ImportError(
            "Reading ONNX files needs the package onnx. Install it with: pip install 'isozoo[onnx]'"
        ) from error
    from google.protobuf.message import DecodeError

    if isinstance(source, onnx.ModelProto):
        return source, None, None
    folder = None
    if isinstance(source, str | os.PathLike):
        source = Path(source)
        folder = source.resolve().parent
    if not isinstance(source, bytes | bytearray | memoryview | Path):
        raise TypeError(
            "the path of an ONNX file, its bytes, or an onnx.ModelProto is expected; got "
            f"{type(source).__name__}"
        )
    message, numbers = cut(source)
    model = onnx.ModelProto()
    try:
        model.ParseFromString(message)
    except DecodeError as error:
        raise GraphError(f"it is no ONNX file, or a damaged one: {error}") from error
    return model, folder, numbers


def _versions(model: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in model.opset_import:
        domain = "" if entry.domain in _OWN else entry.domain
        newest = NEWEST.get(domain)
        if entry.version < 1 or (newest is not None and entry.version > newest):
            raise GraphError(
                f"it asks for version {entry.version} of the operator set "
                f"{domain or 'ai.onnx'!r}; versions 1 to {newest} are known here"
            )
        found[domain] = entry.version
    if not found and model.ir_version < 3:
        found[""] = 1  # files of the first form did not say it
    return found


class _Reader:
    """Makes nodes of protobuf messages.

    Args:
        versions: domain -> version of its operator set.
        arrays: reads tensors.
        functions: (domain, name) -> function of the file, which stands in the place of an operator.
        bodies: definitions of operators by others.
    """

    def __init__(
        self, versions: dict[str, int], arrays: TensorReader, functions: Any, bodies: Bodies
    ) -> None:
        self.versions, self.arrays, self.functions = versions, arrays, functions
        self.bodies = bodies
        self.tensors: dict[str, np.ndarray] = {}
        # Those that the file gives as such, and not as results of nodes.
        self.named: set[str] = set()
        self.calls = self.graphs = 0

    def graph(self, proto: Any, outer: dict[str, str], depth: int, prefix: str) -> ForeignGraph:
        """Returns a graph; `outer` are names that stand for others in the graph around it."""
        if depth > MAX_DEPTH:
            raise GraphError(f"graphs stand inside each other more than {MAX_DEPTH} deep")
        self.graphs += 1
        if self.graphs > MAX_GRAPHS:
            raise GraphError(f"more than {MAX_GRAPHS} graphs stand inside each other")
        names = dict(outer)
        given: set[str] = set()
        for value in proto.input:
            if value.name in given or not value.name:
                raise GraphError(f"the input {value.name!r} stands twice in a graph")
            given.add(value.name)
            names.pop(value.name, None)
        for tensor in proto.initializer:
            self._keep(tensor.name, self.arrays.read(tensor), names, depth, True)
        for tensor in proto.sparse_initializer:
            self._keep(tensor.values.name, self.arrays.read_sparse(tensor), names, depth, True)
        held = {t.name for t in proto.initializer}
        inputs = [_value(v) for v in proto.input if v.name not in held]
        nodes = list(self.nodes(proto.node, names, depth, prefix))
        outputs = [_value(value) for value in proto.output]
        for place, value in enumerate(outputs):
            if value.name in names:
                outputs[place] = Value(names[value.name], value.dtype, value.shape, value.kind)
        return ForeignGraph(inputs, outputs, nodes, name=proto.name)

    def _keep(
        self, name: str, array: np.ndarray, names: dict[str, str], depth: int, named: bool
    ) -> None:
        """Puts a constant into the one table of all graphs, under a name of its own."""
        if not name:
            raise GraphError("a constant of the graph has no name")
        own = name
        if own in self.tensors:
            if not depth:
                raise GraphError(f"the constant {name!r} stands twice in the graph")
            number = 1
            while (own := f"{name}.{number}") in self.tensors:
                number += 1
        self.tensors[own] = array
        if named:
            self.named.add(own)
        names.pop(name, None)
        if own != name:
            names[name] = own

    def nodes(
        self, protos: Iterable[Any], names: dict[str, str], depth: int, prefix: str
    ) -> Iterator[Node]:
        """Yields nodes; constants go to the table, and functions of the file are written out."""
        for proto in protos:
            domain = "" if proto.domain in _OWN else proto.domain
            function = self.functions.get((domain, proto.op_type))
            if function is None and domain in self.versions:
                function = self.bodies.of(proto, domain, self.versions[domain])
            if function is not None:
                yield from self._written_out(function, proto, names, depth, prefix)
                continue
            if proto.op_type == "Constant" and not domain:
                self._constant(proto, names, depth)
                continue
            if domain not in self.versions:
                raise GraphError(
                    f"the node {proto.name or proto.op_type!r} is of the operator set {domain!r}, "
                    "whose version the file does not say"
                )
            outputs = [self._made(str(name), names) for name in proto.output]
            inputs = [names.get(str(name), str(name)) for name in proto.input]
            attributes = {
                attribute.name: self._attribute(attribute, names, depth)
                for attribute in proto.attribute
            }
            yield Node(
                proto.op_type,
                tuple(inputs),
                tuple(outputs),
                domain,
                self.versions[domain],
                f"{prefix}{proto.name}" if proto.name else "",
                attributes,
            )

    def _made(self, name: str, names: dict[str, str]) -> str:
        """The name of a result: that of a constant elsewhere is taken."""
        if name in self.tensors and name not in names:
            raise GraphError(f"the value {name!r} is given twice")
        return names.get(name, name)

    def _constant(self, proto: Any, names: dict[str, str], depth: int) -> None:
        if len(proto.output) != 1 or len(proto.attribute) != 1:
            raise GraphError(f"the constant {proto.name!r} has not one value and one output")
        attribute = proto.attribute[0]
        value = self._attribute(attribute, names, depth)
        if not isinstance(value, np.ndarray):
            kind = {"f": np.float32, "i": np.int64}.get(attribute.name.partition("_")[2][:1])
            value = np.asarray(value, kind or np.str_)
        self._keep(proto.output[0], value, names, depth, False)

    def _attribute(self, proto: Any, names: dict[str, str], depth: int) -> Any:
        kind, types = proto.type, type(proto)
        if proto.ref_attr_name:
            raise GraphError(
                f"the attribute {proto.name!r} refers to one of a function, outside one"
            )
        if kind == types.INT:
            return dtype_of_number(proto.i) if proto.name in _DTYPES else proto.i
        if kind == types.FLOAT:
            return float(proto.f)
        if kind == types.STRING:
            return _text(proto.s)
        if kind == types.TENSOR:
            return self.arrays.read(proto.t)
        if kind == types.GRAPH:
            return self.graph(proto.g, names, depth + 1, "")
        if kind == types.INTS:
            many = len(proto.ints) > _MANY
            return np.fromiter(proto.ints, np.int64) if many else list(proto.ints)
        if kind == types.FLOATS:
            many = len(proto.floats) > _MANY
            return np.fromiter(proto.floats, np.float32) if many else list(proto.floats)
        if kind == types.STRINGS:
            return [_text(x) for x in proto.strings]
        if kind == types.TENSORS:
            return [self.arrays.read(x) for x in proto.tensors]
        if kind == types.SPARSE_TENSOR:
            return self.arrays.read_sparse(proto.sparse_tensor)
        if kind == types.TYPE_PROTO:
            return _type_text(proto.tp)
        raise GraphError(f"the attribute {proto.name!r} is of a kind {kind} that is not known here")

    def _written_out(
        self, function: Any, proto: Any, names: dict[str, str], depth: int, prefix: str
    ) -> Iterator[Node]:
        if depth > MAX_DEPTH:
            raise GraphError(f"functions call each other more than {MAX_DEPTH} deep")
        self.calls += 1
        label = f"{prefix}{proto.name or proto.op_type}.{self.calls}/"
        inner, body = function.call(proto, label)
        inner = {name: names.get(outer) or outer for name, outer in inner.items()}
        for name, outer in zip(function.outputs, proto.output, strict=False):
            inner[name] = names.get(outer, outer)
        before = self.versions
        self.versions = {**before, **function.versions}
        try:
            yield from self.nodes(body, inner, depth + 1, label)
        finally:
            self.versions = before


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise GraphError(f"a text of the file is no UTF-8: {error}") from error


def _value(proto: Any) -> Value:
    kind, found, which = "tensor", proto.type, ""
    for _ in range(MAX_DEPTH):
        which = found.WhichOneof("value")
        if which == "sequence_type":
            kind, found = "sequence", found.sequence_type.elem_type
        elif which == "optional_type":
            kind, found = "optional" if kind == "tensor" else kind, found.optional_type.elem_type
        else:
            break
    if which != "tensor_type":
        return Value(proto.name, None, None, kind)
    tensor = found.tensor_type
    dtype = dtype_of_number(tensor.elem_type) if tensor.elem_type else None
    if not tensor.HasField("shape"):
        return Value(proto.name, dtype, None, kind)
    return Value(proto.name, dtype, tuple(_size(d, proto.name) for d in tensor.shape.dim), kind)


def _size(proto: Any, name: str) -> Size:
    if proto.WhichOneof("value") == "dim_value":
        if proto.dim_value < 0:
            return None  # some exporters write -1 for a free size
        return proto.dim_value
    return proto.dim_param or None


def _type_text(proto: Any) -> str:
    """The kind and dtype of a type among the attributes, such as "tensor float32"."""
    value = _value(_Named("", proto))
    return f"{value.kind} {value.dtype or 'unknown'}"


class _Named:
    def __init__(self, name: str, found: Any) -> None:
        self.name, self.type = name, found
