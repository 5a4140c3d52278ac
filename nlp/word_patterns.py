"""Regular expressions that published tokenizers cut texts by.

An expression of a file's own may take for ever; those that stand here take a time that grows with
the text alone, as all published models that share them show.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

_SUFFIXES = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_END = r"\s*[\r\n]+|\s+(?!\S)|\s+"
_UPPER, _LOWER = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}", r"\p{Ll}\p{Lm}\p{Lo}\p{M}"
_CASED = (
    rf"[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]*[{_LOWER}]+%s|"
    rf"[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]+[{_LOWER}]*%s|"
)

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
# Numbers in threes, and one by one.
LLAMA3 = (
    _SUFFIXES + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + _END
)  # fmt: skip
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
# Words end where a capital follows a small letter.
TEKKEN = _CASED % ("", "") + r"\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + _END
GPT4O = (
    _CASED % (f"{_SUFFIXES}?", f"{_SUFFIXES}?")
    + r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|"
    + _END
)  # fmt: skip
# Several spaces, which many files of pieces make one.
SPACES = " {2,}"

KNOWN = frozenset({GPT2, LLAMA3, QWEN2, TEKKEN, GPT4O, SPACES})


def unknown_expression(tokenizer: Any) -> str | None:
    """Returns the first regular expression of a tokenizer that is not one of `KNOWN`.

    Args:
        tokenizer: a `tokenizers.Tokenizer`.
    """
    for part in (tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.decoder):
        described = None if part is None else json.loads(part.__getstate__())
        for one in _expressions(described):
            if one not in KNOWN:
                return one
    return None


def _expressions(part: Any) -> Iterator[str]:
    """The regular expressions of a part and of those that it is made of."""
    if isinstance(part, dict):
        if isinstance(expression := part.get("Regex"), str):
            yield expression
        part = list(part.values())
    if isinstance(part, list):
        for one in part:
            yield from _expressions(one)
