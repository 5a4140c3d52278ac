"""Layouts of transformers, derived: which products are cut, and along what."""

from __future__ import annotations

import re

import numpy as np
import pytest

import isozoo
from isozoo import catalog
from isozoo.distribution import AutoParallel, DeviceMesh, auto_layout
from isozoo.framework.core.scopes import deferred_initialization
from isozoo.hub import registry

SIZES = {
    "vocabulary_size": 96,
    "num_layers": 1,
    "num_heads": 4,
    "hidden_dim": 32,
    "intermediate_dim": 64,
}
COLUMN, ROW, TOKENS = (None, "model"), ("model", None), ("model", None)
# What Megatron-LM cuts, by the zoo's names.
WANTED = {
    r".*attention\.(query|key|value)\.kernel": COLUMN,
    r".*attention\.(query|key|value)\.bias": ("model",),
    r".*attention\.output_dense\.kernel": ROW,
    r".*(inner|gate|up)\.kernel": COLUMN,
    r".*(inner|gate|up)\.bias": ("model",),
    r".*(outer|down)\.kernel": ROW,
    r"(.*\.)?(embeddings|word|tokens)\.embeddings": TOKENS,
    r"head_dense\.kernel": COLUMN,
}


def _mesh(*shape):
    devices = [f"cpu:{i}" for i in range(int(np.prod(shape)))]
    return DeviceMesh(shape, ["batch", "model"][-len(shape) :], devices)


def _model(family, task="backbone", **sizes):
    catalog.register_families()
    with isozoo.use_backend("numpy"), deferred_initialization():
        return registry.get_family(family).tasks[task]()(**{**SIZES, **sizes})


@pytest.mark.parametrize(
    ("family", "task"),
    [
        ("bert", "text_classifier"),
        ("distilbert", "backbone"),
        ("llama", "causal_lm"),
        ("mistral", "causal_lm"),
        ("opt", "causal_lm"),
        ("qwen2", "causal_lm"),
        ("qwen3", "causal_lm"),
        ("roberta", "backbone"),
        ("t5", "seq2seq_lm"),
        ("whisper", "backbone"),
        ("xlm_roberta", "backbone"),
    ],
)
@pytest.mark.parametrize("shape", [(1, 2), (2, 2), (4,)])
def test_products_of_a_family_are_cut_in_pairs(family, task, shape):
    model = _model(family, task)
    layouts = auto_layout(model, _mesh(*shape))
    for path, variable in model.named_variables():
        wanted = [axes for key, axes in WANTED.items() if re.fullmatch(key, path)]
        found = None if layouts[path] is None else layouts[path].axes
        assert found == (wanted[0] if wanted else None), f"{path} {tuple(variable.shape)}"


def test_what_does_not_divide_is_whole():
    model = _model("llama", num_heads=3, hidden_dim=36, vocabulary_size=97)
    layouts = auto_layout(model, _mesh(2))
    # Three heads are not shared out, 64 features between are; the table is cut along its 36.
    assert layouts["embeddings.embeddings"].axes == (None, "model")
    assert not [path for path in layouts if "attention" in path]
    assert layouts["blocks.0.feedforward.down.kernel"].axes == ROW
    assert layouts["norm.scale"] is None


def test_shared_keys_and_values_stay_whole_where_their_heads_are_too_few():
    layouts = auto_layout(_model("llama", num_key_value_heads=2), _mesh(4))
    assert layouts["blocks.0.attention.query.kernel"].axes == COLUMN
    assert layouts["blocks.0.attention.key.kernel"] is None


def test_models_of_other_names(backend):
    """Keras's attention has an axis of heads; two products that go up and down are a pair."""
    layers = isozoo.layers
    x = layers.Input((5, 8))
    y = layers.MultiHeadAttention(4, 3, name="attention")(x, x)
    y = layers.Dense(8, name="second")(layers.Dense(24, "relu", name="first")(y))
    model = isozoo.Model(x, y)
    axes = {path: layout.axes for path, layout in auto_layout(model, _mesh(2)).items()}
    for name in ("query", "key", "value"):
        assert axes[f"attention.{name}_dense.kernel"] == (None, "model", None)
        assert axes[f"attention.{name}_dense.bias"] == ("model", None)
    assert axes["attention.output_dense.kernel"] == ("model", None, None)
    assert "attention.output_dense.bias" not in axes
    assert (axes["first.kernel"], axes["second.kernel"]) == (COLUMN, ROW)
    assert axes["first.bias"] == ("model",) and "second.bias" not in axes


def test_a_distribution_asks_for_each_model():
    spread = AutoParallel(_mesh(2, 2))
    model = _model("bert", "text_classifier")
    found = {path: spread.get_variable_layout(v).axes for path, v in model.named_variables()}
    assert found["backbone.encoder.layers.0.inner.kernel"] == COLUMN
    assert found["classifier.kernel"] == (None, None)
    assert spread.num_model_replicas == 2


def test_weights_along_the_batch_too():
    model = _model("llama", "causal_lm")
    axes = {k: x.axes for k, x in auto_layout(model, _mesh(2, 2), batch_axis="batch").items()}
    assert axes["backbone.blocks.0.attention.query.kernel"] == ("batch", "model")
    assert axes["backbone.blocks.0.feedforward.down.kernel"] == ("model", "batch")
    assert axes["backbone.embeddings.embeddings"] == ("model", "batch")
    assert not [path for path in axes if path.endswith("scale")]
    # What is looked up is cut by rows: the features would be cut as the table's are.
    assert axes["backbone.embeddings/output"] == ("batch", None, None)
    spread = AutoParallel(_mesh(2, 2), along_batch=True)
    spread.get_variable_layout(model.variables[0])
    assert spread.get_tensor_layout("backbone.embeddings/output").axes == ("batch", None, None)
    assert spread.lays_out_tensors and not AutoParallel(_mesh(2, 2)).lays_out_tensors
    alone = auto_layout(model, DeviceMesh((2,), ["batch"], ["cpu:0", "cpu:1"]), batch_axis="batch")
    assert alone["head_dense.kernel"].axes == (None, "batch")


def test_errors():
    with pytest.raises(ValueError, match="of batches and of the model"):
        auto_layout(_model("bert"), _mesh(2, 2), "batch", "batch")
    with pytest.raises(ValueError, match="none is 'other'"):
        auto_layout(_model("bert"), _mesh(2, 2), "other")
    with isozoo.use_backend("numpy"), pytest.raises(ValueError, match="no variables yet"):
        auto_layout(isozoo.Sequential([isozoo.layers.Dense(3)]), _mesh(2))
