"""Llama as a GGUF file, which llama.cpp and its kin run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...hub.errors import ChoiceError, HubError
from ...hub.exporting import foreign_tensors
from ...hub.gguf_writer import write_gguf
from .weight_map import gguf

_FORMS = {None: "F16", "float16": "F16", "float32": "F32", "q8_0": "Q8_0"}


def write(
    model: Any,
    arguments: Mapping[str, Any],
    values: Mapping[str, Any],
    folder: Path,
    dtype: str | None,
) -> list[Path]:
    """Writes `model.gguf`, with the tokenizer where the model has one.

    Args:
        model: a LlamaCausalLM or LlamaBackbone.
        arguments: of its backbone.
        values: path in the weight map -> variable or pending tensor.
        folder: where the file goes.
        dtype: "float16" (also None), "float32" or "q8_0".

    Raises:
        HubError: another dtype, or what a GGUF file has no word for.
    """
    if dtype not in _FORMS:
        raise ChoiceError(f"GGUF is written as float16, float32 or q8_0; got {dtype!r}")
    odd = [name for name in ("rope_scaling", "attention_bias", "feedforward_bias", "sliding_window")
           if arguments.get(name)]  # fmt: skip
    if odd or arguments.get("activation", "silu") != "silu":
        raise HubError(f"a GGUF file of Llama has no word for {', '.join(odd) or 'the activation'}")
    tensors = foreign_tensors(values, gguf(arguments))
    settings = {**_sizes(arguments), **_tokenizer(getattr(model, "preprocessor", None))}
    return [write_gguf(folder / "model.gguf", tensors, settings, _FORMS[dtype])]


def _sizes(arguments: Mapping[str, Any]) -> dict[str, Any]:
    hidden, heads = arguments["hidden_dim"], arguments["num_heads"]
    size = arguments.get("head_dim") or hidden // heads
    return {
        "general.architecture": "llama",
        "general.name": "model",
        "llama.vocab_size": arguments["vocabulary_size"],
        "llama.context_length": arguments["max_sequence_length"],
        "llama.embedding_length": hidden,
        "llama.block_count": arguments["num_layers"],
        "llama.feed_forward_length": arguments["intermediate_dim"],
        "llama.attention.head_count": heads,
        "llama.attention.head_count_kv": arguments.get("num_key_value_heads") or heads,
        "llama.attention.key_length": size,
        "llama.attention.value_length": size,
        "llama.attention.layer_norm_rms_epsilon": float(arguments["rms_norm_epsilon"]),
        "llama.rope.dimension_count": size,
        "llama.rope.freq_base": float(arguments["rope_theta"]),
    }


def _tokenizer(preprocessor: Any) -> dict[str, Any]:
    if preprocessor is None:
        return {}
    settings = preprocessor.tokenizer.gguf_settings()
    if preprocessor.ends:
        settings["tokenizer.ggml.eos_token_id"] = preprocessor.ends[0]
    if preprocessor.chat_template:
        settings["tokenizer.chat_template"] = preprocessor.chat_template
    return settings
