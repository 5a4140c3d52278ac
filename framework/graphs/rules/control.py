"""ONNX's operators that hold graphs: If, Loop, Scan, SequenceMap.

Definition: github.com/onnx/onnx, docs/Operators.md. Where a condition or a number of rounds is
known on the host, the graph inside runs as Python does; else the backend's own control flow takes
it, whose values keep their shapes and dtypes from round to round.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...backends import registry as backends
from ..calls import Call, rank_of, shape_of
from ..interpreter import native
from ..registry import rule

# The most rounds of a loop that nothing in it ends.
MOST_ROUNDS = 1 << 20


def _known(x: Any) -> Any:
    """A scalar as a number of Python; None where only the compiled program will know it."""
    if x is None or isinstance(x, np.ndarray):
        return None if x is None else x.reshape(-1)[0]
    return backends.owner_of(x).static_value(ops.reshape(x, ()), None)


@rule("If", absorbs=True, pure=False)
def _if(call: Call, condition: Any) -> Any:
    yes, no = call.body("then_branch"), call.body("else_branch")
    known = _known(condition)
    if known is not None:
        return tuple(call.run.nested(yes if known else no, ()))

    def taken(graph: Any) -> Any:
        return tuple(native(x) for x in call.run.nested(graph, ()))

    condition = ops.reshape(condition, ())
    return ops.cond(condition, lambda: taken(yes), lambda: taken(no))


@rule("Loop", absorbs=True, pure=False)
def _loop(call: Call, most: Any, condition: Any, *carried: Any) -> Any:
    body, count = call.body("body"), len(carried)
    rounds, begin = _known(most), _known(condition)
    if most is not None and rounds is None or condition is not None and begin is None:
        return _traced_loop(call, body, most, condition, carried)
    ends = _may_end(body)
    if not ends and begin is not False and (rounds is None or rounds > MOST_ROUNDS):
        raise call.wrong(
            f"nothing in its body ends it, and it would run "
            f"{'for ever' if rounds is None else f'{int(rounds)} rounds'}"
        )
    state, scans = list(carried), [[] for _ in range(len(body.outputs) - 1 - count)]
    going, number = condition is None or bool(begin), 0
    while going and (rounds is None or number < rounds):
        found = call.run.nested(body, (np.asarray(number, np.int64), np.asarray(True), *state))
        state = found[1 : 1 + count]
        for scan, x in zip(scans, found[1 + count :], strict=True):
            scan.append(x)
        number += 1
        known = _known(found[0])
        if known is None:
            if number > 1 or any(scans):
                raise call.wrong(
                    "whether it goes on is known only when the compiled program runs, and it "
                    "gathers values on the way: their number would not be known. Call the model "
                    "itself, or `infer` on torch or numpy"
                )
            return _traced_loop(call, body, most, found[0], tuple(state), first=1)
        going = bool(known)
        if number > MOST_ROUNDS and not ends:
            raise call.wrong(f"it ran {MOST_ROUNDS} rounds")
    return (*state, *(_stacked(call, body, scan, 1 + count + n) for n, scan in enumerate(scans)))


def _may_end(body: Any) -> bool:
    """Whether the condition that a body gives can ever be false."""
    name = body.outputs[0].name
    same = {body.inputs[1].name} if len(body.inputs) > 1 else set()
    makers = {out: node for node in body.nodes for out in node.outputs}
    while name in makers and makers[name].op in ("Identity", "Cast") and not makers[name].domain:
        name = makers[name].inputs[0]
    return name not in same and (name in makers)


def _stacked(call: Call, body: Any, parts: list[Any], place: int) -> Any:
    if parts:
        if all(isinstance(x, np.ndarray) for x in parts):
            return np.stack(parts)
        return ops.stack(parts, 0)
    value = body.outputs[place]
    sizes = [n if isinstance(n, int) else 0 for n in value.shape or ()]
    return np.zeros((0, *sizes), call.dtype(value.dtype or "float32"))


def _traced_loop(
    call: Call, body: Any, most: Any, condition: Any, carried: tuple, first: int = 0
) -> Any:
    """A loop of the backend's own, where the number of rounds is known only when it runs."""
    count = len(carried)
    if len(body.outputs) > 1 + count:
        raise call.wrong(
            "the number of its rounds is known only when the compiled program runs, and it gathers "
            "a value of each. Call the model itself, or `infer` on torch or numpy"
        )
    state = tuple(ops.convert_to_tensor(native(x)) for x in carried)
    begin = True if condition is None else ops.reshape(native(condition), ())
    limit = None if most is None else ops.reshape(native(most), ())

    def goes_on(number: Any, going: Any, *rest: Any) -> Any:
        return going if limit is None else ops.logical_and(going, ops.less(number, limit))

    def step(number: Any, going: Any, *rest: Any) -> Any:
        found = call.run.nested(body, (number, going, *rest))
        return (
            ops.add(number, 1),
            ops.reshape(ops.cast(native(found[0]), "bool"), ()),
            *(native(x) for x in found[1:]),
        )

    start = ops.convert_to_tensor(np.asarray(first, np.int64))
    begin = ops.convert_to_tensor(begin, "bool")
    return tuple(ops.while_loop(goes_on, step, (start, begin, *state))[2:])


