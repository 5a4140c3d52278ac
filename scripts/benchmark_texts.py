"""Lines of the benchmark for models that write texts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Work = Callable[[], Any]
# SmolLM2-135M's sizes, by transformers' names.
SMOLLM2 = {
    "vocab_size": 49152,
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "max_position_embeddings": 8192,
    "tie_word_embeddings": True,
}
PROMPT, TOKENS = 128, 64


def generate(
    batch: int,
    scratch: str,
    int8: bool = False,
    device: str = "cpu",
    sizes: dict[str, Any] = SMOLLM2,
) -> tuple[Work, Work]:
    """Ours and transformers' Llama on torch, the same random weights: a prompt of 128 tokens goes
    in, and 64 tokens come out one by one, the likeliest ones. With `int8` ours has weights of 8
    bits, transformers those of float32; the vectors are not rounded, for the perplexity's sake.
    """
    import torch
    import transformers

    from ..framework import quantizers
    from ..hub import load_preset
    from ..nlp.generation.loop import generate as write
    from ..nlp.generation.stopping import Stopping

    torch.manual_seed(0)
    ends: dict[str, Any] = {f"{name}_token_id": None for name in ("bos", "eos", "pad")}
    peer = transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes, **ends)).eval()
    folder = Path(scratch) / "llama"
    peer.save_pretrained(folder)
    ours = load_preset(folder, backend="torch").to(device)
    peer = peer.to(device)
    if int8:
        ours.quantize(config=quantizers.Int8QuantizationConfig(activation_quantizer=None))
    ids = np.random.default_rng(0).integers(0, sizes["vocab_size"], (batch, PROMPT))
    inputs = torch.from_numpy(ids).to(device)
    starts = np.zeros(batch, np.int32)

    def theirs() -> np.ndarray:
        with torch.inference_mode():
            mask = torch.ones_like(inputs)
            made = peer.generate(
                inputs, attention_mask=mask, max_new_tokens=TOKENS, do_sample=False
            )
        return made.cpu().numpy()[:, PROMPT:]

    def write_ours() -> list[list[int]]:
        step = ours.begin(starts)
        rows = write(step, ids, max_length=PROMPT + TOKENS, stop=Stopping())
        return [row.tokens for row in rows]

    return write_ours, theirs
