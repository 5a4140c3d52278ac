"""The benchmark's lines of training: steps of ours, of Keras's, and of a loop written in torch."""

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np

from .. import applications, nlp
from ..applications.resnet.family import KERAS_FORM
from ..framework import layers, losses, models, optimizers
from ..framework.config import use_backend

Work = Callable[[], Any]
MLP_STEPS = 200
# The names of Keras that the models here are made of.
_OURS = SimpleNamespace(
    layers=layers, losses=losses, optimizers=optimizers, Sequential=models.Sequential
)


def _batches(shape: tuple[int, ...], classes: int) -> tuple[np.ndarray, np.ndarray]:
    draws = np.random.default_rng(0)
    x = draws.standard_normal(shape).astype("float32")
    return x, draws.integers(0, classes, shape[0]).astype("int32")


def _compiled(keras: Any, model: Any) -> Any:
    """A model of ours or Keras's with Adam and cross-entropy."""
    model.compile(
        keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    return model


def _mlp(keras: Any) -> Any:
    return _compiled(
        keras,
        keras.Sequential(
            [
                keras.layers.Input((64,)),
                keras.layers.Dense(64, activation="relu"),
                keras.layers.Dense(64, activation="relu"),
                keras.layers.Dense(10),
            ]
        ),
    )


def mlp(backend: str, scratch: str) -> tuple[Work, Work]:
    """200 steps of `fit` of a network of 9,000 weights, where the loop itself is the cost."""
    import keras

    with use_backend(backend):
        ours = _mlp(_OURS)
    peer = _mlp(keras)
    x, y = _batches((32 * MLP_STEPS, 64), 10)

    def work(model: Any) -> Work:
        return lambda: model.fit(x, y, batch_size=32, verbose=0)

    return work(ours), work(peer)


def mlp_by_hand(scratch: str) -> tuple[Work, Work]:
    """The same on torch, beside a loop written by hand."""
    import torch

    with use_backend("torch"):
        ours = _mlp(_OURS)
    net = torch.nn.Sequential(
        torch.nn.Linear(64, 64),
        torch.nn.ReLU(),
        torch.nn.Linear(64, 64),
        torch.nn.ReLU(),
        torch.nn.Linear(64, 10),
    )
    x, y = _batches((32 * MLP_STEPS, 64), 10)
    return lambda: ours.fit(x, y, batch_size=32, verbose=0), _by_hand(torch, net, x, y)


def _by_hand(
    torch: Any,
    net: Any,
    x: np.ndarray,
    y: np.ndarray,
    rows: int = 32,
    device: str = "cpu",
    mixed: bool = False,
) -> Work:
    net = net.to(device)
    optimizer = torch.optim.Adam(net.parameters(), 1e-3, eps=1e-7)
    net.train()

    def loop() -> None:
        order = torch.randperm(len(x))
        xs, ys = torch.from_numpy(x), torch.from_numpy(y).long()
        for start in range(0, len(x), rows):
            chosen = order[start : start + rows]
            given, wanted = xs[chosen].to(device), ys[chosen].to(device)
            with torch.autocast(device, torch.bfloat16, enabled=mixed):
                loss = torch.nn.functional.cross_entropy(net(given), wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return loop


def resnet(backend: str, scratch: str) -> tuple[Work, Work]:
    """A step of ResNet-50 at batch 8."""
    import keras

    with use_backend(backend):
        ours = _compiled(_OURS, applications.ResNetImageClassifier(**KERAS_FORM))
    peer = keras.applications.ResNet50(weights=None, classifier_activation=None)
    _compiled(keras, peer)
    x, y = _batches((8, 224, 224, 3), 1000)
    return partial(ours.train_on_batch, x, y), partial(peer.train_on_batch, x, y)


def resnet_by_hand(scratch: str) -> tuple[Work, Work]:
    """The same on torch, beside transformers' network in a loop written by hand."""
    import torch
    import transformers

    with use_backend("torch"):
        ours = _compiled(_OURS, applications.ResNetImageClassifier())
    net = transformers.ResNetForImageClassification(transformers.ResNetConfig(num_labels=1000))
    x, y = _batches((8, 224, 224, 3), 1000)
    first = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    net.forward = _logits(net.forward)
    return partial(ours.train_on_batch, x, y), _by_hand(torch, net, first, y, 8)


def _logits(forward: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: forward(x).logits


def bert(backend: str, depth: int, scratch: str) -> tuple[Work, Work]:
    """A step of a stack of BERT-base's layers at batch 8x128, beside KerasHub's."""
    import keras
    import keras_hub

    sizes = {"num_heads": 12, "hidden_dim": 768, "intermediate_dim": 3072, "num_layers": depth}
    sizes["vocabulary_size"] = 30522
    with use_backend(backend):
        ours = _compiled(_OURS, nlp.BertTextClassifier(num_classes=2, **sizes))
    backbone = keras_hub.models.BertBackbone(**sizes)
    peer = keras_hub.models.BertTextClassifier(backbone, num_classes=2)
    _compiled(keras, peer)
    peer.preprocessor = None
    ids = np.random.default_rng(0).integers(1000, 30000, (8, 128)).astype("int32")
    x = {"token_ids": ids, "segment_ids": 0 * ids, "padding_mask": 0 * ids + 1}
    y = np.arange(8, dtype="int32") % 2
    return partial(ours.train_on_batch, x, y), partial(peer.train_on_batch, x, y)


def bert_by_hand(
    depth: int, scratch: str, device: str = "cpu", dtype: str = "float32", rows: int = 8
) -> tuple[Work, Work]:
    """The same on torch, beside transformers' network in a loop written by hand.

    With the dtype "mixed_bfloat16" ours has Keras's policy of that name, the loop torch's autocast.
    """
    import torch
    import transformers

    sizes = {"num_heads": 12, "hidden_dim": 768, "intermediate_dim": 3072, "num_layers": depth}
    sizes["vocabulary_size"] = 30522
    with use_backend("torch"):
        ours = nlp.BertTextClassifier(num_classes=2, dtype=dtype, **sizes).to(device)
    _compiled(_OURS, ours)
    net = transformers.BertForSequenceClassification(
        transformers.BertConfig(num_hidden_layers=depth)
    )
    ids = np.random.default_rng(0).integers(1000, 30000, (rows, 128))
    y = np.arange(rows, dtype="int32") % 2
    net.forward = _logits(net.forward)
    theirs = _by_hand(torch, net, ids, y, rows, device, dtype != "float32")
    return partial(ours.train_on_batch, ids.astype("int32"), y), theirs
