"""ONNX's recurrent networks.

Definition: github.com/onnx/onnx, docs/Operators.md. Inputs are (steps, batch, in), weights
(directions, gates * units, in), outputs (steps, directions, batch, units).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ... import ops
from ...backends import registry as backends
from ...ops.joining import split
from ..calls import Call, rank_of, shape_of
from ..registry import rule

# Activation -> (function of x, alpha, beta; default of alpha; of beta). None where it has none.
_ACTIVATIONS: dict[str, tuple[Callable[..., Any], float | None, float | None]] = {
    "relu": (lambda x, a, b: ops.maximum(x, 0), None, None),
    "tanh": (lambda x, a, b: ops.tanh(x), None, None),
    "sigmoid": (lambda x, a, b: ops.sigmoid(x), None, None),
    "affine": (lambda x, a, b: ops.add(ops.multiply(x, a), b), 1.0, 0.0),
    "leakyrelu": (lambda x, a, b: ops.where(ops.less(x, 0), ops.multiply(x, a), x), 0.01, None),
    "thresholdedrelu": (
        lambda x, a, b: ops.where(ops.greater(x, a), x, ops.zeros_like(x)),
        1.0,
        None,
    ),
    "scaledtanh": (lambda x, a, b: ops.multiply(ops.tanh(ops.multiply(x, b)), a), 1.0, 1.0),
    "hardsigmoid": (
        lambda x, a, b: ops.maximum(ops.minimum(ops.add(ops.multiply(x, a), b), 1.0), 0.0),
        0.2,
        0.5,
    ),
    "elu": (
        lambda x, a, b: ops.where(ops.less(x, 0), ops.multiply(ops.expm1(ops.minimum(x, 0)), a), x),
        1.0,
        None,
    ),
    "softsign": (lambda x, a, b: ops.divide(x, ops.add(ops.absolute(x), 1)), None, None),
    "softplus": (lambda x, a, b: ops.softplus(x), None, None),
}


def _activations(call: Call, default: list[str], directions: int) -> list[list[Any]]:
    """For each direction the functions of its gates."""
    names = [n.lower() for n in call.get("activations") or default * directions]
    if len(names) != len(default) * directions:
        raise call.wrong(f"{len(names)} activations; {len(default) * directions} are expected")
    alphas, betas = (
        list(call.get("activation_alpha") or ()),
        list(call.get("activation_beta") or ()),
    )
    found = []
    for name in names:
        if name not in _ACTIVATIONS:
            raise call.wrong(f"the activation {name!r} is not known")
        function, alpha, beta = _ACTIVATIONS[name]
        alpha = alphas.pop(0) if alpha is not None and alphas else alpha
        beta = betas.pop(0) if beta is not None and betas else beta
        found.append(lambda x, f=function, a=alpha, b=beta: f(x, a, b))
    count = len(default)
    return [found[n * count : (n + 1) * count] for n in range(directions)]


def _directions(call: Call) -> list[bool]:
    """For each direction whether it runs backward."""
    found = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}
    name = call.get("direction", "forward")
    if name not in found:
        raise call.wrong(f"the direction {name!r} is not known")
    return found[name]


def _part(x: Any, place: int, axis: int = 0) -> Any:
    return None if x is None else ops.take(x, place, axis)


def _turned(x: Any, lengths: Any) -> Any:
    """(steps, batch, …) backward; of sequences of other lengths, each within its own."""
    if lengths is None:
        return ops.flip(x, 0)
    steps = shape_of(x)[0]
    place = ops.reshape(ops.arange(steps, dtype="int64"), (-1, 1))
    length = ops.reshape(ops.cast(lengths, "int64"), (1, -1))
    index = ops.where(ops.less(place, length), ops.subtract(ops.subtract(length, 1), place), place)
    index = ops.reshape(index, (*shape_of(index), *(1,) * (rank_of(x) - 2)))
    return ops.take_along_axis(x, ops.broadcast_to(index, shape_of(x)), 0)


def _run(
    call: Call,
    x: Any,
    lengths: Any,
    states: list[Any],
    step: Callable[..., tuple[Any, ...]],
    ready: Any = None,
) -> tuple[Any, list[Any]]:
    """(outputs (steps, batch, units), last states) of `step(x_t, *states) -> states`."""
    if ready is not None:
        return ready
    steps = shape_of(x)[0]

    def one(held: Any, given: Any) -> Any:
        now, place = given
        made = step(now, *held)
        if lengths is None:
            return made, made[0]
        alive = ops.reshape(ops.less(place, ops.cast(lengths, "int64")), (-1, 1))
        kept = tuple(ops.where(alive, new, old) for new, old in zip(made, held, strict=True))
        return kept, ops.where(alive, made[0], ops.zeros_like(made[0]))

    places = ops.arange(steps, dtype="int64")
    last, outputs = ops.scan(one, tuple(states), (x, places))
    return outputs, list(last)


def _network(
    call: Call,
    x: Any,
    lengths: Any,
    initial: list[Any],
    units: int,
    directions: list[bool],
    direction: Callable[[int, Any, Any, list[Any]], tuple[Any, list[Any]]],
) -> tuple[Any, ...]:
    """What all recurrent networks share: layouts, directions, first states."""
    if batch_first := call.get("layout", 0):
        x = ops.swapaxes(x, 0, 1)
        initial = [None if s is None else ops.swapaxes(s, 0, 1) for s in initial]
    batch = shape_of(x)[1]
    zeros = None
    outputs, lasts = [], []
    for place, backward in enumerate(directions):
        states = []
        for given in initial:
            if given is None:
                if zeros is None:
                    zeros = ops.zeros((batch, units), dtype=_float(x))
                states.append(zeros)
            else:
                states.append(_part(given, place))
        series = _turned(x, lengths) if backward else x
        found, last = direction(place, series, lengths, states)
        outputs.append(_turned(found, lengths) if backward else found)
        lasts.append(last)
    y = ops.stack(outputs, 1)
    ends = [ops.stack([last[n] for last in lasts], 0) for n in range(len(initial))]
    if batch_first:
        y = ops.transpose(y, (2, 0, 1, 3))
        ends = [ops.swapaxes(end, 0, 1) for end in ends]
    return (y, *ends)


def _float(x: Any) -> str:
    from ..calls import dtype_of

    return dtype_of(x)


def _clipped(call: Call) -> Callable[[Any], Any]:
    limit = call.get("clip")
    if not limit:
        return lambda x: x
    return lambda x: ops.maximum(ops.minimum(x, limit), -limit)


@rule("RNN", weights=(1, 2, 3))
def _rnn(
    call: Call, x: Any, w: Any, r: Any, b: Any = None, lengths: Any = None, initial: Any = None
) -> Any:
    directions, units = _directions(call), shape_of(r)[2]
    functions, clip = _activations(call, ["Tanh"], len(directions)), _clipped(call)

    def direction(place: int, series: Any, lengths: Any, states: list[Any]) -> Any:
        moved = ops.matmul(series, ops.transpose(_part(w, place)))
        bias = _part(b, place)
        if bias is not None:
            moved = ops.add(moved, ops.add(*split(bias, 2, 0)))
        recurrent = ops.transpose(_part(r, place))

        def step(now: Any, h: Any) -> tuple[Any]:
            return (functions[place][0](clip(ops.add(now, ops.matmul(h, recurrent)))),)

        return _run(call, moved, lengths, states, step)

    return _network(call, x, lengths, [initial], units, directions, direction)


@rule("LSTM", weights=(1, 2, 3, 7))
def _lstm(
    call: Call,
    x: Any,
    w: Any,
    r: Any,
    b: Any = None,
    lengths: Any = None,
    initial_h: Any = None,
    initial_c: Any = None,
    peepholes: Any = None,
) -> Any:
    def products(place: int) -> list[Callable[[Any], Any]]:
        return [_product(ops.transpose(_part(one, place))) for one in (w, r)]

    def kernel(place: int, series: Any, states: list[Any], bias: Any) -> Any:
        return _by_kernel(series, states, _part(w, place), _part(r, place), bias)

    initial = [initial_h, initial_c]
    return _long_short(call, x, shape_of(r)[2], products, b, lengths, initial, peepholes, kernel)


def _product(matrix: Any) -> Callable[[Any], Any]:
    return lambda rows: ops.matmul(rows, matrix)


def _long_short(
    call: Call,
    x: Any,
    units: int,
    products: Callable[[int], list[Callable[[Any], Any]]],
    b: Any,
    lengths: Any,
    initial: list[Any],
    peepholes: Any,
    kernel: Callable[[int, Any, list[Any], Any], Any],
) -> Any:
    """An LSTM.

    Args:
        call: of the node.
        x: (steps, batch, inputs).
        units: of the states.
        products: place of a direction -> what multiplies inputs, and states, by their matrices.
        b: (directions, 8 units), or None.
        lengths: (batch,), or None.
        initial: the first states, or None for each.
        peepholes: (directions, 3 units), or None.
        kernel: (place, series, states, bias) -> the result by a kernel for the usual form; None
            where there is none.
    """
    directions = _directions(call)
    usual = not call.get("activations") or [n.lower() for n in call.get("activations")] == [
        *("sigmoid", "tanh", "tanh")
    ] * len(directions)
    functions = _activations(call, ["Sigmoid", "Tanh", "Tanh"], len(directions))
    clip, joined = _clipped(call), call.get("input_forget", 0)
    plain = usual and not (call.get("clip") or joined) and lengths is None and peepholes is None

    def direction(place: int, series: Any, lengths: Any, states: list[Any]) -> Any:
        f, g, last = functions[place]
        bias = _part(b, place)
        total = None if bias is None else ops.add(*split(bias, 2, 0))
        if plain:
            ready = kernel(place, series, states, total)
            if ready is not None:
                return ready
        of_inputs, of_states = products(place)
        moved = of_inputs(series)
        moved = moved if total is None else ops.add(moved, total)
        look = [0, 0, 0] if peepholes is None else split(_part(peepholes, place), 3, 0)

        def step(now: Any, h: Any, c: Any) -> tuple[Any, Any]:
            i, o, forget, cell = split(ops.add(now, of_states(h)), 4, -1)
            if peepholes is not None:
                i = ops.add(i, ops.multiply(look[0], c))
                forget = ops.add(forget, ops.multiply(look[2], c))
            i = f(clip(i))
            forget = ops.subtract(1, i) if joined else f(clip(forget))
            c = ops.add(ops.multiply(forget, c), ops.multiply(i, g(clip(cell))))
            if peepholes is not None:
                o = ops.add(o, ops.multiply(look[1], c))
            return ops.multiply(f(clip(o)), last(clip(c))), c

        return _run(call, moved, lengths, states, step)

    return _network(call, x, lengths, initial, units, directions, direction)


@rule("DynamicQuantizeLSTM", domain="com.microsoft", weights=(1, 2, 3, 7))
def _quantized_lstm(
    call: Call,
    x: Any,
    w: Any,
    r: Any,
    b: Any = None,
    lengths: Any = None,
    initial_h: Any = None,
    initial_c: Any = None,
    peepholes: Any = None,
    w_scale: Any = None,
    w_zero: Any = None,
    r_scale: Any = None,
    r_zero: Any = None,
) -> Any:
    """An LSTM whose matrices are integers; inputs and states become such before each product.

    Definition: github.com/microsoft/onnxruntime, docs/ContribOperators.md.
    """

    def products(place: int) -> list[Callable[[Any], Any]]:
        return [
            _quantized_product(*(_part(one, place) for one in parts))
            for parts in ((w, w_scale, w_zero), (r, r_scale, r_zero))
        ]

    initial = [initial_h, initial_c]
    return _long_short(
        *(call, x, shape_of(r)[1], products, b, lengths, initial, peepholes),
        lambda *arguments: None,
    )


def _quantized_product(matrix: Any, scale: Any, zero: Any) -> Callable[[Any], Any]:
    """Multiplies by integers (inputs, outputs) less their zero points, times their scales.

    All inputs (steps, batch, inputs) are quantized by one scale, and states (batch, units) by one
    for each row, as onnxruntime does where each row is a thread's.
    """
    wide = ops.subtract(ops.cast(matrix, "float32"), ops.cast(zero, "float32"))

    def multiply(rows: Any) -> Any:
        axis = -1 if rank_of(rows) == 2 else (0, 1, 2)
        high = ops.maximum(ops.max(rows, axis, keepdims=True), 0.0)
        low = ops.minimum(ops.min(rows, axis, keepdims=True), 0.0)
        span = ops.divide(ops.subtract(high, low), 255.0)
        span = ops.where(ops.equal(span, 0), ops.ones_like(span), span)
        middle = ops.round(ops.divide(ops.negative(low), span))
        numbers = ops.add(ops.round(ops.divide(rows, span)), middle)
        numbers = ops.subtract(ops.clip(numbers, 0, 255), middle)
        return ops.multiply(ops.multiply(ops.matmul(numbers, wide), span), scale)

    return multiply


def _by_kernel(x: Any, states: list[Any], kernel: Any, recurrent: Any, bias: Any) -> Any:
    """The backend's own kernel for all steps; None where it has none."""
    backend = backends.current()
    if backend.hosts:
        return None

    def keras_order(weights: Any, axis: int) -> Any:
        i, o, forget, cell = split(weights, 4, axis)
        return ops.concatenate([i, forget, cell, o], axis)

    found = backend.lstm(
        ops.swapaxes(x, 0, 1),
        *states,
        ops.transpose(keras_order(kernel, 0)),
        ops.transpose(keras_order(recurrent, 0)),
        None if bias is None else keras_order(bias, 0),
    )
    if found is None:
        return None
    outputs, h, c = found
    return ops.swapaxes(outputs, 0, 1), [h, c]


