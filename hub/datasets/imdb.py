"""IMDB: 50,000 reviews of films, good or bad (A. Maas and others, 2011)."""

import numpy as np

from .files import fetch, read_json, read_npz, shuffled
from .texts import limited, marked, shorter

Pair = tuple[np.ndarray, np.ndarray]


def load_data(
    path: str = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
) -> tuple[Pair, Pair]:
    """Returns (reviews, labels) to train on and to test on, shuffled as Keras shuffles them.

    Args:
        path: the name of the file in the cache.
        num_words: how many of the most frequent words are kept; all but the last if None.
        skip_top: how many of the most frequent words are left out.
        maxlen: reviews of as many words or more are left out.
        seed: of the order.
        start_char: the number at the head of each review; None for none.
        oov_char: the number of words that are left out; None to drop them.
        index_from: by how much the words' numbers are moved up.

    Returns:
        Reviews as arrays (25,000,) of lists of words' numbers, the most frequent word first; labels
        (25,000,), 1 for good.

    Raises:
        ValueError: the file cannot be had, is not the published one, or no review is short enough.
    """
    found = read_npz(fetch("imdb.npz", path))
    random = np.random.RandomState(seed)  # one for both parts
    parts = []
    for part in ("train", "test"):
        texts, labels = found[f"x_{part}"], found[f"y_{part}"]
        order = shuffled(len(texts), random)
        texts, labels = marked(texts[order], start_char, index_from), labels[order]
        if maxlen:
            texts, labels = shorter(texts, labels, maxlen)
            if not texts:
                raise ValueError(
                    f"After filtering for sequences shorter than maxlen={maxlen}, no sequence was "
                    "kept. Increase maxlen."
                )
        parts.append((texts, labels))
    (train, train_labels), (test, test_labels) = parts
    texts = limited(train + test, num_words, skip_top, oov_char)
    border = len(train)
    return (texts[:border], train_labels), (texts[border:], test_labels)


def get_word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """Returns word -> its number, the most frequent first, before `index_from` is added.

    Args:
        path: the name of the file in the cache.

    Raises:
        ValueError: the file cannot be had, or is not the published one.
    """
    return read_json(fetch("imdb_word_index.json", path))
