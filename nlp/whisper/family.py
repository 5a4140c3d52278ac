"""Whisper's family: how its files are read and written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...framework.lazy import Reference
from ...hub.config_table import (
    COUNT,
    LAYER_COUNT,
    Argument,
    ConfigTable,
    Fixed,
    Same,
    settings_table,
)
from ...hub.registry import Architecture, Family, Layout, register_family
from ...hub.transformers_config import FIXED, IRRELEVANT
from .weight_map import ctranslate2, huggingface

_SIZES = ("vocabulary_size", "num_layers", "num_heads", "hidden_dim", "intermediate_dim")
_OTHER_SIZES = ("num_decoder_layers", "num_mels")
_OTHER_SIZES += ("max_encoder_sequence_length", "max_decoder_sequence_length")
# They blot out parts of what is heard, or drop layers, in training.
_TRAINING = (
    "activation_dropout",
    "apply_spec_augment",
    "attention_dropout",
    "decoder_layerdrop",
    "dropout",
    "encoder_layerdrop",
    "init_std",
    "mask_feature_length",
    "mask_feature_min_masks",
    "mask_feature_prob",
    "mask_time_length",
    "mask_time_min_masks",
    "mask_time_prob",
)
# Of heads for other tasks, and of word times, which are not here.
_ELSEWHERE = ("classifier_proj_size", "use_weighted_layer_sum", "median_filter_width")
_SPECIAL_TOKENS = ("bos_token_id", "eos_token_id", "pad_token_id")
_FRAMES_PER_POSITION = 2  # the second convolution steps by two


def _frames(arguments: dict[str, Any]) -> dict[str, Any]:
    length = arguments["max_encoder_sequence_length"] * _FRAMES_PER_POSITION
    return {**arguments, "max_encoder_sequence_length": length}


def _positions(arguments: dict[str, Any]) -> dict[str, Any]:
    length = arguments["max_encoder_sequence_length"] // _FRAMES_PER_POSITION
    layers = arguments.get("num_decoder_layers") or arguments["num_layers"]
    return {**arguments, "max_encoder_sequence_length": length, "num_decoder_layers": layers}


CONFIG = ConfigTable(
    "Whisper",
    Argument("vocab_size", "vocabulary_size", COUNT),
    Argument("encoder_layers", "num_layers", LAYER_COUNT),
    Argument("decoder_layers", "num_decoder_layers", LAYER_COUNT),
    Argument("encoder_attention_heads", "num_heads", COUNT),
    Argument("d_model", "hidden_dim", COUNT),
    Argument("encoder_ffn_dim", "intermediate_dim", COUNT),
    Argument("num_mel_bins", "num_mels", COUNT),
    Argument("max_target_positions", "max_decoder_sequence_length", COUNT),
    Argument("max_source_positions", "max_encoder_sequence_length", COUNT, 1500),
    Same("decoder_attention_heads", "encoder_attention_heads"),
    Same("decoder_ffn_dim", "encoder_ffn_dim"),
    # Counts the encoder's layers too, in older files.
    Same("num_hidden_layers", "encoder_layers"),
    Fixed("activation_function", "gelu"),
    Fixed("scale_embedding", False),
    Fixed("tie_word_embeddings", True),
    *FIXED,
    irrelevant=(*IRRELEVANT, *_TRAINING, *_ELSEWHERE),
    # Without them transformers would take those of a vocabulary of 51,865 tokens.
    constants={"model_type": "whisper", **dict.fromkeys(_SPECIAL_TOKENS)},
    finish=_frames,
    undo=_positions,
)

_BY_SETTINGS = settings_table("CTranslate2", _SIZES, _OTHER_SIZES)


def _of_ctranslate2(files: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments by config.json, which has the sizes where it is of ours; else by settings."""
    config = files.get("config.json", {})
    if "d_model" in config:
        from .ctranslate2 import OWN_KEYS

        return CONFIG.read(config, OWN_KEYS)
    return _BY_SETTINGS(files, settings)


def _write_ctranslate2(*args: Any) -> Any:
    from .ctranslate2 import write

    return write(CONFIG, *args)


register_family(
    Family(
        "whisper",
        tasks={
            "audio_to_text": Reference(__package__, ".audio_to_text", "WhisperAudioToText"),
            "backbone": Reference(__package__, ".backbone", "WhisperBackbone"),
        },
        layouts={
            "huggingface": Layout(
                config=CONFIG,
                weight_map=lambda config: huggingface(),
                optional_files=(
                    "generation_config.json",
                    "preprocessor_config.json",
                    "tokenizer.json",
                    "vocab.json",
                    "merges.txt",
                    "added_tokens.json",
                    "special_tokens_map.json",
                    "tokenizer_config.json",
                ),
            ),
            "ctranslate2": Layout(
                config=_of_ctranslate2,
                weight_map=lambda config: ctranslate2(),
                weights=("model.bin",),
                optional_files=("tokenizer.json",),
                write=_write_ctranslate2,
            ),
        },
        model_types={"whisper": "huggingface"},
        architectures={
            "WhisperForConditionalGeneration": Architecture("huggingface", "audio_to_text"),
            "WhisperModel": Architecture("huggingface", "backbone"),
            "WhisperSpec": Architecture("ctranslate2", "audio_to_text"),
        },
        default_task="audio_to_text",
    )
)
