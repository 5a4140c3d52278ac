"""Tokenizers by byte pairs over bytes (Radford et al. 2019), as most language models have them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .gguf_words import name_of_words
from .tokenizing import (
    GGUF,
    MAX_FILE_BYTES,
    LibraryTokenizer,
    gguf_begin,
    library_errors,
    put_before,
)


class ByteLevelTokenizer(LibraryTokenizer):
    """Text to token ids and back, by byte pairs over bytes.

    Args:
        tokenizer: a `tokenizers.Tokenizer` that holds the vocabulary and the special tokens.
        add_begin: the id that is put before a text; None for none.
    """

    task = "causal_lm"
    parts = {
        "model": ("BPE",),
        "normalizer": ("NoneType", "NFC"),
        "pre_tokenizer": ("ByteLevel", "Sequence", "Digits"),
    }

    @classmethod
    def from_merges(
        cls,
        tokens: Sequence[str],
        merges: Sequence[str],
        special: Sequence[int],
        single_digits: bool = False,
        add_begin: int | None = None,
        expression: str | None = None,
        whole_words: bool = False,
    ) -> ByteLevelTokenizer:
        """Makes one of the parts that a GGUF file has.

        Args:
            tokens: in the order of their ids, bytes by the characters that stand for them.
            merges: pairs, "left right", the first to be made first.
            special: ids of tokens that are no text.
            single_digits: whether each digit is a word.
            add_begin: the id that is put before a text; None for none.
            expression: the regular expression of words; GPT-2's if None.
            whole_words: whether a word that is a token is one, whatever the merges.

        Raises:
            ValueError: a token that occurs twice, or merges that do not fit the tokens.
        """
        from tokenizers import AddedToken, Regex, decoders, models, pre_tokenizers
        from tokenizers import Tokenizer as Library

        vocabulary = {token: index for index, token in enumerate(tokens)}
        if len(vocabulary) != len(tokens):
            raise ValueError("A token of the vocabulary occurs twice.")
        pairs = [tuple(merge.split(" ", 1)) for merge in merges]
        with library_errors("The merges do not fit the vocabulary"):
            made = Library(
                models.BPE(vocabulary, pairs, ignore_merges=whole_words)  # pyright: ignore[reportArgumentType]
            )
        parts: list[Any] = [pre_tokenizers.Digits(individual_digits=True)] if single_digits else []
        if expression is not None:
            parts.append(pre_tokenizers.Split(Regex(expression), behavior="isolated"))
        parts.append(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=expression is None))
        made.pre_tokenizer = pre_tokenizers.Sequence(parts)  # pyright: ignore
        made.decoder = decoders.ByteLevel()
        names = [
            AddedToken(tokens[i], special=True, normalized=False, lstrip=tokens[i] == "<mask>")
            for i in special
        ]
        made.add_special_tokens(names)
        if add_begin is not None:
            put_before(made, tokens[add_begin], add_begin)
        return cls(made)

    @classmethod
    def from_pairs(
        cls,
        vocabulary: Path,
        merges: Path,
        special: Sequence[str],
        add_begin: int | None = None,
    ) -> ByteLevelTokenizer:
        """Reads a `vocab.json` and a `merges.txt`, as GPT-2 and RoBERTa come.

        Args:
            vocabulary: the file of tokens with their ids.
            merges: the file of pairs, a line each, the first to be made first.
            special: names of tokens that are no text, where the vocabulary has them. One called
                `<mask>` takes the space before it.
            add_begin: the id that is put before a text; None for none.

        Raises:
            ValueError: a file is missing or damaged, or they do not fit each other.
        """
        ids, pairs = read_pairs(vocabulary, merges)
        tokens = sorted(ids, key=lambda token: ids[token])
        named = [ids[name] for name in special if name in ids]
        return cls.from_merges(tokens, pairs, named, add_begin=add_begin)

    def gguf_settings(self) -> dict[str, Any]:
        """Returns what a GGUF file says of the tokenizer; reverses `gguf_tokenizers.of_gguf`.

        Raises:
            ValueError: it has no word for the tokenizer, such as one with a normalizer.
        """
        described = json.loads(self._tokenizer.to_str())
        if described.get("normalizer") is not None:
            raise ValueError("A GGUF file has no word for the tokenizer's normalizer.")
        merges = [pair if isinstance(pair, str) else " ".join(pair)
                  for pair in described["model"]["merges"]]  # fmt: skip
        special = {entry["content"] for entry in described["added_tokens"]}
        whole = described["model"].get("ignore_merges") or False
        tokens = self.tokens()
        return {
            f"{GGUF}model": "gpt2",
            f"{GGUF}pre": name_of_words(described["pre_tokenizer"], whole),
            f"{GGUF}tokens": tokens,
            f"{GGUF}token_type": [3 if token in special else 1 for token in tokens],
            f"{GGUF}merges": merges,
            **gguf_begin(self.begin),
        }


def end_ids(*configs: Mapping[str, Any]) -> tuple[int, ...]:
    """Returns the ids that end a text, by the first of parsed config files that names any."""
    for config in configs:
        found = config.get("eos_token_id")
        if isinstance(found, int):
            return (found,)
        if isinstance(found, list) and found and all(isinstance(i, int) for i in found):
            return tuple(found)
    return ()


def read_pairs(vocabulary: Path, merges: Path) -> tuple[dict[str, int], list[str]]:
    """Reads a `vocab.json` (token -> id) and a `merges.txt` (pairs, "left right", in order).

    Raises:
        ValueError: a file is missing, too large or damaged.
    """
    ids = _vocabulary(vocabulary)
    if not merges.is_file() or merges.stat().st_size > MAX_FILE_BYTES:
        raise ValueError(f"{merges}: a file of at most {MAX_FILE_BYTES} bytes is expected.")
    lines = merges.read_text(encoding="utf-8").split("\n")
    pairs = [line for line in lines if line.strip() and not line.startswith("#version")]
    if bad := next((line for line in pairs if line.count(" ") != 1), None):
        raise ValueError(f"{merges}: a line of two tokens is expected; got {bad!r:.60}.")
    return ids, pairs


def _vocabulary(path: Path) -> dict[str, int]:
    """Reads a `vocab.json`: token -> id. ValueError if it is missing, too large or damaged."""
    if not path.is_file():
        raise ValueError(f"{path}: no such file.")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ValueError(f"{path}: a vocabulary has at most {MAX_FILE_BYTES} bytes.")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: a JSON object in UTF-8 is expected: {error}") from error
    ids = [*found.values()] if isinstance(found, dict) else [-1]
    if not all(isinstance(index, int) for index in ids) or sorted(ids) != [*range(len(ids))]:
        raise ValueError(f"{path}: expected an object of tokens, whose ids are 0, 1, 2, ….")
    return found
