"""byT5's tokenizer: the bytes of a text are its tokens (Xue et al. 2021, arXiv:2105.13626)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...hub.bases import Tokenizer

# The ids before the 256 bytes; and how many tokens that stand for gaps come behind them.
SPECIAL = ("<pad>", "</s>", "<unk>")
GAPS = 125
_BYTES = 256
# Names of tokens in texts; those of the first kind take the spaces around them.
_NAMES = re.compile(r"\s*(</s>|<pad>|<unk>)\s*|(<extra_id_[0-9]{1,4}>)")


class ByteTokenizer(Tokenizer):
    """Text to ids and back: byte b of UTF-8 is the id b + 3, and `</s>`, 1, ends a text.

    `<pad>`, `</s>`, `<unk>` and `<extra_id_0>` … in a text are the tokens of these names, as
    transformers' ByT5Tokenizer reads them.

    Args:
        gaps: how many tokens `<extra_id_…>` there are, behind the bytes.
    """

    task = "seq2seq_lm"

    def __init__(self, gaps: int = GAPS) -> None:
        first = len(SPECIAL) + _BYTES
        self._ids = {name: index for index, name in enumerate(SPECIAL)}
        self._ids |= {f"<extra_id_{number}>": first + number for number in range(gaps)}
        self._names = {index: name for name, index in self._ids.items()}

    @property
    def vocabulary_size(self) -> int:
        """One more than the highest id."""
        return _BYTES + len(self._ids)

    def encode(self, text: str) -> list[int]:
        """Returns the ids of a text, with the end of a text behind them.

        Half a surrogate pair, which no UTF-8 has, becomes a question mark.
        """
        ids: list[int] = []
        at = 0
        for name in _NAMES.finditer(text):
            known = self._ids.get(name[1] or name[2])
            if known is not None:
                ids += [*_bytes(text[at : name.start()]), known]
                at = name.end()
        return [*ids, *_bytes(text[at:]), self._ids["</s>"]]

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = True) -> str:
        """Returns the text of ids; bytes that are no whole character are left out."""
        found = b""
        for index in map(int, ids):
            if 0 <= index - len(SPECIAL) < _BYTES:
                found += bytes([index - len(SPECIAL)])
            elif not skip_special_tokens:
                found += self._names.get(index, "").encode()
        return found.decode("utf-8", errors="ignore")

    def id_of(self, token: str) -> int | None:
        """Returns the id of a named token, or None."""
        return self._ids.get(token)


def _bytes(text: str) -> list[int]:
    return [byte + len(SPECIAL) for byte in text.encode("utf-8", errors="replace")]
