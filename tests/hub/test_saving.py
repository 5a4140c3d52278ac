"""Models saved as presets: transformers loads the folder and computes the same."""

from __future__ import annotations

import json

import numpy as np
import pytest

import isozoo
from isozoo.hub.errors import HubError
from isozoo.nlp import BertBackbone, BertMaskedLM

from ..nlp import tiny_bert, tiny_whisper

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


numpy_alone = pytest.mark.parametrize("backend", ["numpy"], indirect=True)


def close(found, expected) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()


@numpy_alone
def test_bert(backend, tmp_path):
    original = tiny_bert.random_model("BertForMaskedLM")
    ours = isozoo.from_preset(tiny_bert.save(original, tmp_path))
    folder = tmp_path / "saved"
    written = ours.save_to_preset(folder)
    assert {path.name for path in written} == {"config.json", "model.safetensors", "vocab.txt"}
    assert json.loads((folder / "config.json").read_text())["architectures"] == ["BertForMaskedLM"]
    theirs, told = transformers.BertForMaskedLM.from_pretrained(folder, output_loading_info=True)
    assert not any(told.values())
    given = tiny_bert.inputs()
    close(tiny_bert.reference(theirs.eval(), given)["logits"], ours(given))
    again = isozoo.from_preset(folder)
    assert isinstance(again, BertMaskedLM)
    np.testing.assert_array_equal(np.asarray(again(given)), np.asarray(ours(given)))
    text = ours.sample_inputs()
    assert again.preprocessor.encode(text) == ours.preprocessor.encode(text)


def test_a_backbone_made_by_hand(backend, tmp_path):
    sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 12}
    ours = BertBackbone(vocabulary_size=tiny_bert.CONFIG["vocab_size"], activation="relu", **sizes)
    ours.save_to_preset(tmp_path)
    theirs, told = transformers.BertModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(told.values())
    given = tiny_bert.inputs()
    found = isozoo.ops.convert_to_numpy(ours(given)["pooled_output"])
    close(tiny_bert.reference(theirs.eval(), given)["pooler_output"], found)
    assert isinstance(isozoo.from_preset(tmp_path), BertBackbone)


@numpy_alone
def test_resnet(backend, tmp_path, data_dir):
    from ..applications.originals import randomise

    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 2], layer_type="basic",
        downsample_in_first_stage=True, id2label={0: "cat", 1: "dog", 2: "owl"},
    )  # fmt: skip
    original = randomise(transformers.ResNetForImageClassification(config))
    original.save_pretrained(tmp_path)
    processor = transformers.ConvNextImageProcessorPil(size={"shortest_edge": 48}, crop_pct=0.9)
    processor.save_pretrained(tmp_path)
    ours = isozoo.from_preset(tmp_path)
    ours.save_to_preset(tmp_path / "saved")
    folder = tmp_path / "saved"
    theirs = transformers.ResNetForImageClassification.from_pretrained(folder).eval()
    assert theirs.config.id2label == config.id2label
    pixels = transformers.BitImageProcessorPil.from_pretrained(folder)(
        np.asarray(isozoo.applications.images.load_image(data_dir / "chelsea.png"))
    )["pixel_values"]
    images = ours.preprocessor(data_dir / "chelsea.png")
    close(images, np.asarray(pixels).transpose(0, 2, 3, 1))
    with torch.no_grad():
        logits = theirs(torch.from_numpy(images).permute(0, 3, 1, 2)).logits.numpy()
    close(ours(images), logits)
    found = isozoo.from_preset(folder).classify(data_dir / "chelsea.png", top=3)
    assert found == ours.classify(data_dir / "chelsea.png", top=3)


@numpy_alone
def test_whisper(backend, tmp_path):
    original = tiny_whisper.tiny_original()
    original.save_pretrained(tmp_path)
    tiny_whisper.write_vocabulary(tmp_path)
    ours = isozoo.from_preset(tmp_path)
    folder = tmp_path / "saved"
    ours.save_to_preset(folder)
    theirs = transformers.WhisperForConditionalGeneration.from_pretrained(folder).eval()
    assert theirs.generation_config.suppress_tokens == original.generation_config.suppress_tokens
    rng = np.random.default_rng(0)
    features = rng.normal(size=(1, 3000, tiny_whisper.NUM_MELS)).astype(np.float32)
    tokens = np.array([[tiny_whisper.START, tiny_whisper.ENGLISH, 5, 7]])
    with torch.no_grad():
        logits = theirs(
            torch.from_numpy(features).transpose(1, 2), decoder_input_ids=torch.from_numpy(tokens)
        ).logits.numpy()
    given = {"encoder_features": features, "decoder_token_ids": tokens.astype(np.int32)}
    close(ours(given), logits)
    again = isozoo.from_preset(folder)
    np.testing.assert_array_equal(np.asarray(again(given)), np.asarray(ours(given)))
    assert again.preprocessor.suppress_tokens == ours.preprocessor.suppress_tokens


@numpy_alone
def test_what_cannot_be_saved_is_told(backend, tmp_path):
    with pytest.raises(HubError, match="Dense is no model, and belongs to no family"):
        isozoo.hub.save_to_preset(isozoo.layers.Dense(2), tmp_path)
    resnet = isozoo.applications.ResNetBackbone((2,), (1,), (1,), use_bias=True)
    with pytest.raises(HubError, match="use_bias=True: no key"):
        resnet.save_to_preset(tmp_path)
    with pytest.raises(HubError, match="in layout .keras., .*; there are: huggingface, timm"):
        resnet.save_to_preset(tmp_path, "keras")
    lite = isozoo.applications.EfficientNetLiteBackbone(0.25, 0.25)
    with pytest.raises(HubError, match="in layout 'pytorch', .*; there are: huggingface"):
        lite.save_to_preset(tmp_path, "pytorch")
    assert not list(tmp_path.iterdir())
