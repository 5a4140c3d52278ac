"""Whisper in CTranslate2's files, which faster-whisper and its kin run.

Definition: CTranslate2's `WhisperSpec` (revision 3) and its converter from transformers. Beside
what CTranslate2 asks of config.json, ours holds the sizes, which its files do not tell.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...framework.files import write_atomically
from ...hub.config_table import ConfigTable
from ...hub.ctranslate2_writer import write_ctranslate2
from ...hub.errors import HubError
from ...hub.exporting import foreign_tensors
from ...hub.tensors import PendingTensor, pending
from .tokenizer import TIMESTAMP_SECONDS
from .weight_map import ctranslate2

SPEC, REVISION = "WhisperSpec", 3
TIED = {"decoder/projection/weight": "decoder/embeddings/weight"}
OWN_KEYS = ("alignment_heads", "lang_ids", "suppress_ids", "suppress_ids_begin")
"""Keys of config.json that CTranslate2 reads."""
_GELU = 3  # among its activations
_DTYPES = (None, "float32", "float16", "bfloat16")


def write(
    table: ConfigTable,
    model: Any,
    arguments: Mapping[str, Any],
    values: Mapping[str, Any],
    folder: Path,
    dtype: str | None,
) -> list[Path]:
    """Writes `model.bin` and `config.json`, and the tokenizer's files where the model has one.

    Args:
        table: of transformers' config, which the sizes are written by.
        model: a WhisperAudioToText or WhisperBackbone.
        arguments: of its backbone.
        values: path in the weight map -> variable or pending tensor.
        folder: where the files go.
        dtype: "float32", "float16" or "bfloat16"; as the weights are when None.

    Raises:
        HubError: another dtype.
    """
    if dtype not in _DTYPES:
        raise HubError(f"CTranslate2's files hold float32, float16 or bfloat16; got {dtype!r}")
    tensors = foreign_tensors(values, ctranslate2(), dtype=dtype)
    written = [
        write_ctranslate2(
            folder / "model.bin", {**tensors, **_settings(arguments)}, SPEC, REVISION, TIED
        )
    ]
    tools = getattr(model, "preprocessor", None)
    config = {**table.write(arguments), "architectures": [SPEC], **_own(arguments, tools)}
    files: dict[str, Any] = {"config.json": config}
    if tools is not None:
        library = tools.tokenizer._tokenizer
        files["tokenizer.json"] = json.loads(library.to_str())
        files["vocabulary.json"] = _tokens(tools.tokenizer, arguments["vocabulary_size"])
        files["preprocessor_config.json"] = {
            "feature_size": arguments["num_mels"],
            "sampling_rate": 16000,
            "hop_length": 160,
            "n_fft": 400,
            "chunk_length": 30,
        }
    for name, content in files.items():
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        write_atomically(folder / name, text.encode())
        written.append(folder / name)
    return written


def _settings(arguments: Mapping[str, Any]) -> dict[str, PendingTensor]:
    """What CTranslate2's runtime asks for among the variables: numbers of no axes."""
    heads = np.int16(arguments["num_heads"])
    found: dict[str, Any] = {
        "encoder/num_heads": heads,
        "decoder/num_heads": heads,
        "decoder/activation": np.int8(_GELU),
        "decoder/alibi": np.int8(0),
        "decoder/alignment_heads": np.int16(1),
        "decoder/alignment_layer": np.int16(-1),
        "decoder/pre_norm": np.int8(1),
        "decoder/scale_embeddings": np.int8(0),
        "decoder/start_from_zero_embedding": np.int8(0),
    }
    return {name: pending(np.asarray(value)) for name, value in found.items()}


def _own(arguments: Mapping[str, Any], tools: Any) -> dict[str, Any]:
    layers = arguments.get("num_decoder_layers") or arguments["num_layers"]
    heads = range(arguments["num_heads"])
    # Those of the upper half, where the files name none; they serve times of words alone.
    aligned = [[layer, head] for layer in range(layers // 2, layers) for head in heads]
    path = getattr(tools, "files", {}).get("generation_config.json")
    if path is not None:
        aligned = json.loads(path.read_text("utf-8")).get("alignment_heads") or aligned
    return {
        "alignment_heads": aligned,
        "lang_ids": sorted(tools.tokenizer.special.languages.values()) if tools else [],
        "suppress_ids": list(tools.suppress_tokens) if tools else [],
        "suppress_ids_begin": list(tools.begin_suppress_tokens) if tools else [],
    }


def _tokens(tokenizer: Any, count: int) -> list[str]:
    """The tokens by their ids; times, which tokenizers may leave out, by their names."""
    begin = tokenizer.special.timestamp_begin
    found = [f"<|{max(0, i - begin) * TIMESTAMP_SECONDS:.2f}|>" if i >= begin else f"<|extra_{i}|>"
             for i in range(count)]  # fmt: skip
    for token, index in tokenizer._tokenizer.get_vocab(True).items():
        if index < count:
            found[index] = token
    return found
