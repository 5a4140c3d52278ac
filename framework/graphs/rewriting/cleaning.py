"""Nodes that change nothing, and those of which nobody uses the results, are left out."""

from __future__ import annotations

from dataclasses import replace

from ..ir import Node
from .net import Net


def without_identities(net: Net) -> list[Node]:
    """Leaves out Identity nodes whose result is no output and is not seen by graphs inside."""
    names: dict[str, str] = {}
    found = []
    for node in net.nodes:
        inputs = tuple(names.get(name, name) for name in node.inputs)
        node = replace(node, inputs=inputs) if inputs != node.inputs else node
        plain = node.op == "Identity" and not node.domain and len(node.outputs) == 1
        if plain and node.outputs[0] not in net.kept:
            names[node.outputs[0]] = inputs[0]
        else:
            found.append(node)
    return found


def without_unused(net: Net) -> list[Node]:
    """Leaves out nodes whose results nobody uses; a node without results, as of a buffer that is
    written to, is there for what it does."""
    wanted, found = set(net.kept), []
    for node in reversed(net.nodes):
        if node.outputs and not any(name in wanted for name in node.outputs):
            continue
        found.append(node)
        wanted.update(node.inputs)
    return found[::-1]
