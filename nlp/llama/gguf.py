"""Llama as a GGUF file, which llama.cpp and its kin run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...hub.config_table import COUNT, LAYER_COUNT, NUMBER
from ...hub.errors import ChoiceError, HubError
from ...hub.exporting import foreign_tensors
from ...hub.gguf_writer import write_gguf
from ...hub.readers import GGUFReader
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


# Argument of ours -> how the file calls it, and whether it must be there.
_KEYS = {
    "num_layers": ("block_count", True),
    "num_heads": ("attention.head_count", True),
    "num_key_value_heads": ("attention.head_count_kv", False),
    "hidden_dim": ("embedding_length", True),
    "intermediate_dim": ("feed_forward_length", True),
    "max_sequence_length": ("context_length", True),
    "head_dim": ("attention.key_length", False),
    "rms_norm_epsilon": ("attention.layer_norm_rms_epsilon", True),
    "rope_theta": ("rope.freq_base", False),
}
_REALS = ("rms_norm_epsilon", "rope_theta")


def recognized(reader: GGUFReader) -> dict[str, Any]:
    """Returns the arguments of a Llama that a GGUF file tells by itself.

    Raises:
        HubError: it holds another network, or one whose settings are not known here.
    """
    told, kind = reader.settings, reader.settings.get("general.architecture")
    if kind != "llama":
        raise HubError(
            f"{reader.path} holds a network of the architecture {str(kind)[:80]!r}; of GGUF files "
            "those of 'llama' are known here"
        )
    found: dict[str, Any] = {}
    for name, (key, needed) in _KEYS.items():
        value = told.get(f"llama.{key}")
        if value is None and not needed:
            continue
        right = NUMBER if name in _REALS else LAYER_COUNT if name == "num_layers" else COUNT
        if not right.accepts(value):
            raise HubError(f"{reader.path}: llama.{key} is {value!r}; expected: {right.words}")
        # The file has it in single precision; this is the number that was meant.
        found[name] = float(str(np.float32(value))) if name in _REALS else value
    plain = found["hidden_dim"] // found["num_heads"]
    size = found.get("head_dim", plain)
    if size == plain:
        found.pop("head_dim", None)
    turned = told.get("llama.rope.dimension_count", size)
    scaling = told.get("llama.rope.scaling.type", "none")
    if turned != size or scaling != "none" or "rope_freqs.weight" in reader:
        how = f"scaling {str(scaling)[:40]!r}, over {turned} of {size} coordinates"
        how += ", with rope_freqs.weight" if "rope_freqs.weight" in reader else ""
        raise HubError(f"{reader.path}: its rotary positions ({how}) are not known here")
    if "token_embd.weight" not in reader:
        raise HubError(f"{reader.path} holds no token_embd.weight: it is no whole model")
    found["vocabulary_size"] = reader.info("token_embd.weight").shape[0]
    found["tie_embeddings"] = "output.weight" not in reader
    return found


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
