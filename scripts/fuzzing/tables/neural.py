"""Rows of ops: convolutions, pools, patches, attention."""

import numpy as np

from ...references import kernels, neural
from ..draws import FLOATS, NUMBERS, Draw
from ..rows import Call, row

FLOAT_KINDS = FLOATS


def _pixels(draw: Draw, rank: int, channels: int, least: int = 3, kinds=FLOATS, values="tame"):
    shape = (draw.pick(0, 1, 2), *(draw.whole(least, 5) for _ in range(rank)), channels)
    return draw.array(shape, draw.dtype(kinds), values)


def _settings(draw: Draw, rank: int, dilated: bool = True) -> dict:
    return {
        "strides": draw.pick(1, 1, 2, tuple(draw.whole(1, 2) for _ in range(rank))),
        "padding": draw.pick("valid", "same"),
        **({"dilation_rate": draw.pick(1, 1, 2)} if dilated else {}),
    }


def _filled(reference):
    """A reference that takes no images, too: it computes one of zeros and drops it."""

    def made(x, *args, **kwargs):
        if len(x):
            return reference(x, *args, **kwargs)
        return reference(np.zeros((1, *x.shape[1:]), x.dtype), *args, **kwargs)[:0]

    return made


def _conv(draw: Draw) -> Call:
    rank = draw.pick(1, 2, 2, 3)
    groups, each, outputs = draw.pick(1, 1, 2), draw.whole(1, 2), draw.whole(1, 2)
    x = _pixels(draw, rank, groups * each)
    size = tuple(draw.whole(1, 2) for _ in range(rank))
    kernel = draw.array((*size, each, groups * outputs), "float64", "tame").astype(x.dtype)
    return Call([x, kernel], _settings(draw, rank))


def _first(size):
    return lambda x, k, **kw: size(np.abs(x), np.abs(k), **kw)


row(
    "conv",
    _conv,
    _filled(kernels.conv),
    size=_first(_filled(kernels.conv)),
    open=False,
    error=16,
    gradient=(0, 1),
)


def _depthwise(draw: Draw) -> Call:
    rank, channels = draw.pick(1, 2, 2, 3), draw.whole(1, 3)
    x = _pixels(draw, rank, channels)
    size = tuple(draw.whole(1, 2) for _ in range(rank))
    kernel = draw.array((*size, channels, draw.whole(1, 2)), "float64", "tame").astype(x.dtype)
    return Call([x, kernel], _settings(draw, rank))


row(
    "depthwise_conv",
    _depthwise,
    _filled(kernels.depthwise_conv),
    error=16,
    size=_first(_filled(kernels.depthwise_conv)),
    open=False,  # the kernel's sizes decide what is computed
    gradient=(0, 1),
)


def _separable(draw: Draw) -> Call:
    call = _depthwise(draw)
    x, kernel = call.args
    ones = (1,) * (x.ndim - 2)
    point = draw.array((*ones, kernel.shape[-1] * kernel.shape[-2], 2), "float64", "tame")
    return Call([x, kernel, point.astype(x.dtype)], call.kwargs)


row(
    "separable_conv",
    _separable,
    _filled(neural.separable_conv),
    error=32,
    size=lambda *a, **k: _filled(neural.separable_conv)(*map(np.abs, a), **k),
    open=False,
)


def _transposed(draw: Draw) -> Call:
    rank = draw.pick(1, 2, 2, 3)
    x = _pixels(draw, rank, draw.whole(1, 2), 1)
    size = tuple(draw.whole(1, 3) for _ in range(rank))
    kernel = draw.array((*size, draw.whole(1, 2), x.shape[-1]), "float64", "tame").astype(x.dtype)
    settings = _settings(draw, rank)
    if settings["padding"] == "same" and settings["dilation_rate"] == 2:
        settings["strides"] = 1
    return Call([x, kernel], settings)


row(
    "conv_transpose",
    _transposed,
    _filled(neural.conv_transpose),
    error=16,
    size=_first(_filled(neural.conv_transpose)),
    open=False,
    gradient=(0, 1),
)


def _pool(draw: Draw) -> Call:
    rank = draw.pick(1, 2, 2, 3)
    x = _pixels(draw, rank, draw.whole(1, 2), kinds=NUMBERS, values=draw.pick("tame", "ties"))
    call = Call([x, draw.pick(1, 2, 2, 3)], _settings(draw, rank, False))
    if draw.chance(0.3):
        call.kwargs["strides"] = None
    return call


def _pooled(kind):
    def reference(x, size, strides, padding):
        y = _filled(kernels.pool)(x.astype(float), size, strides, padding, kind)
        return y.astype(x.dtype) if kind == "max" and x.dtype.kind in "iu" else y

    return reference


def _smooth_pool(draw: Draw) -> Call:
    call = _pool(draw)
    x = call.args[0]
    return Call([draw.array((1, *x.shape[1:]), "float64", "apart"), *call.args[1:]], call.kwargs)


row("max_pool", _pool, _pooled("max"), operands=(0,), gradient=(0,), smooth=_smooth_pool)
row(
    "average_pool",
    _pool,
    _pooled("average"),
    meet="float",
    operands=(0,),
    gradient=(0,),
    smooth=_smooth_pool,
    size=lambda x, *a, **k: np.max(np.abs(x), initial=0),
)


