"""Texts on their way to a network: what counts as texts, and rows of ids made equally long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..framework.backends.registry import TENSORS, Kind, classify
from .generation.sizes import power_of_two

SMALLEST_LENGTH = 16


def check_vocabulary(tokenizer: Any, rows: int) -> None:
    """Raises ValueError for a tokenizer with ids that a model of `rows` tokens has no row for."""
    if tokenizer.vocabulary_size > rows:
        raise ValueError(
            f"The tokenizer has ids up to {tokenizer.vocabulary_size - 1}, the model rows for "
            f"{rows} tokens: they do not belong together."
        )


def preprocessor_of(model: Any) -> Any:
    """Returns the preprocessor of a task. ValueError where there is none."""
    if model.preprocessor is None:
        raise ValueError(
            "This model has no preprocessor, so it takes token ids and no texts: set "
            "model.preprocessor, or make the model with from_preset."
        )
    return model.preprocessor


def check_texts(texts: Any) -> list[str]:
    """Returns `texts` as a list; one text as a list of one.

    Raises:
        TypeError: it is neither a str nor a sequence of them.
        ValueError: it is empty.
    """
    if isinstance(texts, str):
        return [texts]
    if isinstance(texts, bytes) or not hasattr(texts, "__iter__"):
        raise TypeError(f"Expected a str or a list of str; got {type(texts).__name__}.")
    found = list(texts)
    if not found:
        raise ValueError("Expected at least one text; got an empty list.")
    for number, text in enumerate(found):
        if not isinstance(text, str):
            raise TypeError(f"Text {number} is a {type(text).__name__}, not a str: {text!r:.60}.")
    return found


def pad_rows(
    rows: Sequence[Sequence[int]],
    pad_id: int,
    max_length: int,
    rounded: bool = False,
    even_lengths: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the ids of texts as one array, and which of them are no padding.

    Args:
        rows: n lists of ids, each at most `max_length` long.
        pad_id: what fills a row up to the longest.
        max_length: most ids of a row.
        rounded: whether n and the length are rounded up to powers of two (the length to at most
            `max_length`), so that few shapes occur. A row beyond n holds one token of `pad_id`.
        even_lengths: whether the length alone is rounded up.

    Returns:
        int32 (n, length) and bool (n, length).
    """
    count, length = len(rows), max(map(len, rows))
    if rounded:
        count = power_of_two(count)
    if rounded or even_lengths:
        length = min(power_of_two(length, SMALLEST_LENGTH), max_length)
    ids = np.full((count, length), pad_id, np.int32)
    mask = np.zeros((count, length), bool)
    mask[len(rows) :, 0] = True
    for number, row in enumerate(rows):
        ids[number, : len(row)] = row
        mask[number, : len(row)] = True
    return ids, mask


def check_ids(ids: Any, count: int, name: str) -> None:
    """Raises for token ids that a vocabulary does not have, where the host has their values.

    Elsewhere (in compiled code, on accelerators) an unknown id gives NaN; see Embedding.

    Args:
        ids: an array, nested lists or a tensor, of integers of any shape.
        count: how many tokens the vocabulary has.
        name: what the ids are called, for the error.

    Raises:
        ValueError: an id below 0 or not below `count`; the first one is named.
    """
    values = _on_the_host(ids)
    if values is None or not values.size or (values.min() >= 0 and values.max() < count):
        return
    place = tuple(int(i) for i in np.argwhere((values < 0) | (values >= count))[0])
    raise ValueError(
        f"{name!r} holds {values[place]} at {place}, and the model knows the numbers 0 to "
        f"{count - 1}: they come from another model's tokenizer, or a mark such as -100 was left "
        "in them."
    )


_ARRAYS = (np.ndarray, list, tuple)  # a union of them torch.compile cannot trace


def _on_the_host(x: Any) -> np.ndarray | None:
    if isinstance(x, _ARRAYS):
        return np.asarray(x)
    backend = TENSORS.get(type(x)) or classify(type(x))
    return None if isinstance(backend, Kind) or backend.symbolic else backend.peek(x)


# Names that others give to the inputs (transformers' tokenizers).
_ALIASES = {
    "input_ids": "token_ids",
    "attention_mask": "padding_mask",
    "token_type_ids": "segment_ids",
}
_INPUTS = ("token_ids", "padding_mask", "segment_ids")


def token_inputs(inputs: Any, *more: str) -> dict[str, Any]:
    """Returns the inputs of an encoder of texts by our names: a dict, or token ids alone.

    Args:
        inputs: token ids, or a dict (or what has `keys`) by our names or transformers'.
        *more: further names that the model takes.

    Raises:
        ValueError: a name that means nothing here or occurs twice, or no token ids.
    """
    if not hasattr(inputs, "keys"):
        return {"token_ids": inputs}
    known = (*_INPUTS, *more)
    found: dict[str, Any] = {}
    for key in inputs.keys():  # noqa: SIM118 (what transformers gives iterates over its rows)
        name = _ALIASES.get(key, key)
        if name not in known or name in found:
            raise ValueError(
                f"The model does not know what to do with the input {key!r}; it takes "
                f"{', '.join(known)}, each once, or by another's name: {', '.join(_ALIASES)}."
            )
        found[name] = inputs[key]
    if "token_ids" not in found:
        raise ValueError(f"'token_ids' are needed; got {', '.join(map(repr, inputs.keys()))}.")
    return found
