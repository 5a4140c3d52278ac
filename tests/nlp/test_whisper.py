"""Whisper as a whole, against transformers with the same weights, on every backend."""

from __future__ import annotations

import json

import numpy as np
import pytest

import isozoo
from isozoo.hub.errors import HubError
from isozoo.hub.exporting import export
from isozoo.nlp.audio import load_audio
from isozoo.nlp.generation.beams import beam_search
from isozoo.nlp.generation.sizes import CacheSizes
from isozoo.nlp.generation.stopping import Stopping
from isozoo.nlp.speech import Transcript
from isozoo.nlp.whisper.fallback import Fallback
from isozoo.nlp.whisper.weight_map import ctranslate2, huggingface

from . import tiny_whisper as tiny

RATE = 16000


@pytest.fixture(scope="module")
def original():
    return tiny.tiny_original(1)


@pytest.fixture(scope="module")
def folder(original, tmp_path_factory):
    """The original as Hugging Face publishes it, with a vocabulary of three files."""
    path = tmp_path_factory.mktemp("whisper")
    original.save_pretrained(path)
    tiny.write_vocabulary(path)
    return path


@pytest.fixture(scope="module")
def models(folder):
    """Models by backend, each made once."""
    made = {}

    def get(backend):
        if backend not in made:
            made[backend] = isozoo.from_preset(str(folder), backend=backend)
        return made[backend]

    return get


