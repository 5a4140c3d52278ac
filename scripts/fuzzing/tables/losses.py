"""Rows of ops: losses, normalization."""

import numpy as np

from ...references import kernels, neural
from ..draws import FLOATS, REAL, Draw, name_of
from ..makers import reduction
from ..rows import Call, row


def _shares(draw: Draw, shape, kind):
    x = draw.random.uniform(0.05, 0.95, shape)
    return x.astype(draw.array((), kind).dtype)


def _result(place: int = 1):
    return lambda call: name_of(call.args[place])


def _binary(draw: Draw) -> Call:
    shape, logits = draw.shape(), draw.chance(0.5)
    kind = draw.dtype(FLOATS)
    output = draw.array(shape, kind, "tame") if logits else _shares(draw, shape, kind)
    target = draw.array(shape, draw.pick(kind, "int32", "bool"), "small")
    if name_of(target) != "bool":
        target = np.clip(target.astype(float), 0, 1).astype(target.dtype)
    return Call([target, output], {"from_logits": logits})


def _bce(target, output, from_logits):
    return neural.binary_crossentropy(target.astype(float), output, from_logits)


row(
    "binary_crossentropy",
    _binary,
    _bce,
    meet=None,
    dtype=_result(),
    gradient=(1,),
    size=lambda t, o, from_logits: 1 + o,
)


def _categories(draw: Draw) -> Call:
    shape = draw.shape(1, 3, 1)
    axis, logits = draw.axis(len(shape)), draw.chance(0.5)
    kind = draw.dtype(FLOATS)
    output = draw.array(shape, kind, "tame") if logits else _shares(draw, shape, kind)
    return Call([_shares(draw, shape, kind), output], {"from_logits": logits, "axis": axis})


row(
    "categorical_crossentropy",
    _categories,
    neural.categorical_crossentropy,
    meet=None,
    dtype=_result(),
    gradient=(1,),
    size=lambda t, o, from_logits, axis: 1 + np.sum(o, axis),
    kinks=True,
)


def _classes(draw: Draw) -> Call:
    call = _categories(draw)
    output, axis = call.args[1], call.kwargs["axis"]
    shape = list(output.shape)
    del shape[axis]
    target = draw.array(tuple(shape), draw.dtype(("int32", "int64", "uint8", "int8")), "small")
    return Call([target, output], call.kwargs)


def _sparse(target, output, from_logits, axis):
    hot = target[..., None] == np.arange(output.shape[axis])
    hot = np.moveaxis(hot, -1, axis)
    return neural.categorical_crossentropy(hot, output, from_logits, axis)


row(
    "sparse_categorical_crossentropy",
    _classes,
    _sparse,
    meet=None,
    dtype=_result(),
    gradient=(1,),
    size=lambda t, o, from_logits, axis: 1 + np.sum(o, axis),
    kinks=True,
)


def _words(draw: Draw) -> Call:
    batch, labels, time, classes = draw.size(1), draw.whole(1, 2), draw.whole(5, 6), 4
    target = draw.random.integers(1, classes, (batch, labels)).astype(draw.pick("int32", "int64"))
    counts = draw.random.integers(0, labels + 1, (batch,)).astype("int32")
    steps = draw.random.integers(5, time + 1, (batch,)).astype("int32")
    kind = draw.dtype(FLOATS)
    return Call([target, draw.array((batch, time, classes), kind, "tame"), counts, steps])


def _ctc_dtype(call: Call) -> str:
    return "float64" if name_of(call.args[1]) == "float64" else "float32"


row(
    "ctc_loss",
    _words,
    neural.ctc_loss,
    meet=None,
    dtype=_ctc_dtype,
    gradient=(1,),
    error=32,
    size=lambda *a: 1.0,
    open=False,
)


def _greedy(draw: Draw) -> Call:
    call = _words(draw)
    return Call(
        [draw.array(call.args[1].shape, draw.pick("float32", "float64"), "apart"), call.args[3]]
    )


