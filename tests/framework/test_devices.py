"""A torch model that was moved to another device: what is made on the way goes there too.

Torch's "meta" device stands for an accelerator: it refuses to mix with the CPU just so.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

import isozoo
from isozoo import layers, ops
from isozoo.nlp.attention import DenseAttention


@pytest.fixture(autouse=True)
def on_torch():
    with isozoo.use_backend("torch"):
        yield


class Net(isozoo.Model):
    """Makes tensors of its own in `call`: positions, and the causal mask."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.tokens = layers.Embedding(10, 8)
        self.positions = layers.Embedding(5, 8)
        self.attention = DenseAttention(2, 4, input_dim=8)
        self.dropout = layers.Dropout(0.5, seed=1)
        self.built = True

    def call(self, x):
        places = ops.arange(ops.shape(x)[1], dtype="int32")
        x = ops.add(self.tokens(x), self.positions(places))
        return self.dropout(ops.add(x, self.attention(x, is_causal=True)))


@pytest.mark.parametrize("given", ["NumPy", "tensor"])
def test_a_moved_model_computes_where_it_is(given):
    net = Net().to("meta")
    x = np.array([[1, 2, 3]])
    x = x if given == "NumPy" else torch.from_numpy(x).to("meta")
    for y in (net(x), net(x, training=True), net.infer(x)):
        assert y.device.type == "meta" and y.shape == (1, 3, 8)
    assert ops.zeros((1,)).device.type == "cpu"


def test_a_model_that_was_not_moved_stays_where_it_is():
    net = Net()
    y = net(np.array([[1, 2, 3]]))
    assert y.device.type == "cpu" and torch.isfinite(y).all()