@rule("GRU", weights=(1, 2, 3))
def _gru(
    call: Call, x: Any, w: Any, r: Any, b: Any = None, lengths: Any = None, initial: Any = None
) -> Any:
    directions, units = _directions(call), shape_of(r)[2]
    functions = _activations(call, ["Sigmoid", "Tanh"], len(directions))
    clip, after = _clipped(call), call.get("linear_before_reset", 0)

    def direction(place: int, series: Any, lengths: Any, states: list[Any]) -> Any:
        f, g = functions[place]
        bias = _part(b, place)
        own, other = (None, None) if bias is None else split(bias, 2, 0)
        moved = ops.matmul(series, ops.transpose(_part(w, place)))
        moved = moved if own is None else ops.add(moved, own)
        recurrent = ops.transpose(_part(r, place))
        gates, candidate = split(recurrent, [2 * units], 1)
        first, second = (None, None) if other is None else split(other, [2 * units], 0)

        def step(now: Any, h: Any) -> tuple[Any]:
            zr, cell = split(now, [2 * units], -1)
            zr = ops.add(zr, ops.matmul(h, gates))
            z, reset = split(f(clip(zr if first is None else ops.add(zr, first))), 2, -1)
            if after:
                inner = ops.matmul(h, candidate)
                inner = inner if second is None else ops.add(inner, second)
                inner = ops.multiply(reset, inner)
            else:
                inner = ops.matmul(ops.multiply(reset, h), candidate)
                inner = inner if second is None else ops.add(inner, second)
            new = g(clip(ops.add(cell, inner)))
            return (ops.add(ops.multiply(ops.subtract(1, z), new), ops.multiply(z, h)),)

        return _run(call, moved, lengths, states, step)

    return _network(call, x, lengths, [initial], units, directions, direction)
