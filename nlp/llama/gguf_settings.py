"""What a GGUF file of Llama or Mistral says of its sizes.

Definition: ggml's `docs/gguf.md`. Llama 3.1 and later write how their rotary positions are scaled
as a tensor of divisors; see `_scaling_of_divisors`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...hub.errors import HubError
from ...hub.readers import Reader
from ..rotary import rotary_of

_DIVISORS = "rope_freqs.weight"
_EMBEDDINGS = "token_embd.weight"


def read(reader: Reader) -> dict[str, Any]:
    """Returns the arguments of a LlamaCausalLM that an open GGUF file describes.

    Raises:
        HubError: a size is missing or none, or the network is another one than Llama's.
    """
    settings: Mapping[str, Any] = getattr(reader, "settings", {})
    where = reader.path

    def number(name: str, kind: Any = int, default: Any = None) -> Any:
        value = settings.get(f"llama.{name}", default)
        fits = isinstance(value, int | kind) and not isinstance(value, bool) and value > 0
        if not fits:
            wanted = "a positive whole number" if kind is int else "a positive number"
            raise HubError(f"{where}: llama.{name} must be {wanted}; got {value!r:.80}")
        return value if kind is int else _shortest(value)

    if settings.get("llama.expert_count"):
        raise HubError(f"{where}: a network of experts (llama.expert_count), which is not Llama's")
    hidden, heads = number("embedding_length"), number("attention.head_count")
    if hidden % heads and "llama.attention.key_length" not in settings:
        raise HubError(f"{where}: {hidden} numbers cannot be parted into {heads} heads")
    size = number("attention.key_length", default=hidden // heads)
    for name in ("attention.value_length", "rope.dimension_count"):
        if number(name, default=size) != size:
            raise HubError(f"{where}: llama.{name} is {settings[f'llama.{name}']}, and heads have "
                           f"{size} numbers; in Llama's networks both are one")  # fmt: skip
    if _EMBEDDINGS not in reader:
        raise HubError(f"{where}: there is no tensor {_EMBEDDINGS}")
    theta, length = number("rope.freq_base", float, 10000.0), number("context_length")
    plain = size * heads == hidden
    return {
        "vocabulary_size": reader.info(_EMBEDDINGS).shape[0],
        "num_layers": number("block_count"),
        "num_heads": heads,
        "num_key_value_heads": number("attention.head_count_kv", default=heads),
        "hidden_dim": hidden,
        "intermediate_dim": number("feed_forward_length"),
        **({} if plain else {"head_dim": size}),
        "max_sequence_length": length,
        "rms_norm_epsilon": number("attention.layer_norm_rms_epsilon", float),
        "rope_theta": theta,
        "rope_scaling": _scaling(reader, settings, size, theta),
        "tie_embeddings": "output.weight" not in reader,
    }


def _shortest(value: float) -> float:
    """The shortest number that is the same as float32, which files hold: 1e-05 as it was meant."""
    return float(str(np.float32(value)))


def _scaling(
    reader: Reader, settings: Mapping[str, Any], size: int, theta: float
) -> dict[str, Any] | None:
    """How rotary positions are scaled, as a config.json has it; None where they are not."""
    kind = settings.get("llama.rope.scaling.type", "none")
    factor = settings.get("llama.rope.scaling.factor", settings.get("llama.rope.scale_linear"))
    if kind == "none" and "llama.rope.scale_linear" in settings:  # older files
        kind = "linear"
    if kind == "none":
        return _scaling_of_divisors(reader, size, theta) if _DIVISORS in reader else None
    if kind not in ("linear", "yarn") or not isinstance(factor, int | float) or not factor > 0:
        raise HubError(
            f"{reader.path}: rotary positions scaled by {kind!r} with the factor {factor!r}; known "
            "are 'linear' and 'yarn', with a positive one"
        )
    found = {"rope_type": kind, "factor": _shortest(factor)}
    trained = settings.get("llama.rope.scaling.original_context_length")
    if kind == "yarn" and isinstance(trained, int):
        found["original_max_position_embeddings"] = trained
    return found


def _scaling_of_divisors(reader: Reader, size: int, theta: float) -> dict[str, Any] | None:
    """The scaling whose frequencies are the plain ones over the divisors of a file's tensor.

    They are those of Llama 3.1 and later; other divisors have no name in a config.
    """
    divisors = np.asarray(reader.read(_DIVISORS), np.float32)
    if (divisors == 1).all():
        return None
    plain = rotary_of(size, theta, None, 1).frequencies
    if divisors.shape == plain.shape and (divisors > 0).all():
        for trained in (8192, 4096, 16384, 32768):
            found = {
                "rope_type": "llama3",
                "factor": float(divisors.max()),
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": trained,
            }
            wanted = rotary_of(size, theta, found, 1).frequencies
            if np.allclose(plain / divisors, wanted, rtol=1e-4):
                return found
    raise HubError(
        f"{reader.path}: the divisors of its rotary positions ({_DIVISORS}) are not those of a "
        "scaling that is known here"
    )
