"""Convolution, pooling and attention with every kind of window, against loops in float64."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from isozoo import ops, use_backend
from isozoo.scripts.references import kernels as references
from isozoo.scripts.references import neural as references_neural

_random = np.random.default_rng(11)
# (input, kernel of conv (in, out follow), strides, dilation): even and odd, larger than a stride.
WINDOWS = [
    ((9,), (3,), (1,), (1,)),
    ((10,), (4,), (3,), (1,)),
    ((9,), (2,), (1,), (3,)),
    ((7, 8), (3, 3), (1, 1), (1, 1)),
    ((7, 8), (1, 1), (2, 2), (1, 1)),
    ((8, 7), (2, 4), (2, 2), (1, 1)),
    ((9, 7), (3, 2), (2, 1), (1, 1)),
    ((9, 9), (3, 3), (1, 1), (2, 2)),
    ((11, 10), (3, 2), (2, 2), (2, 3)),
    ((5, 6, 4), (2, 3, 2), (2, 1, 1), (1, 1, 1)),
]
PADDINGS = ("valid", "same", "explicit")
GRID = list(itertools.product(WINDOWS, PADDINGS))


def _explicit(padding, rank):
    return tuple((1 + i % 2, 2) for i in range(rank)) if padding == "explicit" else padding


def _draw(*shape):
    return _random.standard_normal(shape).astype(np.float32)


def _assert_near(result, expected):
    result = ops.convert_to_numpy(result)
    assert result.shape == expected.shape
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


def _wide(*arrays):
    return [a.astype(np.float64) for a in arrays]


@pytest.mark.parametrize(("window", "padding"), GRID)
def test_conv(window, padding, backend):
    size, kernel, strides, dilation = window
    groups = 1 + GRID.index((window, padding)) % 2
    padding = _explicit(padding, len(size))
    x, k = _draw(2, *size, 4), _draw(*kernel, 4 // groups, 6)
    result = ops.conv(*map(ops.convert_to_tensor, (x, k)), strides, padding, None, dilation)
    _assert_near(result, references.conv(*_wide(x, k), strides, padding, dilation))


@pytest.mark.parametrize(("window", "padding"), GRID)
def test_depthwise_conv(window, padding, backend):
    size, kernel, strides, dilation = window
    multiplier = 1 + GRID.index((window, padding)) % 2
    padding = _explicit(padding, len(size))
    x, k = _draw(2, *size, 3), _draw(*kernel, 3, multiplier)
    tensors = map(ops.convert_to_tensor, (x, k))
    result = ops.depthwise_conv(*tensors, strides, padding, None, dilation)
    _assert_near(result, references.depthwise_conv(*_wide(x, k), strides, padding, dilation))


@pytest.mark.parametrize(("window", "padding"), [g for g in GRID if max(g[0][3]) == 1])
@pytest.mark.parametrize("kind", ["max", "average"])
def test_pool(window, padding, kind, backend):
    size, kernel, strides, _ = window
    # Padding as wide as the window would leave windows without a real element.
    padding = tuple((0, k - 1) for k in kernel) if padding == "explicit" else padding
    x = _draw(2, *size, 3) - 5  # below zero: padding by zeros would show
    pool = ops.max_pool if kind == "max" else ops.average_pool
    result = pool(ops.convert_to_tensor(x), kernel, strides, padding)
    _assert_near(result, references.pool(*_wide(x), kernel, strides, padding, kind))


# (input, kernel, strides, dilation, output_padding)
TRANSPOSED = [
    ((5,), (3,), (2,), (1,), None),
    ((4,), (2,), (3,), (1,), None),
    ((4,), (4,), (3,), (2,), None),
    ((4, 3), (3, 2), (2, 2), (1, 1), None),
    ((4, 3), (4, 5), (2, 3), (1, 1), None),
    ((3, 4), (3, 4), (2, 2), (1, 1), (1, 0)),
    ((3, 4), (5, 2), (3, 3), (1, 1), 2),
    ((4, 4), (3, 2), (1, 1), (2, 3), None),
    ((2, 3, 2), (2, 3, 2), (2, 1, 3), (1, 1, 1), None),
]


@pytest.mark.parametrize("window", TRANSPOSED)
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_conv_transpose(window, padding, backend):
    size, kernel, strides, dilation, more = window
    x, k = _draw(2, *size, 3), _draw(*kernel, 2, 3)
    tensors = map(ops.convert_to_tensor, (x, k))
    result = ops.conv_transpose(*tensors, strides, padding, more, None, dilation)
    settings = (strides, padding, more, dilation)
    _assert_near(result, references_neural.conv_transpose(*_wide(x, k), *settings))


@pytest.mark.parametrize(("size", "output"), [
    ((7,), 3), ((6,), (2,)), ((3,), 5), ((7, 6), (2, 4)), ((5, 4), (5, 3)), ((4, 5, 3), 2),
])  # fmt: skip
@pytest.mark.parametrize("kind", ["max", "average"])
def test_adaptive_pool(size, output, kind, backend):
    x = _draw(2, *size, 3)
    pool = ops.adaptive_max_pool if kind == "max" else ops.adaptive_average_pool
    reduce = np.max if kind == "max" else np.mean
    expected = references_neural.adaptive_pool(*_wide(x), output, reduce)
    _assert_near(pool(ops.convert_to_tensor(x), output), expected)
    first = pool(ops.convert_to_tensor(np.moveaxis(x, -1, 1)), output, "channels_first")
    _assert_near(first, np.moveaxis(expected, -1, 1))


def test_unknown_sizes_of_a_graph():
    """Where TensorFlow traces with unknown sizes, borders are the same."""
    import tensorflow as tf

    x, k = _draw(2, 7, 6, 2), _draw(3, 2, 2, 4)

    def call(x):
        return (
            ops.conv(x, k, 2, "same", dilation_rate=2),
            ops.depthwise_conv(x, k, (2, 1), "same"),
            ops.average_pool(x, 2, 3, "same"),
            ops.conv_transpose(x, np.swapaxes(k, -1, -2)[..., :2], 2, "same"),
            ops.unfold(x, (3, 2), padding=1),
            ops.depth_to_space(ops.space_to_depth(x[:, :6], 2), 2),
            ops.max_pool(x, 3, 2, "same"),
        )

    traced = tf.function(call, input_signature=[tf.TensorSpec([None, None, None, 2])])
    with use_backend("tensorflow"):
        for have, want in zip(traced(x), call(tf.constant(x)), strict=True):
            np.testing.assert_allclose(have, want, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("op", ["conv", "depthwise_conv", "max_pool", "average_pool"])
def test_channels_first(op, backend):
    x, k = _draw(2, 6, 7, 4), _draw(3, 3, 4, 2)
    others = (2,) if op.endswith("pool") else (k,)
    last = getattr(ops, op)(x, *others, padding="same")
    first = getattr(ops, op)(np.moveaxis(x, -1, 1), *others, padding="same",
                             data_format="channels_first")  # fmt: skip
    np.testing.assert_array_equal(
        np.moveaxis(ops.convert_to_numpy(first), 1, -1), ops.convert_to_numpy(last)
    )


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "uint32", "uint64"])
def test_integer_max_pool(dtype, backend):
    x = _random.integers(20, 90, (1, 4, 5, 2)).astype(dtype)
    x[0, 0, 0] = np.iinfo(dtype).min
    x[0, 3] = np.iinfo(dtype).max
    result = ops.convert_to_numpy(ops.max_pool(x, 2, 3, padding="same"))
    assert result.dtype == x.dtype
    windows = [x[0, a : a + 2, b : b + 2].max((0, 1)) for a in (0, 3) for b in (0, 3)]
    np.testing.assert_array_equal(result.reshape(4, 2), windows)


def test_conv_refuses_what_does_not_fit(backend):
    x = ops.zeros((1, 5, 5, 4))
    with pytest.raises(ValueError, match="4 channels"):
        ops.conv(x, ops.zeros((3, 3, 3, 2)))
    with pytest.raises(ValueError, match="needs inputs with 4 axes"):
        ops.conv(ops.zeros((5, 5, 4)), ops.zeros((3, 3, 4, 2)))
    with pytest.raises(ValueError, match="3 channels|4 channels"):
        ops.depthwise_conv(x, ops.zeros((3, 3, 3, 1)))
    with pytest.raises(ValueError, match="padding"):
        ops.conv(x, ops.zeros((3, 3, 4, 2)), padding="full")
    with pytest.raises(ValueError, match="windows that fit"):
        ops.conv(x, ops.zeros((3, 6, 4, 2)))
    with pytest.raises(ValueError, match="windows that fit"):
        ops.average_pool(x, 6)
    with pytest.raises(ValueError, match="strides"):
        ops.conv(x, ops.zeros((3, 3, 4, 2)), strides=(1, 1, 1))


MASKS = {
    "none": None,
    "keys": np.array([True, True, False, True, False])[None, None, None].repeat(2, 0),
    "full": _random.random((2, 3, 4, 5)) < 0.6,
}
MASKS["full"][..., 0] = True


@pytest.mark.parametrize("mask", MASKS, ids=str)
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("is_causal", [False, True])
def test_attention(mask, bias, is_causal, backend):
    """Queries of 4, keys of 5, in 3 heads; causal masks are aligned to the top left."""
    q, k, v = _draw(2, 4, 3, 6), _draw(2, 5, 3, 6), _draw(2, 5, 3, 6)
    bias = _draw(1, 3, 4, 5) if bias else None
    mask = MASKS[mask]
    scale = 0.3 if is_causal else None
    given = [ops.convert_to_tensor(x) for x in (q, k, v)]
    result = ops.dot_product_attention(*given, bias, mask, scale, is_causal)
    wide = _wide(q, k, v)
    expected = references.attention(
        *wide, None if bias is None else bias.astype(float), mask, scale, is_causal
    )
    _assert_near(result, expected)


ATTENDING = [_draw(2, 7, 3, 6) * 9, _draw(2, 5, 3, 6), _draw(2, 5, 3, 4)]


def _assert_attended(y, slopes):
    """Whether these are the attention of `ATTENDING` and the slopes of its squares' sum."""
    _assert_near(y, references.attention(*_wide(*ATTENDING), None, None, None, False))
    torch = pytest.importorskip("torch")
    wanted = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in ATTENDING]
    heads = [x.transpose(1, 2) for x in wanted]
    torch.nn.functional.scaled_dot_product_attention(*heads).square().sum().backward()
    for have, want in zip(slopes, wanted, strict=True):
        found = ops.convert_to_numpy(have)
        np.testing.assert_allclose(found, want.grad, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("backend", ["numpy", "jax", "tensorflow"], indirect=True)
def test_attention_in_slices_of_queries(backend, monkeypatch):
    """Where scores would take too much memory; the last slice is shorter."""
    from isozoo.framework.backends.derived import neural
    from isozoo.framework.backends.registry import get

    monkeypatch.setattr(neural, "MAX_SCORES", 2 * 5 * 3 * 3)  # three queries of seven
    whole, seen = neural.Neural.capped_attention, []

    def counted(self, query, *others):
        seen.append(query.shape[1])
        return whole(self, query, *others)

    monkeypatch.setattr(type(get(backend)), "capped_attention", counted)
    q, k, v = _draw(2, 7, 3, 6), _draw(2, 5, 3, 6), _draw(2, 5, 3, 6)
    result = ops.dot_product_attention(*(ops.convert_to_tensor(x) for x in (q, k, v)))
    _assert_near(result, references.attention(*_wide(q, k, v), None, None, None, False))
    assert seen == [3, 3, 1]


@pytest.mark.parametrize("together", [1, 3 * 7 * 5], ids=["queries", "heads"])
@pytest.mark.parametrize("backend", ["jax"], indirect=True)
def test_attention_in_blocks_of_a_jax_program(backend, together, monkeypatch):
    """On CPUs; the last block is shorter, and derivatives go through it."""
    import jax

    from isozoo.framework.backends.jax import attention

    monkeypatch.setattr(attention, "LARGE", 1)
    monkeypatch.setattr(attention, "TOGETHER", together)  # one head, or three of the six
    monkeypatch.setattr(attention, "BLOCK", 5 * 3)  # three queries of seven
    given = [ops.convert_to_tensor(x) for x in ATTENDING]

    def called(*given):
        return ops.dot_product_attention(*given)

    assert "while" in jax.jit(called).lower(*given).as_text()

    def summed(*given):
        y = called(*given)
        return ops.sum(ops.square(y)), y

    slopes, y = jax.jit(jax.grad(summed, (0, 1, 2), has_aux=True))(*given)
    _assert_attended(y, slopes)


@pytest.mark.parametrize("by_xla", [False, True])
@pytest.mark.parametrize("backend", ["tensorflow"], indirect=True)
def test_attention_in_blocks_of_a_tensorflow_program(backend, by_xla, monkeypatch):
    """On CPUs; the last block is shorter, and derivatives go through it."""
    import tensorflow as tf

    from isozoo.framework.backends.tensorflow import attention

    monkeypatch.setattr(attention, "LARGE", 1)
    monkeypatch.setattr(attention, "BLOCK", 5 * 3)  # three queries of seven
    monkeypatch.setattr(attention, "has_gpu", lambda: False)
    given = [ops.convert_to_tensor(x) for x in ATTENDING]

    @tf.function(jit_compile=by_xla)
    def called(*given):
        with tf.GradientTape() as tape:
            tape.watch(given)
            y = ops.dot_product_attention(*given)
            total = ops.sum(ops.square(y))
        return y, tape.gradient(total, given)

    made = called.get_concrete_function(*given).graph.get_operations()
    assert any("While" in op.type for op in made)
    _assert_attended(*called(*given))


def test_attention_to_nothing_is_finite(backend):
    """A query that may attend to no key gives numbers, the same everywhere: the mean of values."""
    q, k, v = _draw(1, 2, 1, 4), _draw(1, 3, 1, 4), _draw(1, 3, 1, 4)
    mask = np.array([[True, True, False], [False, False, False]])[None, None]
    result = ops.convert_to_numpy(ops.dot_product_attention(q, k, v, mask=mask))
    expected = v[0, :, 0].astype(float).mean(0)
    np.testing.assert_allclose(result[0, 1, 0], expected, rtol=0, atol=1e-6)


COLUMNS = {  # sizes of the map, of the kernel, strides, dilation
    "rows": ((9,), (3,), (2,), (1,)),
    "map": ((6, 5), (3, 3), (1, 1), (1, 1)),
    "steps": ((7, 8), (3, 2), (2, 3), (1, 1)),
    "dilated": ((8, 7), (3, 2), (1, 1), (2, 3)),
    "volume": ((4, 3, 4), (2, 3, 2), (1, 2, 1), (1, 1, 1)),
}


@pytest.mark.parametrize("padding", ["same", "pairs"])
@pytest.mark.parametrize("case", COLUMNS)
@pytest.mark.parametrize("backend", ["jax"], indirect=True)
def test_convolution_by_columns(backend, case, padding, monkeypatch):
    """On CPUs, where the kernel is large and the map is small; derivatives go through it."""
    import jax

    from isozoo.framework.backends.jax import neural

    monkeypatch.setattr(neural, "_LARGE_KERNEL", 1)
    monkeypatch.setattr(neural, "_ELEMENTS_A_PLACE", 1)
    sizes, kernel, strides, dilation = COLUMNS[case]
    pads = ((1, 2), (0, 1), (2, 0))[: len(sizes)] if padding == "pairs" else padding
    drawn = [_draw(2, *sizes, 3), _draw(*kernel, 3, 250)]

    def called(x, kernel):
        return ops.conv(x, kernel, strides, pads, dilation_rate=dilation)

    given = [ops.convert_to_tensor(x) for x in drawn]
    assert "dot_general" in jax.jit(called).lower(*given).as_text()
    expected = references.conv(*_wide(*drawn), strides, pads, dilation)
    _assert_near(called(*given), expected)
    weights = _draw(*expected.shape)

    def weighted(*given):
        return ops.sum(ops.multiply(called(*given), weights))

    found = jax.grad(weighted, (0, 1))(*given)
    # The sum is linear in each: its derivative along a direction is its value there.
    for have, place in zip(found, (0, 1), strict=True):
        along = [np.asarray(x, np.float64) for x in drawn]
        along[place] = _draw(*drawn[place].shape).astype(np.float64)
        value = references.conv(*along, strides, pads, dilation)
        slope = float((np.asarray(have, np.float64) * along[place]).sum())
        scale = np.sqrt((value**2).sum() * (weights.astype(np.float64) ** 2).sum())
        assert abs(slope - (value * weights).sum()) <= 1e-5 * scale


@pytest.mark.parametrize("places, columns", [(9, True), (10, False)])
@pytest.mark.parametrize("backend", ["jax"], indirect=True)
def test_columns_are_for_large_kernels(backend, places, columns):
    """A kernel of 3 * 3 * 120 * 1000 elements is large for 9 x 10 places, not for 10 x 10."""
    import jax

    def called(x, kernel):
        return ops.conv(x, kernel, padding="same")

    given = [ops.zeros((1, places, 10, 120)), ops.zeros((3, 3, 120, 1000))]
    assert ("dot_general" in jax.jit(called).lower(*given).as_text()) is columns


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_jax_exports_images_of_any_size(padding):
    import jax
    from jax import export

    random = np.random.default_rng(4)
    kernels = [
        random.normal(size=shape).astype(np.float32)
        for shape in ((3, 3, 3, 4), (3, 3, 4, 1), (1, 1, 4, 5))
    ]

    def net(x):
        with use_backend("jax"):
            x = ops.conv(x, kernels[0], 2, padding)
            x = ops.depthwise_conv(x, kernels[1], 1, padding)
            x = ops.conv(x, kernels[2], 1, padding)
            x = ops.average_pool(x, 2, 1, padding)
            return ops.mean(ops.max_pool(x, 2, 2, padding), (1, 2))

    shape = export.symbolic_shape("b, h, w, 3", constraints=["h >= 12", "w >= 12"])
    traced = export.export(jax.jit(net))(jax.ShapeDtypeStruct(shape, "float32"))
    for size in ((2, 12, 17), (1, 21, 14)):
        x = random.normal(size=(*size, 3)).astype(np.float32)
        np.testing.assert_allclose(traced.call(x), net(x), rtol=1e-4, atol=1e-5)
