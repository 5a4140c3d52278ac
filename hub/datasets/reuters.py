"""Reuters: 11,228 newswires of 46 topics (Reuters-21578)."""

import numpy as np

from .files import fetch, read_json, read_npz, shuffled
from .texts import limited, marked, shorter

Pair = tuple[np.ndarray, np.ndarray]
_TOPICS = """
    cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship
    cotton carcass crude nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin
    strategic-metal livestock retail ipi iron-steel rubber heat jobs lei bop zinc orange pet-chem
    dlr gas silver wpi hog lead
"""


def load_data(
    path: str = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
) -> tuple[Pair, Pair]:
    """Returns (newswires, topics) to train on and to test on, shuffled as Keras shuffles them.

    Args:
        path: the name of the file in the cache.
        num_words: how many of the most frequent words are kept; all but the last if None.
        skip_top: how many of the most frequent words are left out.
        maxlen: newswires of as many words or more are left out.
        test_split: the part to test on.
        seed: of the order.
        start_char: the number at the head of each newswire; None for none.
        oov_char: the number of words that are left out; None to drop them.
        index_from: by how much the words' numbers are moved up where there is a `start_char`.

    Returns:
        Newswires as arrays of lists of words' numbers, the most frequent word first; topics from 0
        to 45.

    Raises:
        ValueError: the file cannot be had, or is not the published one.
    """
    found = read_npz(fetch("reuters.npz", path))
    order = shuffled(len(found["x"]), seed)
    texts, labels = marked(found["x"][order], start_char, index_from), found["y"][order]
    if maxlen:
        texts, labels = shorter(texts, labels, maxlen)
    limits = limited(texts, num_words, skip_top, oov_char)
    border = int(len(limits) * (1 - test_split))
    return (limits[:border], labels[:border]), (limits[border:], labels[border:])


def get_word_index(path: str = "reuters_word_index.json") -> dict[str, int]:
    """Returns word -> its number, the most frequent first, before `index_from` is added.

    Args:
        path: the name of the file in the cache.

    Raises:
        ValueError: the file cannot be had, or is not the published one.
    """
    return read_json(fetch("reuters_word_index.json", path))


def get_label_names() -> tuple[str, ...]:
    """Returns the names of the 46 topics, in the order of their numbers."""
    return tuple(_TOPICS.split())
