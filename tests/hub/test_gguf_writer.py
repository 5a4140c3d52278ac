"""GGUF files that are written: blocks by their definition, and what our reader makes of them."""

from __future__ import annotations

import json

import numpy as np
import pytest

import isozoo
from isozoo.hub import FileEntry, Folder, Preset, convert, open_reader
from isozoo.hub.errors import HubError
from isozoo.hub.gguf_writer import q8_0, write_gguf
from isozoo.hub.tensors import pending

SIZES = {
    "vocabulary_size": 40,
    "num_layers": 2,
    "num_heads": 4,
    "num_key_value_heads": 2,
    "hidden_dim": 32,
    "intermediate_dim": 64,
    "tie_embeddings": False,
}


def _by_definition(block: np.ndarray) -> tuple[np.float16, list[int]]:
    """ggml's quantize_row_q8_0_ref, number by number."""
    scale = np.float32(max(abs(float(x)) for x in block)) / np.float32(127)
    inverse = np.float32(0) if scale == 0 else np.float32(1) / scale
    levels = []
    for x in block:
        product = float(x * inverse)
        levels.append(int(np.floor(abs(product) + 0.5)) * (1 if product >= 0 else -1))
    return np.float16(scale), levels


def test_blocks_are_what_their_definition_says():
    draws = np.random.default_rng(3)
    rows = draws.normal(size=(5, 64)).astype("float32")
    rows[2, :32] = 0
    rows[3, :32] = np.linspace(-127, 127, 32).round() / 2  # halves among the levels
    packed = q8_0(rows)
    for block, raw in zip(rows.reshape(-1, 32), packed, strict=True):
        scale, levels = _by_definition(block)
        assert raw[:2].tobytes() == scale.tobytes()
        assert raw[2:].view(np.int8).tolist() == levels


def test_a_file_tells_by_itself_what_it_is(tmp_path):
    from isozoo.hub.saving import save_to_preset
    from isozoo.scripts.small_models import small_model

    save_to_preset(small_model("llama"), tmp_path / "a")
    convert(tmp_path / "a", tmp_path / "b", "gguf", dtype="float32")
    one = isozoo.from_preset(tmp_path / "b", backend="numpy")  # the folder, or the file
    other = isozoo.from_preset(tmp_path / "b" / "model.gguf", backend="numpy")
    first = isozoo.from_preset(tmp_path / "a", backend="numpy")
    ids = np.array([[1, 5, 2, 7]])
    for model in (one, other):
        assert model.backbone.get_config()["rms_norm_epsilon"] == 1e-6
        np.testing.assert_array_equal(model(ids), first(ids))
    with open_reader(tmp_path / "b" / "model.gguf") as reader:
        settings = dict(reader.settings)
        tensors = {key: pending(np.array(reader.read(key))) for key in reader}
    more = {"rope_freqs.weight": pending(np.full(1, 2, "float32"))}
    for changed, extra, message in (
        ({"general.architecture": "qwen2"}, {}, "the architecture 'qwen2'"),
        ({"llama.block_count": 0}, {}, "block_count must be a positive whole number; got 0"),
        ({"llama.rope.scaling.type": "yarn"}, {}, "scaled by 'yarn' with the factor None"),
        ({}, more, "are not those of a scaling"),
    ):
        path = write_gguf(tmp_path / "c.gguf", {**tensors, **extra}, settings | changed, "F32")
        with pytest.raises(HubError, match=message):
            isozoo.from_preset(path, backend="numpy")


def test_what_is_written_is_read(tmp_path):
    draws = np.random.default_rng(4)
    tensors = {
        "a.weight": draws.normal(size=(3, 64)).astype("float32"),
        "b.weight": draws.normal(size=(5, 7)).astype("float32"),
        "c": draws.normal(size=9).astype("float32"),
    }
    settings = {"x.count": 3, "x.part": 0.5, "x.on": True, "x.name": "é", "x.words": ["a", "bc"]}
    given = {name: pending(value) for name, value in tensors.items()}
    for form, kinds in (("F32", "F32 F32 F32"), ("F16", "F16 F16 F32"), ("Q8_0", "Q8_0 F16 F32")):
        path = write_gguf(tmp_path / f"{form}.gguf", given, settings, form)
        with open_reader(path) as reader:
            assert [reader.form(key) for key in tensors] == kinds.split()
            assert {key: reader.settings[key] for key in settings} == settings
            for key, value in tensors.items():
                found = np.array(reader.read(key), "float64")
                # half a unit of float16's 11 bits, or half a level of the block's largest number
                step = {"F32": 0.0, "F16": 2.0**-11, "Q8_0": 0.51 / 127}[reader.form(key)]
                assert np.abs(found - value).max() <= step * np.abs(value).max()
    with pytest.raises(HubError, match="not written as 'Q4_0'"):
        write_gguf(tmp_path / "x.gguf", given, {}, "Q4_0")
    with pytest.raises(HubError, match="setting a: GGUF has no form"):
        write_gguf(tmp_path / "x.gguf", given, {"a": {}}, "F16")
    assert not (tmp_path / "x.gguf").exists()


def _llama(folder) -> isozoo.Model:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    with isozoo.use_backend("numpy"):
        model = isozoo.nlp.LlamaCausalLM(**SIZES)
    model.save_to_preset(folder)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())[: SIZES["vocabulary_size"] - 3]
    vocabulary = {token: i for i, token in enumerate(["<end>", *letters, letters[0] + letters[1]])}
    made = Tokenizer(models.BPE(vocabulary, [(letters[0], letters[1])]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(["<end>"])
    made.save(str(folder / "tokenizer.json"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "eos_token_id": 0}))
    return model


def test_llama_goes_to_gguf_and_back(tmp_path):
    _llama(tmp_path / "a")
    done = convert(tmp_path / "a", tmp_path / "b", "gguf", dtype="float32")
    assert done.files.keys() == {"model.gguf"}
    source = Folder(tmp_path / "b")
    entry = FileEntry("model.gguf")
    preset = Preset("x", "llama", "causal_lm", "gguf", (entry,), (source,), settings=SIZES)
    convert(preset, tmp_path / "c")
    with open_reader(tmp_path / "a" / "model.safetensors") as first:
        with open_reader(tmp_path / "c" / "model.safetensors") as second:
            assert set(first.keys()) == set(second.keys())
            for key in first:
                np.testing.assert_array_equal(first.read(key), second.read(key), key)
    ours = isozoo.from_preset(tmp_path / "a", backend="numpy")
    again = isozoo.hub.load_preset(preset, backend="numpy")
    text = "!\"#$%&'()"
    assert again.preprocessor.encode([text]) == ours.preprocessor.encode([text])
    assert again.preprocessor.ends == ours.preprocessor.ends == (0,)


def test_what_gguf_has_no_word_for(tmp_path):
    with isozoo.use_backend("numpy"):
        model = isozoo.nlp.LlamaCausalLM(**SIZES, attention_bias=True)
    with pytest.raises(HubError, match="no word for attention_bias"):
        model.save_to_preset(tmp_path / "a", "gguf")
    _llama(tmp_path / "b")
    with pytest.raises(HubError, match="cannot be written as 'int8'"):
        convert(tmp_path / "b", tmp_path / "c", "gguf", dtype="int8")
    with pytest.raises(HubError, match="cannot be written as 'q8_0'"):
        convert(tmp_path / "b", tmp_path / "c", dtype="q8_0")
