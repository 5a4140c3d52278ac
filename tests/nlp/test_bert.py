"""BERT against transformers' BERT with the same random weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import isozoo
from isozoo.framework.core.scopes import deferred_initialization
from isozoo.hub import HubError, WeightsError, export
from isozoo.hub import load as load_weights
from isozoo.nlp import BertBackbone, BertMaskedLM
from isozoo.nlp.attention import DenseAttention
from isozoo.nlp.bert.weight_map import huggingface

from . import tiny_bert

SIZES = {
    "vocabulary_size": 30522,
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 8,
    "intermediate_dim": 16,
}


@pytest.fixture(scope="module")
def original():
    return tiny_bert.random_model("BertModel")


@pytest.fixture(scope="module")
def original_lm():
    return tiny_bert.random_model("BertForMaskedLM")


@pytest.fixture(scope="module")
def folder(original, tmp_path_factory) -> Path:
    return tiny_bert.save(original, tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def lm_folder(original_lm, tmp_path_factory) -> Path:
    return tiny_bert.save(original_lm, tmp_path_factory.mktemp("bert_lm"))


def close(ours, theirs, tolerance: float = 1e-5) -> None:
    np.testing.assert_allclose(
        isozoo.ops.convert_to_numpy(ours), theirs, rtol=0, atol=tolerance * np.abs(theirs).max()
    )


def test_outputs_are_those_of_transformers(backend, original, folder):
    model = BertBackbone.from_preset(str(folder))
    assert model.backend == backend
    given = tiny_bert.inputs()
    expected = tiny_bert.reference(original, given)
    for outputs in (model(given), model.predict(given), model.infer(given)):
        close(outputs["sequence_output"], expected["last_hidden_state"])
        close(outputs["pooled_output"], expected["pooler_output"])


def test_segments_and_mask_may_be_left_out(backend, original, folder):
    model = BertBackbone.from_preset(str(folder))
    alone = {"token_ids": tiny_bert.inputs()["token_ids"]}
    expected = tiny_bert.reference(original, alone)["last_hidden_state"]
    close(model(alone)["sequence_output"], expected)
    close(model(alone["token_ids"])["sequence_output"], expected)


def test_masked_lm_scores_are_those_of_transformers(backend, original_lm, lm_folder):
    model = isozoo.from_preset(str(lm_folder))
    assert isinstance(model, BertMaskedLM)
    given = tiny_bert.inputs()
    expected = tiny_bert.reference(original_lm, given)["logits"]
    close(model(given), expected)
    places = np.array([[1, 5], [0, 9], [2, 2]], np.int32)
    close(
        model.infer({**given, "mask_positions": places}),
        np.take_along_axis(expected, places[..., None], 1),
    )


@pytest.mark.parametrize("activation", ["relu", "silu", "gelu_new", "quick_gelu"])
def test_other_activations(tmp_path, activation):
    original = tiny_bert.random_model("BertForMaskedLM", hidden_act=activation)
    with isozoo.use_backend("numpy"):
        model = isozoo.from_preset(str(tiny_bert.save(original, tmp_path)))
    given = tiny_bert.inputs()
    close(model(given), tiny_bert.reference(original, given)["logits"])


@pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"], indirect=True)
def test_gradients_are_those_of_transformers(backend, original, folder):
    import torch

    given = tiny_bert.inputs()
    weights = np.random.default_rng(0).normal(size=(3, 10, 16)).astype(np.float32)
    original.zero_grad()
    theirs = original(
        torch.from_numpy(given["token_ids"]).long(),
        torch.from_numpy(given["padding_mask"]).long(),
        torch.from_numpy(given["segment_ids"]).long(),
    ).last_hidden_state
    (theirs * torch.from_numpy(weights)).sum().backward()
    model = BertBackbone.from_preset(str(folder))
    paths = [path for path, v in model.weights_by_path().items() if v.trainable]
    trainable, others = model.state_values()

    def loss(values):
        outputs, _ = model.stateless_call(values, others, given)
        return isozoo.ops.sum(isozoo.ops.multiply(outputs["sequence_output"], weights))

    _, found = isozoo.ops.value_and_grad(loss)(trainable)
    gradients = dict(zip(paths, found, strict=True))
    layer = original.encoder.layer[0]
    close(
        gradients["encoder.layers.0.attention.query.kernel"],
        layer.attention.self.query.weight.grad.numpy().T,
        1e-4,
    )
    inner = layer.intermediate.dense.bias.grad.numpy()
    close(gradients["encoder.layers.0.inner.bias"], inner, 1e-4)
    close(
        gradients["embeddings.word.embeddings"],
        original.embeddings.word_embeddings.weight.grad.numpy(),
        1e-4,
    )


def test_older_files_with_gamma_beta_and_a_copy_of_the_tied_head(tmp_path, original_lm, lm_folder):
    import torch

    old = {}
    for key, value in original_lm.state_dict().items():
        key = key.replace("LayerNorm.weight", "LayerNorm.gamma")
        old[key.replace("LayerNorm.bias", "LayerNorm.beta")] = value
    old["bert.embeddings.position_ids"] = torch.arange(tiny_bert.MAX_LENGTH)[None]
    old["bert.pooler.dense.weight"] = torch.zeros(16, 16)
    old["cls.seq_relationship.weight"] = torch.zeros(2, 16)
    assert "cls.predictions.decoder.weight" in old
    (tmp_path / "config.json").write_bytes((lm_folder / "config.json").read_bytes())
    tiny_bert.write_vocabulary(tmp_path)
    torch.save(old, tmp_path / "pytorch_model.bin")
    given = tiny_bert.inputs()
    with isozoo.use_backend("numpy"):
        close(
            isozoo.from_preset(str(tmp_path))(given),
            tiny_bert.reference(original_lm, given)["logits"],
        )
        old["cls.predictions.decoder.weight"] = old["cls.predictions.decoder.weight"] + 1
        torch.save(old, tmp_path / "pytorch_model.bin")
        with pytest.raises(WeightsError, match=r"cls\.predictions\.decoder\.weight"):
            isozoo.from_preset(str(tmp_path))


def test_files_without_a_prefix(tmp_path, original, folder):
    from safetensors.numpy import load_file, save_file

    for name in ("config.json", "vocab.txt"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    weights = {
        key.removeprefix("bert."): value
        for key, value in load_file(folder / "model.safetensors").items()
    }
    save_file(weights, tmp_path / "model.safetensors")
    given = tiny_bert.inputs()
    with isozoo.use_backend("numpy"):
        model = BertBackbone.from_preset(str(tmp_path))
        close(
            model(given)["sequence_output"],
            tiny_bert.reference(original, given)["last_hidden_state"],
        )


@pytest.mark.parametrize("kind", ["BertModel", "BertForMaskedLM"])
def test_export_is_read_by_transformers(backend, tmp_path, kind):
    import transformers

    ours = BertBackbone if kind == "BertModel" else BertMaskedLM
    model = ours(
        vocabulary_size=tiny_bert.CONFIG["vocab_size"],
        num_layers=2,
        num_heads=4,
        hidden_dim=16,
        intermediate_dim=40,
        max_sequence_length=tiny_bert.MAX_LENGTH,
    )
    variables = {k.removeprefix("backbone."): v for k, v in model.weights_by_path().items()}
    export(variables, huggingface(), tmp_path / "model.safetensors")
    config = {**tiny_bert.CONFIG, "model_type": "bert", "architectures": [kind]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    theirs, report = getattr(transformers, kind).from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report[name] for name in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    given = tiny_bert.inputs()
    expected = tiny_bert.reference(theirs.eval(), given)
    if kind == "BertModel":
        close(model(given)["pooled_output"], expected["pooler_output"])
    else:
        close(model(given), expected["logits"])


def test_missing_and_surplus_weights_are_named(folder):
    from isozoo.hub import open_reader

    with isozoo.use_backend("numpy"), deferred_initialization():
        model = BertBackbone(**{**SIZES, "num_layers": 1})
    paths = model.weights_by_path()
    file = folder / "model.safetensors"
    with open_reader(file, {file.name: file}) as reader, pytest.raises(WeightsError) as caught:
        load_weights(reader, paths, huggingface())
    assert "encoder.layer.1." in str(caught.value)  # the file has two layers
    assert "embeddings.word_embeddings.weight" in str(caught.value)  # of another shape


@pytest.mark.parametrize(
    ("sizes", "count"),
    [
        # Published counts, poolers included.
        ((2, 2, 128, 512), 4_385_920),
        ((6, 12, 384, 1536), 22_713_216),
        ((12, 12, 768, 3072), 109_482_240),
        ((24, 16, 1024, 4096), 335_141_888),
    ],
)
def test_parameter_counts(sizes, count):
    with isozoo.use_backend("numpy"), deferred_initialization():
        model = BertBackbone(30522, *sizes)
    assert model.count_params() == count


def test_initial_values_follow_the_paper():
    with isozoo.use_backend("numpy"):
        model = BertBackbone(**{**SIZES, "hidden_dim": 64})
    weights = {path: v.numpy() for path, v in model.weights_by_path().items()}
    kernel = weights["embeddings.word.embeddings"]
    assert np.abs(kernel).max() <= 0.04 + 1e-6  # cut off at two standard deviations
    assert kernel.std() == pytest.approx(0.02 * 0.8796, rel=0.01)  # what is left of 0.02
    assert weights["encoder.layers.1.attention.key.kernel"].std() == pytest.approx(0.0176, rel=0.05)
    assert not weights["encoder.layers.1.inner.bias"].any()


def test_dropped_attention_weights(backend):
    n = 40
    layer = DenseAttention(1, n, dropout=0.5)
    layer.build((None, n, n))
    zeros, one = np.zeros((n, n), np.float32), np.eye(n, dtype=np.float32)
    # No query and no key: all weights are 1/n. The values are the identity: the result is them.
    for name, kernel in {"query": zeros, "key": zeros, "value": one, "output_dense": one}.items():
        getattr(layer, name).kernel.assign(kernel)
    close(layer(one[None]), np.full((1, n, n), 1 / n))
    mask = np.ones((1, 1, 1, n), bool)
    mask[..., n // 2 :] = False
    dropped = isozoo.ops.convert_to_numpy(layer(one[None], mask=mask, training=True))
    kept = dropped != 0
    np.testing.assert_allclose(dropped[kept], 2 / (n / 2), rtol=1e-6)
    assert not kept[..., n // 2 :].any()
    assert 0.4 < kept[..., : n // 2].mean() < 0.6


def test_dropout_acts_in_training_alone(backend):
    model = BertBackbone(**{**SIZES, "vocabulary_size": 20})
    ids = np.arange(12, dtype=np.int32).reshape(2, 6)

    def run(**options):
        return isozoo.ops.convert_to_numpy(model(ids, **options)["sequence_output"])

    np.testing.assert_array_equal(run(), run())
    first, second = run(training=True), run(training=True)
    assert np.abs(first - run()).max() > 0.1
    assert np.abs(first - second).max() > 0.1


def test_inputs_by_the_names_of_others(original, folder):
    """What transformers' tokenizers give is taken; what means nothing here is refused."""
    with isozoo.use_backend("numpy"):
        model = BertBackbone.from_preset(str(folder))
    given = tiny_bert.inputs()
    expected = tiny_bert.reference(original, given)["last_hidden_state"]
    theirs = {
        "input_ids": given["token_ids"],
        "token_type_ids": given["segment_ids"],
        "attention_mask": given["padding_mask"],
    }
    close(model(theirs)["sequence_output"], expected)
    with pytest.raises(ValueError, match="does not know .* 'position_ids'; it takes token_ids"):
        model({**theirs, "position_ids": given["token_ids"]})
    with pytest.raises(ValueError, match="each once"):
        model({**theirs, "token_ids": given["token_ids"]})
    with pytest.raises(ValueError, match="'token_ids' are needed; got 'padding_mask'"):
        model({"padding_mask": given["padding_mask"]})


