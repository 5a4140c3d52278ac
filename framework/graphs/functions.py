"""Functions of ONNX files: graphs with a name, written out where nodes call them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from .errors import GraphError


class Function:
    """A function of a file.

    Attributes:
        outputs: the names of its results.
        versions: domain -> version of the operator sets that it is written in.
    """

    def __init__(self, proto: Any) -> None:
        self.proto = proto
        self.outputs = tuple(proto.output)
        self.versions = {
            "" if entry.domain == "ai.onnx" else entry.domain: entry.version
            for entry in proto.opset_import
        }

    def call(self, node: Any, label: str) -> tuple[dict[str, str], Iterable[Any]]:
        """Returns the names that its values have in one call, and the nodes of its body.

        Args:
            node: what calls it.
            label: begins the names of values inside.
        """
        if len(node.input) > len(self.proto.input) or len(node.output) > len(self.outputs):
            raise GraphError(
                f"the node {node.name or node.op_type!r} has more inputs or outputs than the "
                f"function {self.proto.name!r}"
            )
        names = dict.fromkeys(self.proto.input, "")
        names.update(zip(self.proto.input, node.input, strict=False))
        for inner in self.proto.node:
            for name in inner.output:
                if name:
                    names.setdefault(name, f"{label}{name}")
        return names, self._body(node)

    def _body(self, node: Any) -> Iterator[Any]:
        given = {attribute.name: attribute for attribute in node.attribute}
        defaults = {attribute.name: attribute for attribute in self.proto.attribute_proto}
        for inner in self.proto.node:
            if not any(a.ref_attr_name or a.HasField("g") for a in inner.attribute):
                yield inner
                continue
            made = type(inner)()
            made.CopyFrom(inner)
            _resolve(made, {**defaults, **given}, 0)
            yield made


def _resolve(node: Any, known: dict[str, Any], depth: int) -> None:
    """Puts the call's attributes in the place of references to them, in graphs inside, too."""
    kept = []
    for attribute in node.attribute:
        if attribute.ref_attr_name:
            if attribute.ref_attr_name in known:
                made = type(attribute)()
                made.CopyFrom(known[attribute.ref_attr_name])
                made.name = attribute.name
                kept.append(made)
            continue
        if attribute.HasField("g"):
            for inner in attribute.g.node:
                _resolve(inner, known, depth + 1)
        kept.append(attribute)
    copies = []
    for attribute in kept:
        copied = type(attribute)()
        copied.CopyFrom(attribute)
        copies.append(copied)
    del node.attribute[:]
    node.attribute.extend(copies)


def inlined(protos: Iterable[Any]) -> dict[tuple[str, str], Function]:
    """Returns a file's functions by domain and name. GraphError where they call in a circle."""
    found = {}
    for proto in protos:
        domain = "" if proto.domain == "ai.onnx" else proto.domain
        found[domain, proto.name] = Function(proto)
    done: set[tuple[str, str]] = set()
    for start in found:
        _check_circle(start, found, (), done)
    return found


def _check_circle(
    key: tuple[str, str], found: dict[Any, Function], above: tuple[Any, ...], done: set[Any]
) -> None:
    if key in above:
        raise GraphError(f"the function {key[1]!r} of the file calls itself")
    if key in done or key not in found:
        return
    for node in found[key].proto.node:
        domain = "" if node.domain == "ai.onnx" else node.domain
        _check_circle((domain, node.op_type), found, (*above, key), done)
    done.add(key)