def sound(seconds: float, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    loudness = np.repeat(generator.uniform(size=int(seconds * 4) + 1), RATE // 4)
    count = int(seconds * RATE)
    return (loudness[:count] * generator.normal(size=count)).astype("f4")


def generate(original, features, **settings):
    import torch

    output = original.generate(
        torch.from_numpy(features.T[None].copy()), return_segments=True, **settings
    )
    return [part["tokens"].tolist() for part in output["segments"][0]]


def numpy(x):
    return np.asarray(isozoo.ops.convert_to_numpy(x))


def test_hidden_states(original, models, backend):
    import torch

    generator = np.random.default_rng(0)
    features = generator.normal(size=(2, 3000, tiny.NUM_MELS)).astype("f4")
    tokens = generator.integers(0, tiny.VOCABULARY_SIZE, size=(2, 7)).astype("i4")
    with torch.no_grad():
        expected = original.model(
            input_features=torch.from_numpy(features.transpose(0, 2, 1).copy()),
            decoder_input_ids=torch.from_numpy(tokens).long(),
        )
        logits = original.proj_out(expected.last_hidden_state).numpy()
    inputs = {"encoder_features": features, "decoder_token_ids": tokens}
    model = models(backend)
    outputs = model.backbone(inputs)
    heard = expected.encoder_last_hidden_state.numpy()
    np.testing.assert_allclose(numpy(outputs["encoder_sequence_output"]), heard, atol=1e-4)
    written = expected.last_hidden_state.numpy()
    np.testing.assert_allclose(numpy(outputs["decoder_sequence_output"]), written, atol=1e-4)
    np.testing.assert_allclose(numpy(model(inputs)), logits, rtol=1e-5, atol=2e-4)


@pytest.mark.parametrize("timestamps", [False, True])
def test_tokens_of_a_window(original, models, backend, timestamps):
    model = models(backend)
    audio = sound(30.0)  # transformers hears the silence behind shorter sound, too
    features = model.preprocessor(audio)
    expected = generate(original, features, language="de", return_timestamps=timestamps)
    plain = {"timestamps": timestamps, "fallback": None, "condition_on_previous": False}
    transcript = model.transcribe(audio, language="German", **plain)
    assert [part.tokens for part in transcript.segments] == expected
    assert transcript.language == "de"
    # No segment ends behind the sound's own end.
    short = model.transcribe(audio[: 5 * 16000], language="German", **plain)
    assert all(part.end <= 5.0 for part in short.segments)


@pytest.mark.parametrize("condition", [False, True])
def test_tokens_of_long_sound(original, models, backend, condition):
    model = models(backend)
    audio = sound(40.3, seed=1)
    features = model.preprocessor(audio)
    expected = generate(
        original,
        features,
        language="en",
        return_timestamps=True,
        condition_on_prev_tokens=condition,
    )
    transcript = model.transcribe(
        audio, language="en", condition_on_previous=condition, fallback=None
    )
    assert [part.tokens for part in transcript.segments] == expected


def test_blocks_and_growing_caches_change_nothing(models, backend, monkeypatch):
    model = models(backend)
    audio = sound(33.0, seed=2)
    settings = {"language": "en", "condition_on_previous": True, "fallback": Fallback()}
    plain = model.transcribe(audio, **settings)
    small = CacheSizes(model.backbone.max_tokens, (6, 20), short_prompt=3, block=16)
    monkeypatch.setattr(model, "cache_sizes", small)
    assert model.transcribe(audio, **settings) == plain


def test_language_is_told(original, models, backend):
    import torch

    model = models(backend)
    features = model.preprocessor(sound(3.0, seed=5))
    expected = original.detect_language(torch.from_numpy(features.T[None].copy())).item()
    language = model.detect_language(features)
    assert model.preprocessor.tokenizer.language_token(language) == expected
    assert model.transcribe(sound(3.0, seed=5), fallback=None).language == language


def test_beams(original, models, backend):
    """The search with our cache, whose rows are reordered, finds what transformers' does."""
    import torch

    model = models(backend)
    features = model.preprocessor(sound(3.0, seed=4))
    prompt = np.array([model.preprocessor.tokenizer.prompt("en")], np.int32)
    settings = {"beams": 3, "max_length": 14, "stop": Stopping((tiny.END,))}
    found = beam_search(model.begin(np.stack([features] * 3)), prompt, **settings)[0]

    class Original:
        cache = None

        def __call__(self, tokens):
            with torch.no_grad():
                output = original.model(
                    input_features=torch.from_numpy(np.stack([features.T] * 3)),
                    decoder_input_ids=torch.from_numpy(tokens).long(),
                    past_key_values=self.cache,
                    use_cache=True,
                )
                self.cache = output.past_key_values
                return original.proj_out(output.last_hidden_state[:, -1]).numpy()

        def reorder(self, rows):
            self.cache.reorder_cache(torch.from_numpy(rows))

    expected = beam_search(Original(), prompt, **settings)[0]
    assert [beam.tokens for beam in found] == [beam.tokens for beam in expected]
    scores = [beam.score for beam in expected]
    np.testing.assert_allclose([beam.score for beam in found], scores, rtol=1e-4)


def test_a_batch_is_its_rows(models, backend):
    model = models(backend)
    features = np.stack([model.preprocessor(sound(2.0, seed)) for seed in range(3)])
    texts = model.generate(features, language="en")
    assert texts == [model.generate(row[None], language="en")[0] for row in features]


def test_another_backend_gives_the_same(models):
    model = models("numpy")
    audio = sound(4.0)
    there = model.to_backend("torch")
    plain = {"language": "en", "fallback": None}
    assert there.transcribe(audio, **plain) == model.transcribe(audio, **plain)


def test_verify(models):
    report = isozoo.verify(models("numpy"), backends=["numpy", "torch"], inputs=[sound(2.0)])
    assert report.ok, report.table()
    assert {row.name for row in report.outputs} == {"encoder", "logits"}
    assert "backbone.decoder.layers.0.cross_attention.query" in {row.name for row in report.layers}


# Files


def test_exported_weights_are_the_originals(original, models, folder, tmp_path):
    from safetensors.numpy import load_file

    variables = models("torch").backbone.weights_by_path()
    export(variables, huggingface(), tmp_path / "model.safetensors")
    ours = load_file(tmp_path / "model.safetensors")
    theirs = load_file(folder / "model.safetensors")
    assert set(ours) == set(theirs)
    for name, array in theirs.items():
        np.testing.assert_array_equal(ours[name], array, err_msg=name)


def test_ctranslate2_names_and_shapes(models, tmp_path):
    """Names and shapes are those that CTranslate2's converter gives a model of this size."""
    from safetensors.numpy import load_file

    export(models("numpy").backbone.weights_by_path(), ctranslate2(), tmp_path / "m.safetensors")
    found = load_file(tmp_path / "m.safetensors")
    size = 16
    expected = {
        "encoder/conv1/weight": (size, tiny.NUM_MELS, 3),
        "encoder/position_encodings/encodings": (1500, size),
        "encoder/layer_0/self_attention/linear_0/weight": (3 * size, size),
        "encoder/layer_0/self_attention/linear_0/bias": (3 * size,),
        "encoder/layer_0/self_attention/linear_1/weight": (size, size),
        "decoder/layer_0/attention/linear_0/weight": (size, size),
        "decoder/layer_0/attention/linear_1/weight": (2 * size, size),
        "decoder/layer_0/attention/linear_1/bias": (2 * size,),
        "decoder/layer_0/attention/linear_2/bias": (size,),
        "decoder/layer_0/attention/layer_norm/gamma": (size,),
        "decoder/layer_0/ffn/linear_0/weight": (32, size),
        "decoder/layer_0/ffn/layer_norm/beta": (size,),
        "decoder/embeddings/weight": (tiny.VOCABULARY_SIZE, size),
        "decoder/layer_norm/beta": (size,),
    }
    assert {name: found[name].shape for name in expected} == expected
    for name in ("encoder/layer_0/self_attention/linear_0", "decoder/layer_0/attention/linear_1"):
        keys = found[f"{name}/bias"][-2 * size : -size]
        np.testing.assert_array_equal(keys, np.zeros(size))


def test_config_of_another_network(folder, tmp_path):
    for name in ("model.safetensors", "vocab.json", "merges.txt", "added_tokens.json"):
        (tmp_path / name).symlink_to(folder / name)
    config = json.loads((folder / "config.json").read_text())
    for change, message in (
        ({"activation_function": "relu"}, "activation_function"),
        ({"decoder_ffn_dim": 8}, "decoder_ffn_dim is 8"),
        ({"d_model": None}, "d_model is missing"),
    ):
        changed = {k: v for k, v in {**config, **change}.items() if v is not None}
        (tmp_path / "config.json").write_text(json.dumps(changed))
        with pytest.raises(HubError, match=message):
            isozoo.from_preset(str(tmp_path))


# Misuse


def test_too_many_frames(models, backend):
    features = np.zeros((1, 3002, tiny.NUM_MELS), np.float32)
    with pytest.raises(ValueError, match="at most 3000 frames"):
        models(backend).generate(features, language="en")


def test_long_sound_without_timestamps(models):
    with pytest.raises(ValueError, match="need timestamps"):
        models("numpy").transcribe(sound(31.0), language="en", timestamps=False)


def test_heads_that_do_not_divide():
    with pytest.raises(ValueError, match="not a multiple of num_heads"):
        isozoo.nlp.WhisperBackbone(100, 1, 3, 16, 32)


def test_a_model_without_a_preprocessor():
    with isozoo.use_backend("numpy"):
        model = isozoo.nlp.WhisperAudioToText(
            vocabulary_size=20, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=8
        )
    with pytest.raises(ValueError, match="no preprocessor"):
        model.transcribe(sound(1.0))


# Trained weights


def words(text: str) -> str:
    text = text.lower().replace("-", " ").replace("mr.", "mister")
    return "".join(letter for letter in text if letter.isalpha() or letter == " ").strip()


def test_speech(backend, data_dir):
    model = isozoo.from_preset("whisper_tiny_en", backend=backend)
    rows = (data_dir / "transcripts.tsv").read_text().splitlines()
    spoken = dict(row.split("\t")[:2] for row in rows if row.startswith("librivox"))
    assert len(spoken) == 3
    for name, expected in spoken.items():
        transcript = model.transcribe(data_dir / name)
        assert isinstance(transcript, Transcript)
        assert words(transcript.text) == expected
    result = model.run(str(data_dir / "librivox-0930.wav"))
    assert words(model.show(result)) == "he might even have been made amiable himself"
    assert result["language"] == "en"


def test_sound_without_speech_has_no_transcript(data_dir):
    """Plain greedy decoding writes " you" for each: the rules of the original do not."""
    model = isozoo.from_preset("whisper_tiny_en", backend="torch")
    time = np.arange(5 * 16000) / 16000
    noise = np.random.default_rng(0).normal(size=len(time))
    chord = sum(np.sin(2 * np.pi * hertz * time) for hertz in (261.6, 329.6, 392.0))
    for quiet in (np.zeros(len(time)), 1e-4 * noise, 0.05 * noise, 0.1 * chord):
        transcript = model.transcribe(quiet.astype(np.float32))
        assert transcript == Transcript("", [], "en")
    plain = model.transcribe(np.zeros(16000, np.float32), fallback=None)
    assert words(plain.text) == "you"
    # Speech at another rate is heard as what it is.
    samples = load_audio(data_dir / "librivox-0930.wav", 8000)
    heard = model.transcribe(samples, sample_rate=8000)
    assert words(heard.text) == "he might even have been made amiable himself"
    assert heard.segments[-1].end <= len(samples) / 8000


METHODS = {
    "beams": {"num_beams": 3},
    "beams of short texts": {"num_beams": 4, "length_penalty": -1.0, "early_stopping": True},
    "no pair twice": {"no_repeat_ngram_size": 2},
    "beams without a pair twice": {"num_beams": 2, "no_repeat_ngram_size": 2},
    "repetition": {"repetition_penalty": 1.7},
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("backend", ["numpy", "torch"], indirect=True)
def test_methods_of_writing_like_transformers(backend, method, models, original):
    """Tokens of two windows by each method that both have; every row is heard once."""
    import torch

    tools = models("numpy").preprocessor
    features = np.stack([tools(sound(2.0, seed))[:3000] for seed in (3, 4)])
    options = METHODS[method]
    with torch.no_grad():
        expected = original.generate(
            torch.from_numpy(features.transpose(0, 2, 1).copy()),
            language="en",
            return_timestamps=False,
            max_new_tokens=12,
            **options,
        ).tolist()
    found = models(backend).generate(features, 12, language="en", details="tokens", **options)
    for one, row in zip(found, expected, strict=True):
        # What follows transformers heard in a second window, from the last timestamp on.
        assert one.tokens == row[: len(one.tokens)]
        assert len(one.tokens) == 12 or (one.ended and row[len(one.tokens)] == tiny.END)


@pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"], indirect=True)
def test_beams_are_those_of_numpy(backend, models):
    features = models("numpy").preprocessor(sound(2.0, 5))[None, :3000]
    options = {"num_beams": 2, "num_sequences": 2, "no_repeat_ngram_size": 2, "language": "en"}

    def tokens(name):
        (found,) = models(name).generate(features, 8, details="tokens", **options)
        return [one.tokens for one in found]

    expected = tokens("numpy")
    assert tokens(backend) == expected and len(expected) == 2 and expected[0] != expected[1]
    with pytest.raises(ValueError, match="no contrastive search"):
        models(backend).generate(features, 8, penalty_alpha=0.5, top_k=4, language="en")
