"""ONNX's operators on texts, which are computed on the host, whatever the backend.

Definition: github.com/onnx/onnx, docs/Operators.md.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import ops
from ..calls import Call
from ..registry import rule

# A longer pattern, or a text beyond it, is nobody's: matching may take time beyond all bounds.
_MOST_PATTERN, _MOST_TEXT = 1000, 10_000


@rule("StringConcat", absorbs=True)
def _concat(call: Call, a: Any, b: Any) -> Any:
    return np.char.add(a, b)


@rule("RegexFullMatch", absorbs=True)
def _match(call: Call, x: Any) -> Any:
    pattern = call.get("pattern", "")
    longest = max((len(text) for text in x.reshape(-1)), default=0)
    # What repeats a repetition can take more steps than there are atoms in the world.
    nested = re.search(r"[+*}][^()]*\)[+*{]", pattern)
    if len(pattern) > _MOST_PATTERN or longest > _MOST_TEXT or nested:
        raise call.wrong(f"the pattern {pattern[:60]!r}, or a text, is too long or repeats itself")
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise call.wrong(f"the pattern {pattern!r} is none: {error}") from error
    return _each(lambda text: compiled.fullmatch(text) is not None, x, np.bool_)


def _each(function: Callable[[str], Any], x: np.ndarray, dtype: Any) -> np.ndarray:
    return np.array([function(str(text)) for text in x.reshape(-1)], dtype).reshape(x.shape)


@rule("StringNormalizer", absorbs=True)
def _normalize(call: Call, x: Any) -> Any:
    """Texts without the stop words, in lower or upper letters, without accents."""
    action = call.get("case_change_action", "NONE")
    exact = bool(call.get("is_case_sensitive", 0))
    changes: dict[str, Callable[[str], str]] = {"LOWER": str.lower, "UPPER": str.upper}
    change = changes.get(action, str)
    words = [str(word) for word in call.get("stopwords") or ()]
    stops = set(words) if exact else {word.lower() for word in words}

    def stops_here(text: str) -> bool:
        return (text if exact else text.lower()) in stops

    rows = x.reshape(-1, x.shape[-1]) if x.ndim else x.reshape(1, 1)
    kept = [[change(_plain(str(t))) for t in row if not stops_here(str(t))] for row in rows]
    kept = [row or [""] for row in kept]
    found = np.array(kept, np.str_)
    return found if x.ndim == 2 else found[0]


def _plain(text: str) -> str:
    if text.isascii():
        return text
    parts = unicodedata.normalize("NFKD", text)
    return "".join(c for c in parts if not unicodedata.combining(c))


@rule("StringSplit", absorbs=True)
def _split(call: Call, x: Any) -> Any:
    """(…, parts) of texts at a delimiter, filled up with empty ones, and how many each has."""
    delimiter, most = call.get("delimiter") or None, call.get("maxsplit", -1)
    parts = [str(text).split(delimiter, -1 if most is None else most) for text in x.reshape(-1)]
    counts = np.array([len(part) for part in parts], np.int64).reshape(x.shape)
    width = max((len(part) for part in parts), default=0)
    rows = [part + [""] * (width - len(part)) for part in parts]
    return np.array(rows, np.str_).reshape(*x.shape, width), counts


@rule("TfIdfVectorizer", absorbs=True)
def _tf_idf(call: Call, x: Any) -> Any:
    """How often each n-gram of a list stands in the rows of (rows, items), perhaps weighted."""
    items = call.numbers(x, "which items there are")
    pool = list(call.get("pool_int64s") or call.get("pool_strings") or ())
    starts = [*call.get("ngram_counts"), len(pool)]
    places = call.get("ngram_indexes")
    weights, mode = call.get("weights"), call.get("mode")
    shortest, longest = call.get("min_gram_length"), call.get("max_gram_length")
    grams: dict[tuple[Any, ...], int] = {}
    number = 0
    for size, (first, last) in enumerate(zip(starts, starts[1:], strict=False), 1):
        for begin in range(first, last - size + 1, size):
            if shortest <= size <= longest:
                grams[tuple(pool[begin : begin + size])] = number
            number += 1
    call.limit(max(places, default=0) + 1)
    rows = items.reshape(-1, items.shape[-1])
    counts = np.zeros((len(rows), max(places, default=-1) + 1), np.float32)
    for row, values in enumerate(rows.tolist()):
        for gram in _grams(values, shortest, longest, call.get("max_skip_count", 0)):
            if (found := grams.get(gram)) is not None:
                counts[row, places[found]] += 1
    if mode != "TF":
        scale = np.ones(counts.shape[1], np.float32)
        for n, place in enumerate(places):
            scale[place] = scale[place] if weights is None else weights[n]
        counts = (counts > 0 if mode == "IDF" else counts) * scale
    return ops.convert_to_tensor(counts.reshape(*items.shape[:-1], -1).astype(np.float32))


def _grams(values: list[Any], shortest: int, longest: int, skips: int) -> Any:
    """Yields the n-grams of a row whose items stand up to `skips` + 1 places apart."""
    for distance in range(1, skips + 2):
        for size in range(shortest, longest + 1):
            if size == 1 and distance > 1:
                continue  # an item alone is counted once
            for begin in range(len(values) - distance * (size - 1)):
                yield tuple(values[begin : begin + distance * size : distance][:size])
