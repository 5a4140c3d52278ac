"""From each layout of each family to another and back, with small models of random weights."""

from __future__ import annotations

import json

import numpy as np
import pytest

import isozoo
from isozoo.hub import convert, open_reader
from isozoo.hub.ctranslate2_writer import write_ctranslate2
from isozoo.hub.errors import HubError, WeightsError
from isozoo.hub.readers import CTranslate2Reader
from isozoo.hub.registry import get_family
from isozoo.hub.saving import save_to_preset
from isozoo.hub.tensors import pending
from isozoo.scripts.round_trips import names_networks, read_only, tried, trips
from isozoo.scripts.small_models import ARGUMENTS, small_model

# `python -m isozoo.scripts.round_trips` tries the others.
TRIPS = [trip for trip in trips() if not names_networks(trip)]


@pytest.mark.parametrize("trip", TRIPS, ids=lambda trip: "-".join(trip))
def test_there_and_back_bit_for_bit(trip, tmp_path):
    assert tried(trip, tmp_path) == ""


def test_every_family_is_tried():
    from isozoo.hub import registry

    # Their tests convert them: their models are made of several, or of a graph.
    elsewhere = {
        "clip",
        "graph",
        "graph_image_classifier",
        "keras",
        "magika",
        "ppocr",
        "stable_diffusion",
        "xlm_roberta",
    }
    assert {trip.family for trip in TRIPS} == set(ARGUMENTS)
    assert set(ARGUMENTS) | elsewhere == set(registry._families)
    assert set(read_only()) == {
        ("efficientnet_lite", "pytorch"),
        ("published", "hed"),
        ("published", "tfjs"),
        ("yolov8", "ultralytics"),
    }
    assert all(set(get_family(f).tasks) == {t.task for t in TRIPS if t.family == f}
               for f in ARGUMENTS)  # fmt: skip


def test_keras_opens_what_is_written_for_it(tmp_path):
    keras = pytest.importorskip("keras")
    model = small_model("published")
    save_to_preset(model, tmp_path / "a")
    done = convert(tmp_path / "a", tmp_path / "b", "keras")
    assert done.files.keys() == {"config.json", "model.keras", "model.weights.h5"}
    ours = {path: v.numpy() for path, v in model.backbone.net.weights_by_path().items()}
    theirs = keras.saving.load_model(tmp_path / "b" / "model.keras")
    plain = keras.applications.MobileNet(
        alpha=0.25, input_shape=(32, 32, 3), classes=3, weights=None, classifier_activation=None
    )
    plain.load_weights(tmp_path / "b" / "model.weights.h5")
    for network in (theirs, plain):
        found = {f"{layer.name}.{weight.name}": weight.numpy()
                 for layer in network.layers for weight in layer.weights}  # fmt: skip
        assert found.keys() == {path for path in ours if "seed" not in path}
        for path, value in found.items():
            np.testing.assert_array_equal(value, ours[path], path)
    with pytest.raises(HubError, match="float32 alone"):
        convert(tmp_path / "a", tmp_path / "c", "keras", dtype="float16")


def test_a_keras_file_of_another_network_is_refused(tmp_path):
    save_to_preset(small_model("published"), tmp_path / "a")
    convert(tmp_path / "a", tmp_path / "b", "keras")
    path = tmp_path / "b" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "alpha": 0.5}))
    with pytest.raises(WeightsError, match="does not fit"):
        isozoo.from_preset(tmp_path / "b", backend="numpy")


def test_whisper_with_its_tokenizer_for_ctranslate2(tmp_path):
    from ..nlp import tiny_whisper

    model = small_model("whisper")
    arguments = {**ARGUMENTS["whisper"], "vocabulary_size": tiny_whisper.VOCABULARY_SIZE}
    with isozoo.use_backend("numpy"):
        model = type(model)(**arguments)
    save_to_preset(model, tmp_path / "a")
    tiny_whisper.write_vocabulary(tmp_path / "a")
    rules = {"suppress_tokens": [3, 5], "begin_suppress_tokens": [7], "alignment_heads": [[0, 1]]}
    (tmp_path / "a" / "generation_config.json").write_text(json.dumps(rules))
    done = convert(tmp_path / "a", tmp_path / "b", "ctranslate2", dtype="float16")
    assert {"config.json", "model.bin", "tokenizer.json", "vocabulary.json"} <= done.files.keys()
    config = json.loads((tmp_path / "b" / "config.json").read_text())
    assert (config["suppress_ids"], config["suppress_ids_begin"]) == ([3, 5], [7])
    assert config["alignment_heads"] == [[0, 1]] and tiny_whisper.ENGLISH in config["lang_ids"]
    tokens = json.loads((tmp_path / "b" / "vocabulary.json").read_text())
    assert len(tokens) == tiny_whisper.VOCABULARY_SIZE
    assert tokens[tiny_whisper.ENGLISH] == "<|en|>" and tokens[-1] == "<|30.00|>"
    with open_reader(tmp_path / "b" / "model.bin") as reader:
        assert (reader.spec_name, reader.spec_revision) == ("WhisperSpec", 3)
        assert reader.aliases == {"decoder/projection/weight": "decoder/embeddings/weight"}
        assert reader.info("decoder/embeddings/weight").dtype == "float16"
        assert int(reader.read("encoder/num_heads")) == arguments["num_heads"]
    again = isozoo.from_preset(tmp_path / "b", backend="numpy")
    assert again.preprocessor.suppress_tokens == (3, 5)
    assert again.preprocessor.tokenizer.encode("hi") == [256]


def test_what_ctranslate2_has_no_room_for(tmp_path):
    for name, value in (("a", np.zeros(2)), ("b" * 600, np.zeros(2, "float32"))):
        with pytest.raises(HubError, match="no room|too long"):
            write_ctranslate2(tmp_path / "model.bin", {name: pending(value)}, "Spec", 1)
    assert list(tmp_path.iterdir()) == []
    write_ctranslate2(tmp_path / "model.bin", {"a": pending(np.ones((2, 3), "int8"))}, "Spec", 1)
    with CTranslate2Reader(tmp_path / "model.bin") as reader:
        np.testing.assert_array_equal(reader.read("a"), np.ones((2, 3), "int8"))


def test_a_backbone_without_a_pooler_comes_back(tmp_path):
    """transformers' config does not tell; the file does, and the user may ask for one."""
    save_to_preset(small_model("vit", "backbone"), tmp_path / "a")
    assert isozoo.applications.ViTBackbone.from_preset(tmp_path / "a", backend="numpy")
    with pytest.raises(WeightsError, match=r"pooler\.kernel"):
        isozoo.applications.ViTBackbone.from_preset(tmp_path / "a", backend="numpy", pooler=True)
