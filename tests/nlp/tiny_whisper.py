"""A tiny randomly initialised Whisper of transformers, and a vocabulary for it."""

from __future__ import annotations

import json
from pathlib import Path

from isozoo.nlp.whisper.tokenizer import NUM_TIMESTAMPS

SPECIALS = ["endoftext", "startoftranscript", "en", "de", "yue", "translate", "transcribe"]
SPECIALS += ["startoflm", "startofprev", "nospeech", "notimestamps"]
NUM_TEXT = 257
END, START, ENGLISH, PREVIOUS, NO_TIMESTAMPS = 257, 258, 259, 265, 267
VOCABULARY_SIZE = NUM_TEXT + len(SPECIALS) + NUM_TIMESTAMPS
NUM_MELS = 8
MAX_TOKENS = 40


def write_vocabulary(folder: Path) -> list[Path]:
    """A multilingual vocabulary of bytes and one merge, in the layout of three files."""
    from tokenizers.pre_tokenizers import ByteLevel

    tokens = [*sorted(ByteLevel.alphabet()), "hi"]
    added = {f"<|{name}|>": NUM_TEXT + i for i, name in enumerate(SPECIALS)}
    paths = [folder / name for name in ("vocab.json", "merges.txt", "added_tokens.json")]
    paths[0].write_text(json.dumps({token: i for i, token in enumerate(tokens)}))
    paths[1].write_text("#version: 0.2\nh i\n")
    paths[2].write_text(json.dumps(added))
    return paths


def tiny_original(seed: int = 0, **settings):
    """WhisperForConditionalGeneration with weights large enough that it has opinions."""
    import torch
    from transformers import GenerationConfig, WhisperConfig, WhisperForConditionalGeneration

    torch.manual_seed(seed)
    shape = dict(
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        num_mel_bins=NUM_MELS,
    )
    ids = dict(bos_token_id=END, eos_token_id=END, pad_token_id=END, decoder_start_token_id=START)
    config = WhisperConfig(
        vocab_size=VOCABULARY_SIZE,
        max_target_positions=MAX_TOKENS,
        init_std=0.5,
        **{**shape, **ids, **settings},
    )
    model = WhisperForConditionalGeneration(config).eval()
    model.generation_config = GenerationConfig(
        max_length=MAX_TOKENS,
        suppress_tokens=[3, START, PREVIOUS],
        begin_suppress_tokens=[32, END],
        no_timestamps_token_id=NO_TIMESTAMPS,
        max_initial_timestamp_index=50,
        prev_sot_token_id=PREVIOUS,
        lang_to_id={"<|en|>": 259, "<|de|>": 260, "<|yue|>": 261},
        task_to_id={"translate": 262, "transcribe": 263},
        is_multilingual=True,
        return_timestamps=False,
        **ids,
    )
    return model
