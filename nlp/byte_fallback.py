"""Tokenizers by byte pairs over characters, as Llama 2, TinyLlama and Mistral have them.

What the vocabulary lacks is written as the bytes of its characters, a token each. Definition:
SentencePiece's BPE (github.com/google/sentencepiece): of the neighbours that make a piece together,
those of the highest score are joined first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .pieces import SPACE
from .sentencepiece import (
    BYTE,
    BYTE_PAIRS,
    CONTROL,
    NORMAL,
    UNKNOWN,
    USER_DEFINED,
    Piece,
    Pieces,
    read_pieces,
)
from .tokenizing import GGUF, LibraryTokenizer, gguf_begin, library_errors, put_before
from .word_patterns import SPACES


class ByteFallbackTokenizer(LibraryTokenizer):
    """Text to token ids and back, by byte pairs over characters, and bytes for unknown ones.

    Args:
        tokenizer: a `tokenizers.Tokenizer` that holds the vocabulary and the special tokens.
        add_begin: the id that is put before a text; None for none.
    """

    task = "causal_lm"
    parts = {
        "model": ("BPE",),
        "normalizer": ("NoneType", "Sequence", "Prepend", "Replace"),
        "pre_tokenizer": ("NoneType", "Metaspace"),
    }

    @classmethod
    def from_file_of_pieces(cls, path: Path, add_begin: int | None = None) -> ByteFallbackTokenizer:
        """Reads a `tokenizer.model`.

        Args:
            path: the file.
            add_begin: the id that is put before a text; None for none.

        Raises:
            ValueError: it is damaged, or texts are not cut by byte pairs.
        """
        return cls.from_pieces(str(path), read_pieces(path), add_begin)

    @classmethod
    def from_pieces(
        cls,
        path: str,
        found: Pieces,
        add_begin: int | None = None,
        merges: Sequence[str] | None = None,
    ) -> ByteFallbackTokenizer:
        """Makes one of pieces with their scores.

        Args:
            path: where they come from, for errors.
            found: the pieces, in the order of their ids.
            add_begin: the id that is put before a text; None for none.
            merges: pairs, "left right", the first to be made first; by the scores if None.

        Raises:
            ValueError: a piece that occurs twice, or texts are not cut by byte pairs.
        """
        from tokenizers import AddedToken, Regex, decoders, models, normalizers
        from tokenizers import Tokenizer as Library

        if found.kind != BYTE_PAIRS:
            raise ValueError(f"{path}: it cuts texts in another way than by byte pairs (BPE).")
        vocabulary = {piece.text: index for index, piece in enumerate(found.pieces)}
        if len(vocabulary) != len(found.pieces):
            raise ValueError(f"{path}: a piece of the vocabulary occurs twice.")
        pairs = (
            _pairs(found.pieces)
            if merges is None
            else [(left, right) for left, _, right in (merge.partition(" ") for merge in merges)]
        )
        kinds = {piece.kind for piece in found.pieces}
        unknown = next((piece.text for piece in found.pieces if piece.kind == UNKNOWN), None)
        with library_errors(f"{path}: the merges do not fit the vocabulary"):
            made = Library(
                models.BPE(
                    vocabulary,
                    pairs,
                    unk_token=unknown,
                    fuse_unk=True,
                    byte_fallback=BYTE in kinds,
                )
            )
        steps: list[Any] = []
        if found.characters:
            with library_errors(f"{path}: its table of characters is damaged"):
                steps.append(normalizers.Precompiled(found.characters))
                steps[0].normalize_str("a \u00e9\ufb01\u4e2d")
        if found.joined:
            steps += [normalizers.Strip(), normalizers.Replace(Regex(SPACES), " ")]
        if found.prefix:
            steps.append(normalizers.Prepend(SPACE))
        steps.append(normalizers.Replace(" ", SPACE))
        made.normalizer = normalizers.Sequence(steps)  # pyright: ignore[reportAttributeAccessIssue]
        told: list[Any] = [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
        if found.prefix:
            told.append(decoders.Strip(" ", 1, 0))
        made.decoder = decoders.Sequence(told)  # pyright: ignore[reportAttributeAccessIssue]
        for chosen, special in (((CONTROL, UNKNOWN), True), ((USER_DEFINED,), False)):
            names = [piece.text for piece in found.pieces if piece.kind in chosen]
            add = made.add_special_tokens if special else made.add_tokens
            add([AddedToken(name, special=special, normalized=False) for name in names])
        if add_begin is not None:
            put_before(made, found.pieces[add_begin].text, add_begin)
        return cls(made)

    def decode_behind(self, ids: Sequence[int]) -> str:
        """Returns the text of ids that go on from a text, with the space that they begin with.

        At the beginning of a text a space is taken off, which stands for none: a token of a space
        is put there.
        """
        space = self.id_of(SPACE)
        return self.decode(ids if space is None else [space, *ids])

    def gguf_settings(self) -> dict[str, Any]:
        """Returns what a GGUF file says of the tokenizer; reverses `gguf_tokenizers.of_gguf`.

        Raises:
            ValueError: the ids have gaps.
        """
        described = json.loads(self._tokenizer.to_str())
        added = {one["content"]: one["special"] for one in described["added_tokens"]}
        unknown = described["model"].get("unk_token")
        ranks = _ranks(described["model"]["merges"])
        prepended, scheme = (json.dumps(described[x]) for x in ("normalizer", "pre_tokenizer"))
        by_scheme = '"Metaspace"' in scheme and '"prepend_scheme": "never"' not in scheme
        tokens = self.tokens()
        return {
            f"{GGUF}model": "llama",
            f"{GGUF}pre": "default",
            f"{GGUF}tokens": tokens,
            # A piece's score is how early it is joined; what is never joined stands last.
            f"{GGUF}scores": [-float(ranks.get(token, len(ranks))) for token in tokens],
            f"{GGUF}token_type": [_kind(token, unknown, added) for token in tokens],
            f"{GGUF}add_space_prefix": '"Prepend"' in prepended or by_scheme,
            **gguf_begin(self.begin),
        }


def _pairs(pieces: Sequence[Piece]) -> list[tuple[str, str]]:
    """Pairs whose union is a piece, those of the piece with the highest score first."""
    places = {piece.text: index for index, piece in enumerate(pieces)}
    usable = [piece for piece in pieces if piece.kind in (NORMAL, USER_DEFINED)]
    found = []
    for piece in sorted(usable, key=lambda piece: -piece.score):
        text = piece.text
        cuts = ((text[:at], text[at:]) for at in range(1, len(text)))
        parts = [pair for pair in cuts if pair[0] in places and pair[1] in places]
        found += sorted(parts, key=lambda pair: (places[pair[0]], places[pair[1]]))
    return found


def _ranks(merges: Sequence[Any]) -> dict[str, int]:
    """Pieces in the order in which merges first make them."""
    found: dict[str, int] = {}
    for merge in merges:
        pair = merge.split(" ", 1) if isinstance(merge, str) else merge
        found.setdefault("".join(pair), len(found))
    return found


def _kind(token: str, unknown: str | None, added: Mapping[str, bool]) -> int:
    if token == unknown:
        return UNKNOWN
    if token in added:
        return CONTROL if added[token] else USER_DEFINED
    return BYTE if len(token) == 6 and token.startswith("<0x") and token.endswith(">") else NORMAL
