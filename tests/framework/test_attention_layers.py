"""Attention layers against the formulas in float64, with every mask, and their refusals."""

from __future__ import annotations

import numpy as np
import pytest

from isozoo import Input, config, layers, ops
from isozoo.framework.core import masks

_draws = np.random.default_rng(11)
QUERY, VALUE, KEY = (
    _draws.standard_normal((2, n, 6)).astype(np.float32) for n in (4, 5, 5)
)  # fmt: skip
ALLOWED = _draws.random((2, 4, 5)) > 0.4
ALLOWED[..., 0] = True
COUNTS = np.array([[True, True, False, True, True], [True, False, False, False, True]])
OF_QUERY = np.array([[True, True, False, True], [True, False, True, True]])
PLACES = np.arange(4)[:, None] - np.arange(5)
# Sums of up to 6 * 3 * 2 products in each of four products in a row.
FEW = 4 * 36 * 2.0**-24


def _near(result, expected, room=FEW):
    result = np.asarray(ops.convert_to_numpy(result))
    assert result.shape == expected.shape
    np.testing.assert_allclose(result, expected, rtol=0, atol=room * max(1, np.abs(expected).max()))


def _softmax(scores, allowed):
    scores = np.where(allowed, scores, -np.inf)
    power = np.exp(scores - scores.max(-1, keepdims=True))
    return power / power.sum(-1, keepdims=True)