@rule("Scan", absorbs=True, pure=False)
def _scan(call: Call, *given: Any) -> Any:
    body = call.body("body")
    if call.version < 9:
        return _batched_scan(call, body, given[1:])
    return _scanned(call, body, given)


def _scanned(call: Call, body: Any, given: tuple) -> tuple:
    count = call.get("num_scan_inputs")
    state, series = list(given[: len(given) - count]), given[len(given) - count :]
    results = len(body.outputs) - len(state)
    axes = call.get("scan_input_axes") or [0] * count
    backward = call.get("scan_input_directions") or [0] * count
    out_axes = call.get("scan_output_axes") or [0] * results
    out_backward = call.get("scan_output_directions") or [0] * results
    axes = [call.axis(a, rank_of(x)) for a, x in zip(axes, series, strict=True)]
    moved = [x if not a else ops.moveaxis(x, a, 0) for a, x in zip(axes, series, strict=True)]
    moved = [ops.flip(x, 0) if b else x for x, b in zip(moved, backward, strict=True)]
    length = shape_of(moved[0])[0]
    if isinstance(length, int) and (length <= _UNROLLED or not _tracing(moved)):
        parts: list[list[Any]] = [[] for _ in range(results)]
        for place in range(length):
            found = call.run.nested(body, (*state, *(ops.take(x, place, 0) for x in moved)))
            state = found[: len(state)]
            for scan, x in zip(parts, found[len(state) :], strict=True):
                scan.append(x)
        scans = [_stacked(call, body, x, len(state) + n) for n, x in enumerate(parts)]
    else:

        def step(held: Any, xs: Any) -> Any:
            found = [native(x) for x in call.run.nested(body, (*held, *xs))]
            return tuple(found[: len(state)]), tuple(found[len(state) :])

        begin = tuple(ops.convert_to_tensor(native(x)) for x in state)
        state, scans = ops.scan(step, begin, tuple(native(x) for x in moved))
    made = []
    for x, axis, turned in zip(scans, out_axes, out_backward, strict=True):
        x = ops.flip(x, 0) if turned else x
        axis = call.axis(axis, rank_of(x))
        made.append(ops.moveaxis(x, 0, axis) if axis else x)
    return (*state, *made)


# Rounds of a scan that are written out one after the other in a compiled program.
_UNROLLED = 32


def _tracing(xs: list[Any]) -> bool:
    return any(not isinstance(x, np.ndarray) and backends.owner_of(x).is_tracing(x) for x in xs)


def _batched_scan(call: Call, body: Any, given: tuple) -> tuple:
    """The first form of Scan: each value has a batch in front, whose members run by themselves."""
    found = [
        _scanned(call, body, tuple(ops.take(x, place, 0) for x in given))
        for place in range(shape_of(given[0])[0])
    ]
    return tuple(ops.stack(list(parts), 0) for parts in zip(*found, strict=True))


@rule("SequenceMap", absorbs=True, pure=False)
def _sequence_map(call: Call, first: list[Any], *others: Any) -> Any:
    body = call.body("body")
    rows = []
    for place, x in enumerate(first):
        rest = [other[place] if isinstance(other, list) else other for other in others]
        rows.append(call.run.nested(body, (x, *rest)))
    return tuple([row[n] for row in rows] for n in range(len(body.outputs)))
