"""Tokenizers of GGUF files, of the settings that begin with `tokenizer.ggml`.

Definition: ggml's `docs/gguf.md`, and llama.cpp's `llama_vocab`. Token types are SentencePiece's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, TypeGuard

from .byte_fallback import ByteFallbackTokenizer
from .byte_level import ByteLevelTokenizer
from .gguf_words import WORDS
from .sentencepiece import BYTE_PAIRS, CONTROL, NORMAL, USER_DEFINED, Piece, Pieces
from .tokenizing import GGUF

Tokenizer = ByteLevelTokenizer | ByteFallbackTokenizer


def of_gguf(
    path: str | os.PathLike[str], settings: Mapping[str, Any], max_length: int
) -> tuple[Tokenizer, int, tuple[int, ...]]:
    """Returns the tokenizer that a GGUF file describes, `max_length`, and the ids that end a text.

    Raises:
        ValueError: another kind of tokenizer, or one that is not whole.
    """
    kind = settings.get(f"{GGUF}model")
    makers = {"gpt2": _of_bytes, "llama": _of_characters}
    if kind not in makers:
        raise ValueError(
            f"{path}: its tokenizer is of the kind {kind!r}; known are {', '.join(makers)}."
        )
    tokens: Any = settings.get(f"{GGUF}tokens")
    kinds: Any = settings.get(f"{GGUF}token_type") or []
    if not _are_texts(tokens) or len(kinds) not in (0, len(tokens)):
        raise ValueError(f"{path}: its tokenizer lacks tokens, or their kinds.")
    ids = {name: settings.get(f"{GGUF}{name}_token_id") for name in ("bos", "eos", "eot")}
    for name, index in ids.items():
        if index is not None and not (isinstance(index, int) and 0 <= index < len(tokens)):
            raise ValueError(f"{path}: {GGUF}{name}_token_id is {index!r}, which is no token's.")
    begins = settings.get(f"{GGUF}add_bos_token", kind == "llama")
    made = makers[kind](path, settings, tokens, kinds, ids["bos"] if begins else None)
    ends = dict.fromkeys(ids[name] for name in ("eos", "eot"))
    return made, max_length, tuple(index for index in ends if index is not None)


def _of_bytes(
    path: Any, settings: Mapping[str, Any], tokens: list[str], kinds: list[int], begin: int | None
) -> ByteLevelTokenizer:
    words = settings.get(f"{GGUF}pre")
    if words not in WORDS:
        raise ValueError(
            f"{path}: its tokenizer makes words of the kind {words!r}; known are "
            f"{', '.join(map(repr, WORDS))}."
        )
    merges: Any = settings.get(f"{GGUF}merges")
    if not _are_texts(merges):
        raise ValueError(f"{path}: its tokenizer lacks merges.")
    special = [i for i, one in enumerate(kinds) if one in (CONTROL, USER_DEFINED)]
    single_digits, expression, whole = WORDS[words]
    return ByteLevelTokenizer.from_merges(
        tokens, merges, special, single_digits, begin, expression, whole
    )


def _of_characters(
    path: Any, settings: Mapping[str, Any], tokens: list[str], kinds: list[int], begin: int | None
) -> ByteFallbackTokenizer:
    scores: Any = settings.get(f"{GGUF}scores")
    merges: Any = settings.get(f"{GGUF}merges")
    numbers = isinstance(scores, list) and all(isinstance(x, int | float) for x in scores)
    if not numbers or len(scores) != len(tokens) or not (merges is None or _are_texts(merges)):
        raise ValueError(f"{path}: its tokenizer lacks scores of its tokens.")
    kinds = kinds or [NORMAL] * len(tokens)
    pieces = [Piece(*one) for one in zip(tokens, map(float, scores), kinds, strict=True)]
    prefix = bool(settings.get(f"{GGUF}add_space_prefix", True))
    found = Pieces(pieces, b"", BYTE_PAIRS, prefix, joined=False)
    return ByteFallbackTokenizer.from_pieces(str(path), found, begin, merges)


def _are_texts(values: Any) -> TypeGuard[list[str]]:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)