def _heads(layer, query, value, key, allowed):
    """Result and weights of a MultiHeadAttention or GroupQueryAttention."""
    w = {p: v.numpy().astype(np.float64) for p, v in layer.weights_by_path().items()}
    w = {p.lstrip("_"): v for p, v in w.items()}

    def project(x, name):
        y = np.einsum("bti,ihd->bthd", x.astype(np.float64), w[f"{name}_dense.kernel"])
        return y + w.get(f"{name}_dense.bias", 0)

    q, k, v = project(query, "query"), project(key, "key"), project(value, "value")
    k, v = (x.repeat(q.shape[2] // x.shape[2], 2) for x in (k, v))
    weights = _softmax(np.einsum("bthd,bshd->bhts", q, k) / np.sqrt(q.shape[-1]), allowed)
    y = np.einsum("bhts,bshd->bthd", weights, v)
    if "gate_dense.kernel" in w:
        y = y / (1 + np.exp(-project(query, "gate")))
    y = np.einsum("bthd,hdo->bto", y, w["output_dense.kernel"])
    return y + w.get("output_dense.bias", 0), weights


def _filled(layer, *inputs):
    layer(*inputs)
    for variable in layer.weights:  # biases begin with zeros
        variable.assign(np.random.default_rng(2).uniform(-1, 1, variable.shape))
    return layer


HEADED = [
    lambda: layers.MultiHeadAttention(2, 3),
    lambda: layers.MultiHeadAttention(3, 2, 4, use_bias=False, use_gate=True, dropout=0.5),
    lambda: layers.GroupQueryAttention(3, 4, 2),
    lambda: layers.GroupQueryAttention(3, 2, 1, dropout=0.5, use_gate=True),
]


@pytest.mark.parametrize("make", HEADED)
def test_heads_with_every_mask(make, backend):
    layer = _filled(make(), QUERY, VALUE, KEY)
    for options, allowed in (
        ({}, True),
        ({"attention_mask": ALLOWED}, ALLOWED[:, None]),
        ({"use_causal_mask": True}, PLACES >= 0),
        ({"value_mask": COUNTS}, COUNTS[:, None, None]),
        ({"key_mask": COUNTS, "use_causal_mask": True}, COUNTS[:, None, None] & (PLACES >= 0)),
    ):
        expected, weights = _heads(layer, QUERY, VALUE, KEY, allowed)
        _near(layer(QUERY, VALUE, KEY, **options), expected)
        result, found = layer(QUERY, VALUE, KEY, return_attention_scores=True, **options)
        _near(result, expected)
        _near(found, weights)


def test_window(backend):
    layer = _filled(layers.GroupQueryAttention(3, 4, 2, sliding_window=2), QUERY, VALUE)
    expected, _ = _heads(layer, QUERY, VALUE, VALUE, np.abs(PLACES) < 2)
    _near(layer(QUERY, VALUE), expected)


def test_attention_over_chosen_axes_and_another_output(backend):
    """Over the last but one of three axes the rows are batches of their own."""
    x = _draws.standard_normal((2, 3, 4, 6)).astype(np.float32)
    layer = _filled(layers.MultiHeadAttention(2, 3, attention_axes=2), x, x)
    rows = x.reshape(6, 4, 6)
    expected, weights = _heads(layer, rows, rows, rows, True)
    result, found = layer(x, x, return_attention_scores=True)
    _near(result, expected.reshape(x.shape))
    _near(found, weights.reshape(2, 3, 2, 4, 4))
    shaped = layers.MultiHeadAttention(2, 3, output_shape=(5, 7))
    assert shaped(QUERY, VALUE).shape == (2, 4, 5, 7)
    assert shaped(Input((None, 6)), Input((8, 6))).shape == (None, None, 5, 7)
    assert shaped.compute_output_shape((2, 4, 6), (2, 5, 6)) == (2, 4, 5, 7)


def test_masks_travel_and_the_querys_comes_out(backend):
    """Queries that do not count attend to nothing, whatever comes of it."""
    tokens = layers.Embedding(9, 6, mask_zero=True)
    query, value = tokens(np.where(OF_QUERY, 3, 0)), tokens(np.where(COUNTS, [4, 5, 6, 7, 8], 0))
    layer = _filled(layers.MultiHeadAttention(2, 3), QUERY, VALUE)
    y = layer(query, value)
    np.testing.assert_array_equal(ops.convert_to_numpy(masks.get_mask(y)), OF_QUERY)
    plain = [np.asarray(ops.convert_to_numpy(x)) for x in (query, value)]
    expected, _ = _heads(layer, *plain, plain[1], COUNTS[:, None, None])
    _near(np.asarray(ops.convert_to_numpy(y))[OF_QUERY], expected[OF_QUERY])


@pytest.mark.parametrize("make", HEADED[1::2])
def test_dropped_weights(make, backend):
    layer = _filled(make(), QUERY, VALUE)
    first, second = (ops.convert_to_numpy(layer(QUERY, VALUE, training=True)) for _ in range(2))
    assert (first != second).any()
    _near(layer(QUERY, VALUE), _heads(layer, QUERY, VALUE, VALUE, True)[0])


class Loud(layers.MultiHeadAttention):
    """A user's attention of its own, with the arguments that it had in older versions."""

    def _compute_attention(
        self, query, key, value, attention_mask=None, training=None, return_attention_scores=False
    ):
        self.seen = attention_mask
        return ops.multiply(query, 0), None


def test_users_attention_gets_the_causal_mask(backend):
    layer = Loud(2, 3)
    layer(QUERY, VALUE, use_causal_mask=True)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.seen)[0], PLACES >= 0)