def test_too_many_tokens_are_an_error(backend):
    model = BertBackbone(**{**SIZES, "vocabulary_size": 20}, max_sequence_length=8)
    with pytest.raises(ValueError, match="9 tokens.*at most 8"):
        model(np.ones((1, 9), np.int32))


@pytest.mark.parametrize("bad", [-1, 20], ids=["negative", "too large"])
def test_ids_outside_of_the_vocabulary(backend, bad):
    model = BertBackbone(**{**SIZES, "vocabulary_size": 20})
    ids = np.ones((2, 5), np.int32)
    ids[1, 3] = bad
    tensor = isozoo.ops.convert_to_tensor(ids)
    message = rf"'token_ids' holds {bad} at \(1, 3\), and the model knows the numbers 0 to 19"
    for call in (model, model.infer, model.predict):
        with pytest.raises(ValueError, match=message):
            call(ids)
    with pytest.raises(ValueError, match=message):
        model({"input_ids": tensor})
    with pytest.raises(ValueError, match=r"'segment_ids' holds 2 at \(0, 0\)"):
        model.infer({"token_ids": 0 * ids, "segment_ids": 0 * ids + 2})
    lm = BertMaskedLM(**{**SIZES, "vocabulary_size": 20})
    with pytest.raises(ValueError, match=message):
        lm.infer(ids)


@pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"], indirect=True)
def test_ids_outside_of_the_vocabulary_give_nan_in_compiled_code(backend):
    """The row of the id alone: NaN spreads by attention, so one layer shows it."""
    layer = isozoo.layers.Embedding(20, 3)
    ids = np.array([[-1, 0, 19], [20, 7, -20]], np.int32)
    if backend == "torch":
        import torch

        run = torch.compile(layer, backend="eager", fullgraph=True)
        found = run(torch.tensor(ids))
    elif backend == "jax":
        import jax

        found = jax.jit(layer)(ids)
    else:
        import tensorflow as tf

        found = tf.function(layer)(tf.constant(ids))
    found = isozoo.ops.convert_to_numpy(found)
    known = (ids >= 0) & (ids < 20)
    np.testing.assert_array_equal(found[known], layer.embeddings.numpy()[ids[known]])
    assert np.isnan(found[~known]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"position_embedding_type": "relative_key"}, "is .relative_key.; supported: .absolute"),
        ({"hidden_act": "gelu_newer"}, "gelu_newer"),
        ({"num_attention_heads": 0}, "num_attention_heads is 0"),
        ({"hidden_size": None}, "hidden_size is missing"),
        ({"num_attention_heads": 3}, "not a multiple"),
    ],
)
def test_configs_that_describe_another_network(tmp_path, folder, change, message):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((folder / "config.json").read_text())
    config = {k: v for k, v in {**config, **change}.items() if v is not None}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with isozoo.use_backend("numpy"), pytest.raises((HubError, ValueError), match=message):
        isozoo.from_preset(str(tmp_path))
