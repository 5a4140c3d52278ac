"""Attention that exporters write as products of matrices around a softmax."""

from __future__ import annotations

from dataclasses import dataclass

from ..ir import Node
from .facts import Facts
from .net import OWN, Net, other


@dataclass
class _Found:
    """A value without the factors and transposes around it."""

    name: str
    scale: float
    nodes: list[Node]


def attention(net: Net) -> list[Node]:
    """Puts softmax(q k * scale + mask) v together, of q (…, n, d), k (…, d, m) and v (…, m, e)."""
    facts = Facts(net.graph, net.nodes)
    for node in net.nodes:
        if node.op == "Softmax" and not node.domain:
            _attention(net, facts, node)
    return net.result()


def _attention(net: Net, facts: Facts, softmax: Node) -> None:
    scores = softmax.inputs[0]
    rank = facts.rank(scores)
    axis = softmax.attributes.get("axis", -1 if softmax.version >= 13 else 1)
    if axis != -1 and (rank is None or axis != rank - 1):
        return
    product = net.next(softmax.outputs[0], "MatMul")
    if product is None or product.inputs[0] != softmax.outputs[0]:
        return
    nodes, mask, scale = [softmax, product], "", 1.0
    plus = _lone(net, scores, softmax, "Add")
    if plus is not None:
        mask, scores = _mask_of(net, plus)
        if not scores or not (facts.dtype(mask) or "").startswith("float"):
            return
        nodes.append(plus)
    user = plus or softmax
    while (factor := _lone(net, scores, user, "Mul", "Div")) is not None:
        found = _factor(net, factor)
        if found is None:
            return
        scores, number = found
        scale, user = scale * number, factor
        nodes.append(factor)
    inner = _lone(net, scores, user, "MatMul")
    if inner is None:
        return
    query, key = (_unscaled(net, name, inner) for name in inner.inputs)
    ranks = {facts.rank(name) for name in (*inner.inputs, product.inputs[1])}
    if len(ranks) != 1 or ranks & {None, 0, 1, 2}:
        return
    kinds = {facts.dtype(name) for name in (*inner.inputs, product.inputs[1])}
    if None not in kinds and kinds != {"float32"}:
        return  # scores of halves are computed in halves, and so they are to stay
    nodes += [inner, *query.nodes, *key.nodes]
    if not net.free(nodes):
        return
    inputs = (query.name, key.name, product.inputs[1], *((mask,) if mask else ()))
    attributes = {"scale": scale * query.scale * key.scale}
    net.replace(
        nodes,
        Node("Attention", inputs, product.outputs, OWN, 1, softmax.name, attributes),
    )


def _lone(net: Net, name: str, user: Node, *ops: str) -> Node | None:
    """The node that gives a value which only `user` sees."""
    node = net.maker(name, *ops)
    if node is None or net.users(name) != [user] or name in net.kept:
        return None
    return node


def _mask_of(net: Net, plus: Node) -> tuple[str, str]:
    """The mask and the scores among what a sum adds; ("", "") where that is not clear."""
    for scores, mask in (plus.inputs, plus.inputs[::-1]):
        if net.maker(scores, "MatMul", "Mul", "Div") is not None and net.users(scores) == [plus]:
            inner = net.maker(scores, "Mul", "Div")
            if inner is None or _factor(net, inner) is not None:
                return mask, scores
    return "", ""


def _factor(net: Net, node: Node) -> tuple[str, float] | None:
    """The value and the number of a product or quotient with a number."""
    if node.op == "Div":
        number = net.number(node.inputs[1])
        return None if not number else (node.inputs[0], 1 / number)
    for x in node.inputs:
        number = net.number(other(node, x) or "")
        if number is not None:
            return x, number
    return None


def _unscaled(net: Net, name: str, user: Node) -> _Found:
    """An operand of the scores without numbers that it is multiplied by."""
    found = _Found(name, 1.0, [])
    while (node := _lone(net, found.name, user, "Mul", "Div")) is not None:
        factor = _factor(net, node)
        if factor is None:
            break
        found.name, number = factor
        found.scale *= number
        found.nodes.append(node)
        user = node
    return found


def dense_layers(net: Net) -> list[Node]:
    """Puts activation(x kernel + bias) together, of kernels (in, out) or turned as Gemm's are."""
    facts = Facts(net.graph, net.nodes)
    for node in net.nodes:
        whole = node.op == "Dense" and not node.attributes.get("activation")
        if (not node.domain and node.op in ("MatMul", "Gemm")) or whole:
            if net.free([node]):
                _dense(net, facts, node)
    return net.result()


_AFTER = {"Relu": "relu", "Gelu": "gelu", "Swish": "silu", "Sigmoid": "sigmoid"}


def _dense(net: Net, facts: Facts, product: Node) -> None:
    x, kernel, *rest = product.inputs
    weights, get = net.graph.weights, product.attributes.get
    if kernel not in weights or len(weights[kernel].shape) != 2 or x in weights:
        return
    if not weights[kernel].dtype.startswith("float") or facts.rank(x) in (0, 1):
        return
    turned = bool(get("transB", 0) or get("turned", 0))
    width = weights[kernel].shape[0 if turned else 1]
    nodes, last, bias = [product], product, rest[0] if rest else ""
    if product.op == "Dense" and bias and bias not in weights:
        return
    if product.op == "Gemm":
        plain = get("alpha", 1.0) == get("beta", 1.0) == 1.0 and not get("transA", 0)
        if not plain or (bias and (bias not in weights or weights[bias].shape != (width,))):
            return
    elif product.op == "MatMul" and facts.rank(x) is None:
        return
    plus = None if bias else net.next(last.outputs[0], "Add")
    if plus is not None:
        added = other(plus, last.outputs[0]) or ""
        if added in weights and weights[added].shape == (width,):
            bias, last = added, plus
            nodes.append(plus)
    attributes: dict[str, int | str] = {"turned": 1} if turned else {}
    step = net.next_of_any(last.outputs[0], *_AFTER)
    if step is not None and step.attributes.get("alpha", 1.0) == 1.0:
        if step.attributes.get("approximate", "none") == "none":
            attributes["activation"], last = _AFTER[step.op], step
            nodes.append(step)
    if not net.free(nodes):
        return
    inputs = (x, kernel, bias)
    net.replace(nodes, Node("Dense", inputs, last.outputs, OWN, 1, product.name, attributes))
