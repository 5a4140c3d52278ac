"""Tokenizers of SentencePiece's pieces, computed by the library `tokenizers`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .sentencepiece import BYTE, UNIGRAM, USER_DEFINED, Pieces
from .tokenizing import library_errors

SPACE = "\u2581"


def unigram_of(
    path: Path,
    found: Pieces,
    scores: Sequence[tuple[str, float]],
    unknown: int,
    special: Sequence[str],
) -> Any:
    """Returns a `tokenizers.Tokenizer` that cuts texts by the likelihood of pieces (Kudo 2018).

    Args:
        path: of the file, for errors.
        found: what it holds.
        scores: all tokens with their log-probabilities, in the order of their ids.
        unknown: the id of unknown text.
        special: tokens that are no text.

    Raises:
        ValueError: texts are cut in another way, or the table of characters is damaged.
    """
    from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers
    from tokenizers import Tokenizer as Library

    if found.kind != UNIGRAM or any(piece.kind == BYTE for piece in found.pieces):
        raise ValueError(
            f"{path}: it cuts texts in another way than by the likelihood of pieces (Unigram)."
        )
    made = Library(models.Unigram(list(scores), unk_id=unknown, byte_fallback=False))
    if found.characters:
        with library_errors(f"{path}: its table of characters is damaged"):
            made.normalizer = normalizers.Precompiled(found.characters)
            made.normalizer.normalize_str("a \u00e9\ufb01\u4e2d")
    space: dict[str, Any] = {"replacement": SPACE, "prepend_scheme": "always"}
    parts: list[Any] = [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(**space)]
    made.pre_tokenizer = pre_tokenizers.Sequence(parts)  # pyright: ignore
    made.decoder = decoders.Metaspace(**space)  # pyright: ignore
    made.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in special])
    own = [piece.text for piece in found.pieces if piece.kind == USER_DEFINED]
    made.add_tokens([AddedToken(text, normalized=False) for text in own])
    return made
