"""CLIP's tokenizer: byte pairs over the bytes of words in small letters."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...framework.files import write_atomically
from ...hub.bases import Tokenizer
from ...hub.loading import read_json
from ...nlp.byte_level import read_pairs
from ...nlp.text import check_texts

START, END = "<|startoftext|>", "<|endoftext|>"
# Definition: `CLIPTokenizer` of transformers. English endings, words, single digits, other signs.
_WORDS = (
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
)
FILES = (
    "tokenizer.json",
    "vocab.json",
    "merges.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
)


class CLIPTokenizer(Tokenizer):
    """Text to token ids and back; all letters become small.

    Args:
        vocabulary: token -> id.
        merges: pairs, "left right", the first to be made first.
        pad_token: what fills up short texts; `<|endoftext|>` unless given.
        max_length: most tokens of a text, those of its start and its end included.

    Raises:
        ValueError: a token that marks start, end or padding is not in the vocabulary, or the merges
            do not fit it.
    """

    task = "zero_shot_image_classifier"

    def __init__(
        self,
        vocabulary: Mapping[str, int],
        merges: Sequence[str],
        pad_token: str = END,
        max_length: int = 77,
    ) -> None:
        from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers
        from tokenizers import Tokenizer as Library

        missing = [token for token in (START, END, pad_token) if token not in vocabulary]
        if missing:
            raise ValueError(f"Not a CLIP vocabulary: it has no token {', '.join(missing)}.")
        pairs: Any = [tuple(merge.split(" ", 1)) for merge in merges]
        try:
            model = models.BPE(dict(vocabulary), pairs, unk_token=END, end_of_word_suffix="</w>")
        except Exception as error:  # the library raises bare Exception
            raise ValueError(f"The merges do not fit the vocabulary: {error}") from error
        made = Library(model)
        spaces = normalizers.Replace(Regex(r"\s+"), " ")
        made.normalizer = normalizers.Sequence(  # pyright: ignore[reportAttributeAccessIssue]
            [normalizers.NFC(), spaces, normalizers.Lowercase()]
        )
        made.pre_tokenizer = pre_tokenizers.Sequence(  # pyright: ignore[reportAttributeAccessIssue]
            [
                pre_tokenizers.Split(Regex(_WORDS), "removed", invert=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False),
            ]
        )
        made.decoder = decoders.ByteLevel()  # pyright: ignore[reportAttributeAccessIssue]
        self._tokenizer = made
        self.vocabulary, self.merges = dict(vocabulary), list(merges)
        self.pad_token, self.max_length = pad_token, max_length
        self.start_id, self.end_id = vocabulary[START], vocabulary[END]
        self.pad_id = vocabulary[pad_token]

    @classmethod
    def from_files(
        cls, files: Mapping[str, Path], max_length: int = 77, folder: str = ""
    ) -> CLIPTokenizer:
        """Makes it from a preset's `vocab.json` and `merges.txt`, else its `tokenizer.json`.

        Of `tokenizer.json` the vocabulary and the merges are taken alone: how texts are cut to
        words is CLIP's own way.

        Args:
            files: name -> path.
            max_length: most tokens of a text.
            folder: where the names of the files begin with a folder, such as "tokenizer/".

        Raises:
            ValueError: they are not there, or damaged.
        """
        vocabulary, merges, whole = (
            files.get(f"{folder}{name}") for name in ("vocab.json", "merges.txt", "tokenizer.json")
        )
        if vocabulary is not None and merges is not None:
            ids, pairs = read_pairs(vocabulary, merges)
        elif whole is not None:
            ids, pairs = _of_tokenizer_json(whole)
        else:
            raise ValueError(
                f"There is no tokenizer: {folder}vocab.json with {folder}merges.txt, or "
                f"{folder}tokenizer.json, is needed."
            )
        return cls(ids, pairs, _pad_token(files, folder), max_length)

    @property
    def vocabulary_size(self) -> int:
        """One more than the highest id."""
        return 1 + max(self.vocabulary.values())

    def encode(self, text: str) -> list[int]:
        """Returns the ids of a text, without those of its start and its end."""
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def decode(self, ids: Sequence[int]) -> str:
        """Returns the text of ids up to the mark of its end, in small letters."""
        found = [*map(int, ids)]
        found = found[: found.index(self.end_id)] if self.end_id in found else found
        kept = found[1:] if found[:1] == [self.start_id] else found
        return self._tokenizer.decode(kept).replace("</w>", " ").strip()

    def batch(self, texts: Any, truncate: bool = False) -> list[list[int]]:
        """Returns the ids of texts, each between the marks of start and end, filled up to one size.

        Args:
            texts: n texts, or one.
            truncate: whether texts that are too long are cut.

        Returns:
            n rows of `max_length` ids.

        Raises:
            TypeError: something that is no text.
            ValueError: there is no text, or one is too long and `truncate` is false.
        """
        rows = []
        for number, text in enumerate(check_texts(texts)):
            ids, room = self.encode(text), self.max_length - 2
            if len(ids) > room and not truncate:
                kept = self.decode(ids[:room])
                raise ValueError(
                    f"Text {number} has {len(ids) + 2} tokens, start and end included, and this "
                    f"model takes at most {self.max_length}: it would be cut behind "
                    f"{kept[-40:]!r}. Shorten it, or pass truncate=True to have it cut."
                )
            row = [self.start_id, *ids[:room], self.end_id]
            rows.append(row + [self.pad_id] * (self.max_length - len(row)))
        return rows

    def save(self, folder: Path) -> list[Path]:
        """Writes vocab.json, merges.txt and tokenizer_config.json; returns their paths."""
        about = {
            "tokenizer_class": "CLIPTokenizer",
            "bos_token": START,
            "eos_token": END,
            "unk_token": END,
            "pad_token": self.pad_token,
            "model_max_length": self.max_length,
        }
        contents = {
            "vocab.json": json.dumps(self.vocabulary, ensure_ascii=False),
            "merges.txt": "\n".join(["#version: 0.2", *self.merges, ""]),
            "tokenizer_config.json": json.dumps(about, indent=2) + "\n",
        }
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            write_atomically(folder / name, content.encode())
        return [folder / name for name in contents]


def _of_tokenizer_json(path: Path) -> tuple[dict[str, int], list[str]]:
    """Returns vocabulary and merges of a `tokenizer.json`. ValueError where it is another kind."""
    try:
        model = read_json(path, path.name)["model"]
        kind = model.get("type", "BPE"), model.get("end_of_word_suffix")
        vocabulary, merges = model["vocab"], model["merges"]
    except (KeyError, AttributeError, TypeError) as error:
        raise ValueError(f"{path}: it has no `model` with `vocab` and `merges`.") from error
    if kind != ("BPE", "</w>"):
        raise ValueError(f"{path}: byte pairs with words that end in </w> are expected.")
    pairs = [pair if isinstance(pair, str) else " ".join(map(str, pair)) for pair in merges]
    if not isinstance(vocabulary, dict) or not all(type(i) is int for i in vocabulary.values()):
        raise ValueError(f"{path}: `vocab` must be an object of tokens and their ids.")
    return vocabulary, pairs


def _pad_token(files: Mapping[str, Path], folder: str) -> str:
    """Returns what fills up texts, by the files that tell of special tokens."""
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        if (path := files.get(f"{folder}{name}")) is None:
            continue
        found = read_json(path, name).get("pad_token")
        found = found.get("content") if isinstance(found, dict) else found
        if isinstance(found, str):
            return found
    return END
