"""Operators of ONNX that are defined by others: written out as the definition says.

The package `onnx` holds these definitions as graphs. One is taken where the table of rules has
none for an operator; it is data, and what it is made of is computed by rules as anything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .functions import Function
from .registry import RULES
from .rules import load_rules


class Bodies:
    """The definitions of operators that have no rule.

    Args:
        model: the file, of whose values the definitions want the types.
        versions: domain -> version of its operator set.
    """

    def __init__(self, model: Any, versions: Mapping[str, int]) -> None:
        load_rules()
        self.model, self.versions = model, versions
        self._types: dict[str, Any] | None = None
        self._inferred: dict[str, Any] = {}

    def of(self, node: Any, domain: str, version: int) -> Function | None:
        """Returns the definition of a node's operator; None where a rule or nothing is known."""
        if (domain, node.op_type) in RULES:
            return None
        from onnx import FunctionProto, defs

        try:
            schema: Any = defs.get_schema(node.op_type, version, domain)
        except defs.SchemaError:
            return None
        if schema.has_function:
            body = schema.function_body
        elif schema.has_context_dependent_function:
            body = self._by_types(schema, node, version)
        else:
            return None
        if body is None:
            return None
        if isinstance(body, bytes):
            proto = FunctionProto()
            proto.ParseFromString(body)
            body = proto
        found = Function(body)
        found.versions = {domain: version, "": self.versions.get("", version), **found.versions}
        return found

    def _by_types(self, schema: Any, node: Any, version: int) -> Any:
        types = [self._type(name) for name in node.input]
        known = [b"" if found is None else found.SerializeToString() for found in types]
        offered = schema.context_dependent_function_opset_versions
        best = max((n for n in offered if n <= version), default=None)
        if best is None:
            return None
        raw = node.SerializeToString()
        return schema.get_context_dependent_function_with_opset_version(best, raw, known)

    def _type(self, name: str) -> Any:
        if self._types is None:
            self._types = self._all_types()
        return self._types.get(name)

    def _all_types(self) -> dict[str, Any]:
        from onnx import TypeProto, shape_inference

        found: dict[str, Any] = {}
        try:
            model = shape_inference.infer_shapes(self.model)
        except Exception:  # what it cannot infer, the definitions do without
            model = self.model
        stack = [model.graph]
        while stack:
            graph = stack.pop()
            for value in (*graph.input, *graph.value_info, *graph.output):
                found[value.name] = value.type
            for tensor in graph.initializer:
                made = TypeProto()
                made.tensor_type.elem_type = tensor.data_type
                for n in tensor.dims:
                    made.tensor_type.shape.dim.add().dim_value = n
                found.setdefault(tensor.name, made)
            for node in graph.node:
                stack += [a.g for a in node.attribute if a.HasField("g")]
        return found
