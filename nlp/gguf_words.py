"""What GGUF files call the words that byte pairs are made in.

Definition: llama.cpp's `llama_vocab` (`tokenizer.ggml.pre`).
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from .word_patterns import GPT4O, LLAMA3, QWEN2, TEKKEN


class Words(NamedTuple):
    """How a text is cut into words.

    Attributes:
        single_digits: whether each digit is a word.
        expression: the regular expression of words; GPT-2's if None.
        whole: whether a word that is a token is one, whatever the merges.
    """

    single_digits: bool = False
    expression: str | None = None
    whole: bool = False


_BY_THREES = Words(expression=LLAMA3, whole=True)
# The first name of each kind is the one that is written.
WORDS = {
    "gpt-2": Words(),
    "smollm": Words(single_digits=True),
    "llama-bpe": _BY_THREES,
    "llama3": _BY_THREES,
    "llama-v3": _BY_THREES,
    "smaug-bpe": Words(expression=LLAMA3),
    "dbrx": Words(expression=LLAMA3),
    "falcon3": _BY_THREES,
    "pixtral": _BY_THREES,
    "qwen2": Words(expression=QWEN2),
    "deepseek-r1-qwen": Words(expression=QWEN2),
    "tekken": Words(expression=TEKKEN, whole=True),
    "gpt-4o": Words(expression=GPT4O),
    "llama4": Words(expression=GPT4O),
}


def name_of_words(pre_tokenizer: Any, whole: bool) -> str:
    """Returns what a GGUF file calls words.

    Args:
        pre_tokenizer: what cuts them, as a `tokenizer.json` describes it.
        whole: see `Words`.

    Raises:
        ValueError: it has no name for them.
    """
    told = json.dumps(pre_tokenizer)
    digits = '"individual_digits": true' in told
    expressions = [words.expression for words in WORDS.values() if words.expression is not None]
    expression = next((one for one in expressions if json.dumps(one) in told), None)
    if expression is None and ('"Regex"' in told or '"String"' in told):
        raise ValueError("A GGUF file has no name for the words that the tokenizer cuts.")
    alike = [n for n, words in WORDS.items() if words[:2] == (digits, expression)]
    if not alike:
        raise ValueError("A GGUF file has no name for the words that the tokenizer cuts.")
    return next((name for name in alike if WORDS[name].whole == whole), alike[0])