# One head, without projections ------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["dot", "scaled", "concat", "scaled_concat", "sum", "scaled_sum"])
def test_attention_of_one_head(kind, backend):
    use_scale = "scaled" in kind
    if "sum" in kind:
        layer = layers.AdditiveAttention(use_scale)
    else:
        layer = layers.Attention(use_scale, "concat" if "concat" in kind else "dot")
    layer = _filled(layer, [QUERY, VALUE, KEY])
    w = {path: v.numpy().astype(np.float64) for path, v in layer.weights_by_path().items()}
    q, v, k = (x.astype(np.float64) for x in (QUERY, VALUE, KEY))
    scale, pairs = w.get("scale", 1), q[:, :, None] + k[:, None]
    if "sum" in kind:
        scores = (scale * np.tanh(pairs)).sum(-1)
    elif "concat" in kind:
        scores = w["concat_score_weight"] * np.tanh(scale * pairs).sum(-1)
    else:
        scores = scale * (q @ k.swapaxes(1, 2))
    for mask, causal in ((None, False), ([None, COUNTS], False), ([OF_QUERY, COUNTS], True)):
        allowed = np.ones((2, 4, 5), bool) if mask is None else np.repeat(COUNTS[:, None], 4, 1)
        weights = _softmax(scores, allowed & (PLACES >= 0) if causal else allowed)
        expected = weights @ v
        if mask is not None and mask[0] is not None:
            expected = np.where(OF_QUERY[..., None], expected, 0)
        result, found = layer(
            [QUERY, VALUE, KEY], mask=mask, use_causal_mask=causal, return_attention_scores=True
        )
        _near(result, expected)
        _near(found, weights)
    assert layer([Input((4, 6)), Input((None, 6))]).shape == (None, 4, 6)


def test_mask_of_one_head(backend):
    source = layers.Masking(0.0)
    query = source(np.where(OF_QUERY[..., None], QUERY, 0))
    y = layers.Attention()([query, source(VALUE)])
    np.testing.assert_array_equal(ops.convert_to_numpy(masks.get_mask(y)), OF_QUERY)
    assert (ops.convert_to_numpy(y)[~OF_QUERY] == 0).all()


# Refusals ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.MultiHeadAttention(0, 3), "`num_heads`, expected a positive integer"),
        (lambda: layers.MultiHeadAttention(2, 1.5), "`key_dim`"),
        (lambda: layers.MultiHeadAttention(2, 3, -1), "`value_dim`, expected a positive"),
        (lambda: layers.MultiHeadAttention(2, 3, attention_axes="1"), "`attention_axes` must be"),
        (lambda: layers.MultiHeadAttention(2, 3, output_shape=2.5), "Invalid `output_shape`"),
        (lambda: layers.MultiHeadAttention(2, 3, sliding_window=0), "`sliding_window` must be"),
        (lambda: layers.MultiHeadAttention(2, 3, dropout=0.5, flash_attention=True),
         "Dropout is not supported when flash"),
        (lambda: layers.MultiHeadAttention(2, 3, flash_attention=True)(
            QUERY, VALUE, return_attention_scores=True), "scores is not supported when flash"),
        (lambda: layers.MultiHeadAttention(2, 3)(QUERY, VALUE, QUERY), "must be equal"),
        (lambda: layers.GroupQueryAttention(3, 4, 3), "must be divisible by `num_key_value_heads`"),
        (lambda: layers.GroupQueryAttention(3, 4, 2).compute_output_shape((2, 4, 6), (2, 5, 7)),
         "last dimension of `query_shape` and `value_shape`"),
        (lambda: layers.Attention(score_mode="scaled"), "score_mode"),
        (lambda: layers.Attention()(QUERY), "must be called on a list"),
        (lambda: layers.AdditiveAttention()(QUERY), "must be called on a list"),
        (lambda: layers.AdditiveAttention()(QUERY[:, 0]), "must be called on a list"),
        (lambda: layers.Attention()([QUERY]), "list of length 2 or 3"),
        (lambda: layers.Attention()([QUERY, VALUE], mask=COUNTS), "mask must be a list"),
        (lambda: layers.AdditiveAttention()([QUERY, VALUE], mask=[COUNTS]), "mask list of length"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_flash_attention_is_a_setting():
    assert config.is_flash_attention_enabled() is None
    config.disable_flash_attention()
    try:
        assert config.is_flash_attention_enabled() is False
        assert layers.MultiHeadAttention(2, 3).get_config()["flash_attention"] is False
    finally:
        config.enable_flash_attention()
    assert layers.MultiHeadAttention(2, 3).get_config()["flash_attention"] is None
