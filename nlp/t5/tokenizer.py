"""T5's tokenizer: the likeliest cut of a text into pieces (Kudo 2018, arXiv:1804.10959)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..pieces import unigram_of
from ..sentencepiece import CONTROL, UNKNOWN, read_pieces
from ..tokenizing import LibraryTokenizer

# Tokens that stand for gaps in texts; files of pieces leave them out.
_GAPS = 100


class T5Tokenizer(LibraryTokenizer):
    """Text to ids and back, by pieces; `</s>` ends a text.

    Args:
        tokenizer: a `tokenizers.Tokenizer` with a Unigram model.
        add_begin: the id that is put before a text; None for none.
    """

    task = "seq2seq_lm"
    parts = {
        "model": ("Unigram",),
        "normalizer": ("NoneType", "Precompiled", "Sequence"),
        "pre_tokenizer": ("Metaspace", "Sequence"),
    }

    @classmethod
    def from_files(cls, files: Mapping[str, Path]) -> T5Tokenizer:
        """Makes it from a preset's `tokenizer.json`, else its `spiece.model`.

        Raises:
            ValueError: neither is there, or it is damaged.
        """
        if "tokenizer.json" in files:
            return cls.from_file(files["tokenizer.json"])
        if "spiece.model" in files:
            return cls.from_pieces(files["spiece.model"])
        raise ValueError("There is no tokenizer: tokenizer.json or spiece.model is needed.")

    @classmethod
    def from_pieces(cls, path: Path, gaps: int = _GAPS) -> T5Tokenizer:
        """Reads a `spiece.model`, and adds tokens `<extra_id_99>` … `<extra_id_0>` behind.

        Args:
            path: the file.
            gaps: how many tokens are added.

        Raises:
            ValueError: it is damaged, or texts are not cut by the likelihood of pieces.
        """
        from tokenizers.processors import TemplateProcessing

        found = read_pieces(path)
        unknown = next((i for i, piece in enumerate(found.pieces) if piece.kind == UNKNOWN), None)
        end = next((i for i, piece in enumerate(found.pieces) if piece.text == "</s>"), None)
        if unknown is None or end is None:
            raise ValueError(f"{path}: it has no token for unknown text, or no </s>.")
        added = [f"<extra_id_{number}>" for number in reversed(range(gaps))]
        scores = [(piece.text, piece.score) for piece in found.pieces]
        scores += [(text, 0.0) for text in added]
        special = [piece.text for piece in found.pieces if piece.kind in (CONTROL, UNKNOWN)]
        made = unigram_of(path, found, scores, unknown, (*special, *added))
        made.post_processor = TemplateProcessing(single="$A </s>", special_tokens=[("</s>", end)])
        return cls(made)