row(
    "ctc_decode",
    _greedy,
    neural.ctc_greedy,
    meet=None,
    dtype=lambda call: ("int32", name_of(call.args[0])),
    size=lambda *a: 10.0,
)


# Normalization ----------------------------------------------------------------------------------


def _vectors(count: int, least: int = 1):
    def make(draw: Draw) -> Call:
        shape = draw.shape(1, 3, least)
        axis = draw.axis(len(shape))
        kind = draw.dtype(FLOATS)
        x = draw.array(shape, kind, "tame")
        size = (shape[axis],)
        args = [x] + [
            draw.array(size, kind, "tame") for _ in range(count if draw.chance(0.7) else 0)
        ]
        return Call(args, {"axis": axis, "epsilon": draw.pick(1e-3, 1e-2)})

    return make


LOOSE = {
    "error": 48,
    "size": lambda *a, **k: (
        1 + np.max(np.abs(a[0]), initial=0)
        if len(a) == 1
        else (1 + np.max(np.abs(a[0]), initial=0))
        * (1 + sum(np.max(np.abs(v), initial=0) for v in a[1:]))
    ),
}
row("layer_normalization", _vectors(2), kernels.layer_normalization, **LOOSE, gradient=(0, 1, 2))
row("rms_normalization", _vectors(1), kernels.rms_normalization, **LOOSE, gradient=(0, 1))


def _batch(draw: Draw) -> Call:
    shape = draw.shape(1, 3)
    axis, kind = draw.axis(len(shape)), draw.dtype(FLOATS)
    size = (shape[axis],)
    args = [
        draw.array(shape, kind, "tame"),
        draw.array(size, kind, "tame"),
        draw.array(size, kind, "positive"),
        axis,
    ]
    if draw.chance(0.6):
        args += [draw.array(size, kind, "tame"), draw.array(size, kind, "tame")]
    return Call(args)


row(
    "batch_normalization",
    _batch,
    kernels.batch_normalization,
    meet="same",
    operands=(0, 1, 2),
    error=64,
    size=lambda x, m, v, axis, *a: 30 + 30 * np.max(np.abs(x), initial=0),
    dtype=lambda call: name_of(call.args[0]),
    gradient=(0, 1, 2),
)


def _moments(draw: Draw) -> Call:
    call = reduction(REAL, "tame", filled=True)(draw)
    call.kwargs["axes"] = call.kwargs.pop("axis", None)
    return call


def _both(x, axes, keepdims=False):
    return [np.mean(x, axes, keepdims=keepdims), np.var(x, axes, keepdims=keepdims)]


row(
    "moments",
    _moments,
    _both,
    meet="float",
    size=lambda x, axes, keepdims=False: [
        np.mean(np.abs(x), axes, keepdims=keepdims),
        np.mean(x * x, axes, keepdims=keepdims),
    ],
)


def _normed(draw: Draw) -> Call:
    shape = draw.shape(1, 3, 1)
    return Call(
        [draw.array(shape, draw.dtype(FLOATS), "tame")],
        {"axis": draw.pick(None, draw.axis(len(shape))), "order": draw.pick(1, 2, 3)},
    )


def _smooth_normed(draw: Draw) -> Call:
    x = draw.array(draw.shape(1, 2, 1), "float64", "apart")
    return Call([x], {"axis": -1, "order": draw.pick(1, 2, 3)})


row("normalize", _normed, neural.normalize, error=32, gradient=(0,), smooth=_smooth_normed)


def _signals(draw: Draw) -> Call:
    shape, kind = draw.shape(0, 3, 1), draw.dtype(FLOATS)
    return Call([draw.array(shape, kind, "positive"), -draw.array(shape, kind, "positive"), 2.0])


row(
    "psnr",
    _signals,
    lambda x, y, m: 10 * np.log10(m * m / np.mean((x - y) ** 2)),
    operands=(0, 1),
    size=lambda *a: 10.0,
    gradient=(0, 1),
)
