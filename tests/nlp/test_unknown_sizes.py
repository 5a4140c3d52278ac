"""Models traced once for every batch and length, by the frameworks' own tools."""

from __future__ import annotations

import numpy as np
import pytest

from isozoo import nlp, use_backend
from isozoo.framework.nested import flatten

LONGEST = 12


def _bert(backend):
    with use_backend(backend):
        return nlp.BertBackbone(
            vocabulary_size=50,
            num_layers=1,
            num_heads=2,
            hidden_dim=8,
            intermediate_dim=16,
            max_sequence_length=LONGEST,
        )


def _texts(batch, length):
    ids = np.random.default_rng(length).integers(0, 50, (batch, length)).astype(np.int32)
    return {"token_ids": ids, "padding_mask": (ids > 5).astype(np.int32), "segment_ids": ids % 2}


def _assert_same(traced, eager):
    for key, value in eager.items():
        found, expected = (
            np.asarray(getattr(x, "detach", lambda x=x: x)()) for x in (traced[key], value)
        )
        # The same operations; a compiler may add in another order.
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


SIZES = [(2, 5), (3, 7), (1, LONGEST)]


def test_tf_function():
    import tensorflow as tf

    model = _bert("tensorflow")
    spec = dict.fromkeys(_texts(1, 1), tf.TensorSpec([None, None], tf.int32))
    traced = tf.function(lambda x: model(x), input_signature=[spec], autograph=False)
    ids = tf.function(lambda x: model(x), input_signature=[spec["token_ids"]], autograph=False)
    for size in SIZES:
        texts = _texts(*size)
        _assert_same(traced(texts), model(texts))
        _assert_same(ids(texts["token_ids"]), model(texts["token_ids"]))


def test_jax_export():
    import jax
    from jax import export

    model = _bert("jax")
    shape = export.symbolic_shape("b, l")
    spec = dict.fromkeys(_texts(1, 1), jax.ShapeDtypeStruct(shape, "int32"))
    weights = model.state_values()
    traced = export.export(jax.jit(lambda x: model.stateless_call(*weights, x)[0]))(spec)
    for size in SIZES:
        texts = _texts(*size)
        _assert_same(traced.call(texts), model(texts))


def test_torch_export():
    import torch

    model = _bert("torch")
    batch, length = torch.export.Dim("b"), torch.export.Dim("l", max=LONGEST)
    texts = {key: torch.tensor(x) for key, x in _texts(2, 5).items()}
    sizes = dict.fromkeys(texts, {0: batch, 1: length})
    traced = torch.export.export(model, (texts,), dynamic_shapes=(sizes,)).module()
    for size in SIZES:
        texts = {key: torch.tensor(x) for key, x in _texts(*size).items()}
        _assert_same(traced(texts), model(texts))


def test_whisper():
    import tensorflow as tf

    with use_backend("tensorflow"):
        model = nlp.WhisperBackbone(
            vocabulary_size=30,
            num_layers=1,
            num_heads=2,
            hidden_dim=8,
            intermediate_dim=16,
            num_mels=4,
            max_encoder_sequence_length=40,
            max_decoder_sequence_length=10,
        )
    spec = {
        "encoder_features": tf.TensorSpec([None, None, 4], tf.float32),
        "decoder_token_ids": tf.TensorSpec([None, None], tf.int32),
    }
    traced = tf.function(lambda x: model(x), input_signature=[spec], autograph=False)
    random = np.random.default_rng(3)
    for batch, frames, length in ((2, 20, 5), (1, 40, 10)):
        heard = {
            "encoder_features": random.normal(size=(batch, frames, 4)).astype(np.float32),
            "decoder_token_ids": random.integers(0, 30, (batch, length)).astype(np.int32),
        }
        _assert_same(traced(heard), model(heard))


def test_too_long_a_text_is_an_error_where_its_length_is_known(backend):
    model = _bert(backend)
    with pytest.raises(ValueError, match="13 tokens a text, and this one takes at most 12"):
        model(_texts(1, LONGEST + 1))
    assert len(flatten(model(_texts(1, LONGEST)))) == 2
