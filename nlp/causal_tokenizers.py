"""The tokenizers of models that write on from a text, by the files that they come with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .byte_fallback import ByteFallbackTokenizer
from .byte_level import ByteLevelTokenizer
from .tokenizing import read_library

Tokenizer = ByteLevelTokenizer | ByteFallbackTokenizer


def tokenizer_of(
    files: Mapping[str, Path],
    json: Mapping[str, Mapping[str, Any]],
    begin: int | None,
    special: Sequence[str],
) -> Tokenizer | None:
    """Returns the tokenizer of a preset's files; None where none of them is one's.

    Args:
        files: name -> path. `tokenizer.json` comes first, then `tokenizer.model`, then `vocab.json`
            with `merges.txt`.
        json: name -> parsed file.
        begin: the id that is put before a text, where the files do not tell.
        special: names of tokens that are no text, for `vocab.json`.

    Raises:
        ValueError: a damaged file, or one of another kind.
    """
    if (path := files.get("tokenizer.json")) is not None:
        made = read_library(path)
        of_characters = type(made.pre_tokenizer).__name__ in ("NoneType", "Metaspace")
        kind = ByteFallbackTokenizer if of_characters else ByteLevelTokenizer
        return kind.of_library(path, made, begin)
    if (path := files.get("tokenizer.model")) is not None:
        return ByteFallbackTokenizer.from_file_of_pieces(path, _begin_of_pieces(json))
    if "vocab.json" in files and "merges.txt" in files:
        pair = files["vocab.json"], files["merges.txt"]
        return ByteLevelTokenizer.from_pairs(*pair, special, begin)
    return None


def _begin_of_pieces(json: Mapping[str, Mapping[str, Any]]) -> int | None:
    """The id before a text, which Llama's files of pieces leave to the files beside them."""
    if not json.get("tokenizer_config.json", {}).get("add_bos_token", True):
        return None
    begin = json.get("config.json", {}).get("bos_token_id", 1)
    return begin if isinstance(begin, int) else None