def _adaptive(draw: Draw) -> Call:
    rank = draw.pick(1, 2, 3)
    x = _pixels(draw, rank, draw.whole(1, 2), kinds=NUMBERS)
    return Call([x, draw.pick(1, 2, 3)])


# Where the windows lie depends on the sizes: they have to be known.
row("adaptive_max_pool", _adaptive, _filled(neural.adaptive_pool), operands=(0,), open=False)
row(
    "adaptive_average_pool",
    _adaptive,
    _filled(lambda x, o: neural.adaptive_pool(x, o, np.mean)),
    meet="float",
    operands=(0,),
    size=lambda x, *a: np.max(np.abs(x), initial=0),
    open=False,
)


def _windows(draw: Draw) -> dict:
    return {"dilation": draw.pick(1, 1, 2), "padding": draw.pick(0, 1), "stride": draw.pick(1, 2)}


def _unfolded(draw: Draw) -> Call:
    shape = (draw.pick(1, 2), draw.whole(1, 2), draw.whole(3, 5), draw.whole(3, 5))
    return Call(
        [draw.array(shape, draw.dtype((*NUMBERS, "bool")), "tame"), draw.pick(1, 2)], _windows(draw)
    )


row("unfold", _unfolded, neural.unfold, operands=(0,), gradient=(0,))


def _folded(draw: Draw) -> Call:
    settings, size, output = _windows(draw), draw.pick(1, 2), draw.whole(3, 5)
    reach = (size - 1) * settings["dilation"] + 1
    places = (output + 2 * settings["padding"] - reach) // settings["stride"] + 1
    shape = (draw.pick(1, 2), 2 * size * size, places * places)
    return Call([draw.array(shape, draw.dtype(NUMBERS), "tame"), output, size], settings)


row("fold", _folded, neural.fold, operands=(0,), size="largest", gradient=(0,))


def _blocks(down: bool):
    def make(draw: Draw) -> Call:
        b = 2
        first = draw.pick("channels_last", "channels_first")
        h, w, c = draw.whole(1, 2), draw.whole(1, 2), draw.whole(1, 2)
        sizes = (h, w, c * b * b) if down else (h * b, w * b, c)
        shape = (sizes[2], *sizes[:2]) if first == "channels_first" else sizes
        x = draw.array((draw.pick(0, 1, 2), *shape), draw.dtype((*NUMBERS, "bool")), "tame")
        return Call([x, b, first])

    return make


row("depth_to_space", _blocks(True), neural.depth_to_space, operands=(0,))
row("space_to_depth", _blocks(False), neural.space_to_depth, operands=(0,))


def _heads(draw: Draw) -> Call:
    batch, target, source = draw.pick(1, 2), draw.whole(1, 4), draw.whole(1, 4)
    heads, groups, dim = draw.whole(1, 2), draw.pick(1, 2), draw.whole(1, 4)
    kind = draw.dtype(FLOATS)
    query = draw.array((batch, target, heads * groups, dim), kind, "tame")
    key, value = (draw.array((batch, source, heads, dim), kind, "tame") for _ in range(2))
    kwargs: dict = {}
    if draw.chance(0.5):
        mask = draw.array((batch, 1, target, source), "bool")
        mask[..., 0] = True
        kwargs["mask"] = mask
    elif draw.chance(0.4):
        kwargs["is_causal"] = True
    if draw.chance(0.4):
        kwargs["bias"] = draw.array((1, heads * groups, target, source), kind, "tame")
    return Call([query, key, value], kwargs)


def _cached(draw: Draw) -> Call:
    batch, length, capacity = draw.pick(1, 2), draw.whole(1, 3), draw.whole(3, 6)
    heads, groups, dim = draw.whole(1, 2), draw.pick(1, 2), draw.whole(1, 4)
    kind = draw.dtype(FLOATS)
    query = draw.array((batch, length, heads * groups, dim), kind, "tame")
    key, value = (draw.array((batch, length, heads, dim), kind, "tame") for _ in range(2))
    keys, values = (draw.array((batch, heads, capacity, dim), kind, "tame") for _ in range(2))
    mask = draw.array((batch, 1, length, capacity), "bool")
    mask[..., 0] = True
    kwargs = {"mask": mask} if draw.chance(0.5) else {}
    return Call([query, key, value, keys, values, draw.whole(0, capacity - length)], kwargs)


def _turned(draw: Draw) -> Call:
    shape = (draw.pick(0, 1, 2), draw.whole(1, 3), 2 * draw.whole(1, 3))
    kind = draw.dtype(FLOATS)
    angles = (1, *shape[1:]) if draw.chance(0.5) else shape
    return Call([draw.array(sizes, kind, "tame") for sizes in (shape, angles, angles)])


row(
    "cached_attention",
    _cached,
    neural.cached_attention,
    operands=(0, 1, 2, 3, 4),
    error=32,
    size="largest",
    open=False,  # the numbers of heads must be known
    symbolic=False,
)
row("turn_halves", _turned, neural.turn_halves, error=4, size="largest", gradient=(0, 1, 2))
row("dot_product_attention", _heads, neural.attention, error=32, size="largest", gradient=(0, 1, 2))
