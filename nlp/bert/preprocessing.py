"""BERT's tokenizer (WordPiece), and texts made into the network's inputs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...hub.bases import Preprocessor, Tokenizer
from ..pairs import Located, check_pairs, joined
from ..text import check_texts, pad_rows
from ..tokenizing import MAX_FILE_BYTES, read_library

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


class BertTokenizer(Tokenizer):
    """Text to WordPiece ids and back.

    As in BERT's own tokenizer, the name of a special token that is written in a text, such as
    `[MASK]`, stands for that token.

    Args:
        tokenizer: a `tokenizers.Tokenizer` with a WordPiece model.

    Raises:
        ValueError: it is not made of BERT's parts, or a special token is missing.
    """

    mask_token = "[MASK]"
    has_segments = True

    def __init__(self, tokenizer: Any) -> None:
        from tokenizers.processors import BertProcessing

        _check_parts(tokenizer)
        ids = {name: tokenizer.token_to_id(name) for name in SPECIAL}
        missing = [name for name, index in ids.items() if index is None]
        if missing:
            raise ValueError(f"Not a BERT vocabulary: it has no token {', '.join(missing)}.")
        self.pad_id, self.unknown_id, self.cls_id, self.sep_id, self.mask_id = ids.values()
        # A file can carry lengths that its author happened to use.
        tokenizer.no_truncation()
        tokenizer.no_padding()
        tokenizer.post_processor = BertProcessing(("[SEP]", self.sep_id), ("[CLS]", self.cls_id))
        self._tokenizer = tokenizer

    @classmethod
    def from_file(cls, path: str | os.PathLike) -> BertTokenizer:
        """Reads a `tokenizer.json`. ValueError if it is missing, or is not BERT's."""
        tokenizer = read_library(path)
        try:
            return cls(tokenizer)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    @classmethod
    def from_vocabulary(
        cls,
        path: str | os.PathLike,
        lowercase: bool = True,
        strip_accents: bool | None = None,
        split_chinese: bool = True,
    ) -> BertTokenizer:
        """Reads a `vocab.txt`: one token a line, the line's number its id.

        Args:
            path: the file.
            lowercase: whether texts are made lower case.
            strip_accents: whether accents are taken off; if None, they are where `lowercase`.
            split_chinese: whether each Chinese character is a word.

        Raises:
            ValueError: it is missing, not UTF-8, has a token twice, or lacks a special token.
        """
        from tokenizers import Tokenizer as Library
        from tokenizers import decoders, models, normalizers, pre_tokenizers

        path = _checked(path)
        try:
            tokens = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}: a vocabulary in UTF-8 is expected: {error}") from error
        vocabulary = {token.rstrip("\r"): index for index, token in enumerate(tokens)}
        if len(vocabulary) != len(tokens):
            raise ValueError(f"{path}: a token occurs twice, so ids are not line numbers.")
        missing = [name for name in SPECIAL if name not in vocabulary]
        if missing:
            raise ValueError(f"{path}: not a BERT vocabulary: it lacks {', '.join(missing)}.")
        tokenizer = Library(models.WordPiece(vocabulary, unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer(
            handle_chinese_chars=split_chinese, strip_accents=strip_accents, lowercase=lowercase
        )
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.decoder = decoders.WordPiece()
        tokenizer.add_special_tokens(list(SPECIAL))
        return cls(tokenizer)

    @classmethod
    def from_files(
        cls, files: Mapping[str, Path], settings: Mapping[str, Any], config: Mapping[str, Any]
    ) -> BertTokenizer:
        """Makes it from a preset's `tokenizer.json`, else its `vocab.txt` and the settings.

        `config` is tokenizer_config.json as parsed, or empty; settings overrule it. ValueError
        when neither file is there, or one is damaged.
        """
        if "tokenizer.json" in files:
            return cls.from_file(files["tokenizer.json"])
        if "vocab.txt" not in files:
            raise ValueError("There is no tokenizer: tokenizer.json or vocab.txt is needed.")
        return cls.from_vocabulary(
            files["vocab.txt"],
            lowercase=bool(settings.get("lowercase", config.get("do_lower_case", True))),
            strip_accents=settings.get("strip_accents", config.get("strip_accents")),
            split_chinese=bool(config.get("tokenize_chinese_chars", True)),
        )

    def described(self) -> str:
        """Returns what the library writes in a `tokenizer.json`."""
        return self._tokenizer.to_str()

    def settings(self) -> dict[str, Any]:
        """Returns what transformers' `tokenizer_config.json` says of the normalizer.

        Its class takes that from there, and not from `tokenizer.json`.
        """
        normalizer = json.loads(self.described()).get("normalizer") or {}
        return {
            "tokenizer_class": "BertTokenizer",
            "do_lower_case": bool(normalizer.get("lowercase")),
            "strip_accents": normalizer.get("strip_accents"),
            "tokenize_chinese_chars": bool(normalizer.get("handle_chinese_chars", True)),
        }

    @property
    def vocabulary_size(self) -> int:
        """One more than the highest id."""
        return 1 + max(self._tokenizer.get_vocab(True).values())

    def encode(self, text: str) -> list[int]:
        """Returns the ids of a text, between [CLS] and [SEP]."""
        return self._tokenizer.encode(text).ids

    def encode_all(self, texts: Sequence[str]) -> list[list[int]]:
        """Returns the ids of each text, between [CLS] and [SEP]."""
        if len(texts) == 1:
            return [self.encode(texts[0])]
        return [found.ids for found in self._tokenizer.encode_batch_fast(texts)]

    def pair(self, first: Sequence[int], second: Sequence[int]) -> tuple[list[int], list[int]]:
        """Returns [CLS] first [SEP] second [SEP], and the segment (0 or 1) of each token."""
        ids = [self.cls_id, *first, self.sep_id, *second, self.sep_id]
        return ids, [0] * (len(first) + 2) + [1] * (len(second) + 1)

    def located(self, text: str) -> Located:
        """Returns the ids of a text without special tokens, and where each stands in it."""
        found = self._tokenizer.encode(text, add_special_tokens=False)
        words = found.word_ids
        begins = [i == 0 or words[i] != words[i - 1] for i in range(len(words))]
        return Located(found.ids, found.offsets, begins)

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = True) -> str:
        """Returns the text of ids: words joined by spaces, in the case that the vocabulary has."""
        return self._tokenizer.decode(list(map(int, ids)), skip_special_tokens=skip_special_tokens)

    def token(self, index: int) -> str:
        """Returns the token of an id; "" for an id that has none."""
        return self._tokenizer.id_to_token(index) or ""


class BertPreprocessor(Preprocessor):
    """Texts to `token_ids` and `padding_mask`.

    Args:
        tokenizer: the tokenizer.
        max_length: most tokens of a text, [CLS] and [SEP] included.
        truncate: whether a longer text is cut; else it is an error.
    """

    task = "backbone"

    def __init__(self, tokenizer: Any, max_length: int, truncate: bool = False) -> None:
        if max_length < 2:
            raise ValueError(f"max_length must leave room for [CLS] and [SEP]; got {max_length}.")
        self.tokenizer, self.max_length, self.truncate = tokenizer, max_length, truncate

    def encode(self, texts: Any, truncate: bool | None = None) -> list[list[int]]:
        """Returns the ids of each text.

        Args:
            texts: n texts, or one.
            truncate: whether a longer text is cut; as the preprocessor was made if None.

        Raises:
            TypeError: something that is no text.
            ValueError: no texts, or one that is too long and not to be cut.
        """
        rows = self.tokenizer.encode_all(check_texts(texts))
        cut = self.truncate if truncate is None else truncate
        for number, row in enumerate(rows):
            if len(row) > self.max_length:
                if not cut:
                    raise ValueError(
                        f"Text {number} has {len(row)} tokens, [CLS] and [SEP] included, and this "
                        f"model takes at most {self.max_length}. Split it, or pass truncate=True "
                        "to use its beginning alone."
                    )
                rows[number] = [*row[: self.max_length - 1], self.tokenizer.sep_id]
        return rows

    def pad(
        self,
        rows: Sequence[Sequence[int]],
        rounded: bool = False,
        even_lengths: bool = False,
        segments: Sequence[Sequence[int]] | None = None,
    ) -> dict[str, np.ndarray]:
        """Returns the network's inputs: `token_ids`, int32, and `padding_mask`, bool, (n, length).

        With `rounded`, n and length are rounded up so that few shapes occur, with `even_lengths`
        the length alone; see `text.pad_rows`. With `segments`, a row for each of `rows`, there are
        `segment_ids` too, int32 (n, length), where the tokenizer's model tells segments apart.
        """
        pad_id = self.tokenizer.pad_id
        ids, mask = pad_rows(rows, pad_id, self.max_length, rounded, even_lengths)
        inputs = {"token_ids": ids, "padding_mask": mask}
        if segments is not None and self.tokenizer.has_segments:
            parts = np.zeros(ids.shape, np.int32)
            for number, row in enumerate(segments):
                parts[number, : len(row)] = row
            inputs["segment_ids"] = parts
        return inputs

    def encode_pairs(
        self, pairs: Any, truncate: bool | None = None
    ) -> tuple[list[list[int]], list[list[int]]]:
        """Returns the ids of each pair of texts, and the segments of its tokens.

        Args:
            pairs: n pairs of texts.
            truncate: whether the second text of a longer pair is cut; as the preprocessor was made
                if None.

        Raises:
            TypeError: something that is no pair of texts.
            ValueError: no pairs, or one that is too long.
        """
        cut = self.truncate if truncate is None else truncate
        found = []
        for number, texts in enumerate(check_pairs(pairs)):
            first, second = (self.tokenizer.located(text).ids for text in texts)
            found.append(joined(self.tokenizer, first, second, self.max_length, cut, number))
        return [ids for ids, _ in found], [segments for _, segments in found]

    def __call__(self, inputs: Any, truncate: bool | None = None) -> dict[str, np.ndarray]:
        """`encode`, then `pad` to the longest."""
        return self.pad(self.encode(inputs, truncate))


class BertTextEmbedderPreprocessor(BertPreprocessor):
    """The preprocessor of BertTextEmbedder."""

    task = "text_embedder"


class BertMaskedLMPreprocessor(BertPreprocessor):
    """The preprocessor of BertMaskedLM."""

    task = "masked_lm"


class BertTextClassifierPreprocessor(BertPreprocessor):
    """The preprocessor of BertTextClassifier.

    Args:
        tokenizer: the tokenizer.
        max_length: most tokens of a text, [CLS] and [SEP] included.
        truncate: whether a longer text is cut; else it is an error.
        labels: the names of the classes.
    """

    task = "text_classifier"

    def __init__(
        self,
        tokenizer: Any,
        max_length: int,
        truncate: bool = False,
        labels: Sequence[str] | None = None,
    ) -> None:
        super().__init__(tokenizer, max_length, truncate)
        self.labels = labels


class BertTokenClassifierPreprocessor(BertTextClassifierPreprocessor):
    """The preprocessor of BertTokenClassifier; its labels are those of tokens."""

    task = "token_classifier"


class BertQuestionAnswererPreprocessor(BertPreprocessor):
    """The preprocessor of BertQuestionAnswerer."""

    task = "question_answerer"


class BertRerankerPreprocessor(BertPreprocessor):
    """The preprocessor of BertReranker."""

    task = "reranker"


def _checked(path: str | os.PathLike) -> Path:
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: no such file.")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ValueError(f"{path}: a tokenizer has at most {MAX_FILE_BYTES} bytes.")
    return path


def _check_parts(tokenizer: Any) -> None:
    """Files may ask for other parts, with regular expressions of their own: none of these."""
    for part, name in (
        ("model", "WordPiece"),
        ("normalizer", "BertNormalizer"),
        ("pre_tokenizer", "BertPreTokenizer"),
    ):
        found = type(getattr(tokenizer, part)).__name__
        if found != name:
            raise ValueError(f"not a BERT tokenizer: its {part} is {found}, not {name}.")
