"""RoBERTa's tokenizer: byte pairs over bytes, between <s> and </s>."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from ..byte_level import ByteLevelTokenizer
from ..pairs import Located
from ..tokenizing import LibraryTokenizer

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")


class BetweenMarks(LibraryTokenizer):
    """Text to ids and back, between <s> and </s>; a second text stands behind </s> </s>.

    Args:
        tokenizer: a `tokenizers.Tokenizer` whose vocabulary has the tokens of `SPECIAL`.
        add_begin: nothing else may be put before a text: None.

    Raises:
        ValueError: a special token is missing.
    """

    task = "text_embedder"
    mask_token = "<mask>"
    has_segments = False
    # Whether tokens are bytes, of which some are spaces, and offsets leave these out.
    trims_offsets: ClassVar[bool] = False

    def __init__(self, tokenizer: Any, add_begin: int | None = None) -> None:
        from tokenizers.processors import RobertaProcessing

        ids = {name: tokenizer.token_to_id(name) for name in SPECIAL}
        missing = [name for name, index in ids.items() if index is None]
        if missing:
            raise ValueError(f"Not a RoBERTa vocabulary: it has no token {', '.join(missing)}.")
        self.cls_id, self.pad_id, self.sep_id, self.unknown_id, self.mask_id = ids.values()
        tokenizer.post_processor = RobertaProcessing(
            ("</s>", self.sep_id),
            ("<s>", self.cls_id),
            trim_offsets=self.trims_offsets,
            add_prefix_space=False,
        )
        super().__init__(tokenizer, add_begin)

    def encode_all(self, texts: Sequence[str]) -> list[list[int]]:
        """Returns the ids of each text, between <s> and </s>."""
        return [found.ids for found in self._tokenizer.encode_batch_fast(list(texts))]

    def pair(self, first: Sequence[int], second: Sequence[int]) -> tuple[list[int], list[int]]:
        """Returns <s> first </s> </s> second </s>, and zeros: segments are not told apart."""
        end = self.sep_id
        ids = [self.cls_id, *first, end, end, *second, end]
        return ids, [0] * len(ids)

    def located(self, text: str) -> Located:
        """Returns the ids of a text without special tokens, and where each stands in it.

        Words are what white space parts.
        """
        found = self._tokenizer.encode(text, add_special_tokens=False)
        begins = [
            start == 0 or text[start - 1 : start].isspace() or text[start : start + 1].isspace()
            for start, _ in found.offsets
        ]
        return Located(found.ids, found.offsets, begins)

    def token(self, index: int) -> str:
        """Returns what a token says, with the space before a word; "" for an id that has none."""
        return self.decode([index], skip_special_tokens=False)


class RobertaTokenizer(BetweenMarks, ByteLevelTokenizer):
    """Text to ids and back, by byte pairs over bytes, between <s> and </s>.

    Args:
        tokenizer: a `tokenizers.Tokenizer` with byte pairs over bytes.
        add_begin: nothing else may be put before a text: None.

    Raises:
        ValueError: a special token is missing.
    """

    task = "text_embedder"
    trims_offsets = True

    @classmethod
    def from_files(
        cls, files: Mapping[str, Path], settings: Mapping[str, Any], config: Mapping[str, Any]
    ) -> RobertaTokenizer:
        """Makes it from a preset's `tokenizer.json`, else its `vocab.json` and `merges.txt`.

        ValueError when they are not there, or damaged. `settings` and `config` say nothing of it.
        """
        if "tokenizer.json" in files:
            found = cls.from_file(files["tokenizer.json"])
        elif "vocab.json" in files and "merges.txt" in files:
            found = cls.from_pairs(files["vocab.json"], files["merges.txt"], SPECIAL)
        else:
            raise ValueError(
                "There is no tokenizer: tokenizer.json, or vocab.json with merges.txt, is needed."
            )
        assert isinstance(found, cls)
        return found
