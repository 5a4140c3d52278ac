"""XLM-RoBERTa's tokenizer: the likeliest cut of a text into pieces, between <s> and </s>."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..pieces import unigram_of
from ..roberta.tokenizer import BetweenMarks
from ..sentencepiece import read_pieces

# The ids before the pieces of a file, whose own <unk>, <s> and </s>, the first three, are left out.
_FIRST = ("<s>", "<pad>", "</s>", "<unk>")
_LEFT_OUT = ("<unk>", "<s>", "</s>")


class XLMRobertaTokenizer(BetweenMarks):
    """Text to ids and back, by pieces, between <s> and </s>.

    Args:
        tokenizer: a `tokenizers.Tokenizer` with a Unigram model.
        add_begin: nothing else may be put before a text: None.

    Raises:
        ValueError: a special token is missing.
    """

    parts = {
        "model": ("Unigram",),
        "normalizer": ("NoneType", "Precompiled", "Sequence"),
        "pre_tokenizer": ("Metaspace", "Sequence"),
    }

    @classmethod
    def from_files(
        cls, files: Mapping[str, Path], settings: Mapping[str, Any], config: Mapping[str, Any]
    ) -> XLMRobertaTokenizer:
        """Makes it from a preset's `tokenizer.json`, else its `sentencepiece.bpe.model`.

        ValueError when they are not there, or damaged. `settings` and `config` say nothing of it.
        """
        if "tokenizer.json" in files:
            return cls.from_file(files["tokenizer.json"])
        if "sentencepiece.bpe.model" in files:
            return cls.from_pieces(files["sentencepiece.bpe.model"])
        raise ValueError(
            "There is no tokenizer: tokenizer.json or sentencepiece.bpe.model is needed."
        )

    @classmethod
    def from_pieces(cls, path: Path) -> XLMRobertaTokenizer:
        """Reads a `sentencepiece.bpe.model`, whose pieces have the ids from 4 on, and <mask> last.

        Raises:
            ValueError: it is damaged, or texts are not cut by the likelihood of pieces.
        """
        found = read_pieces(path)
        begun = tuple(piece.text for piece in found.pieces[: len(_LEFT_OUT)])
        if begun != _LEFT_OUT:
            raise ValueError(
                f"{path}: its first tokens are {begun}; those of XLM-RoBERTa are {_LEFT_OUT}."
            )
        scores = [(name, 0.0) for name in _FIRST]
        scores += [(piece.text, piece.score) for piece in found.pieces[len(_LEFT_OUT) :]]
        scores.append(("<mask>", 0.0))
        return cls(unigram_of(path, found, scores, _FIRST.index("<unk>"), (*_FIRST, "<mask>")))
