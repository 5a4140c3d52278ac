"""Vocabularies: what a user gives, what a file holds, and what is learned from data."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ...serialization import is_reading_a_file
from .values import LENIENT, Ragged, as_integers, as_text, host_value

_REFUSED = (
    "Requested the loading of a vocabulary file outside of the model archive: {!r}. A config must "
    "not open files, so this is refused whatever `safe_mode` says. Make the layer with its "
    "vocabulary in your own program, or call `set_vocabulary(path)` on the loaded one."
)


def refuse_path(vocabulary: Any) -> None:
    """Raises ValueError for a config's vocabulary that is the path of a file."""
    if isinstance(vocabulary, str):
        raise ValueError(_REFUSED.format(vocabulary))


def read_tokens(path: str, is_text: bool) -> np.ndarray:
    """Returns the tokens in a user's file, one a line.

    Raises:
        ValueError: no such file; a line that is no number, if the tokens are numbers; a path that
            comes from a model's file.
    """
    if is_reading_a_file():
        refuse_path(path)
    try:
        with open(path, "rb") as file:
            content = file.read()
    except FileNotFoundError:
        raise ValueError(f"Vocabulary file {path} does not exist.") from None
    return tokens_of_lines(content, is_text)


def tokens_of_lines(content: bytes, is_text: bool) -> np.ndarray:
    """Returns the tokens in the content of a file: lines, of which the last may be empty."""
    lines = content.split(b"\n")
    lines = [line.removesuffix(b"\r") for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    return tokens_of(lines, is_text, "The vocabulary file")


def lines_of_tokens(tokens: Iterable[Any]) -> bytes:
    """Returns the content of a file with tokens, as `get_vocabulary` gives them."""
    return b"\n".join(str(token).encode("utf-8", LENIENT) for token in tokens)


def tokens_of(x: Any, is_text: bool, who: str, encoding: str = "utf-8") -> np.ndarray:
    """Returns a user's tokens as a flat array of bytes or of int64.

    Args:
        x: a list, array or tensor.
        is_text: whether they are text.
        who: whose they are, for errors.
        encoding: of tokens that are bytes.

    Raises:
        ValueError: tokens of another kind, or more than one axis.
    """
    found = host_value(x, who)
    if isinstance(found, Ragged) or found.ndim > 1:
        raise ValueError(f"{who}: a vocabulary has one axis; got shape {np.shape(x)}.")
    found = found.reshape(-1)
    if not is_text:
        if found.dtype.kind in "OSU":
            found = np.asarray([int(item) for item in found.tolist()], np.int64)
        return as_integers(found, who)
    found = as_text(found, who)
    if encoding.lower().replace("_", "-") not in ("utf-8", "utf8"):
        texts = [item.decode(encoding, LENIENT).encode("utf-8", LENIENT) for item in found.tolist()]
        found = np.empty(len(texts), object)
        found[:] = texts
    return found


def repeated(tokens: np.ndarray) -> list[Any]:
    """Returns the tokens that stand more than once, as a user wrote them."""
    counts = Counter(tokens.tolist())
    return [shown(token) for token, count in counts.items() if count > 1]


def shown(token: Any) -> Any:
    """Returns a token as text or a number."""
    return token.decode("utf-8", LENIENT) if isinstance(token, bytes) else token


class Counts:
    """How often tokens were seen, and in how many documents."""

    def __init__(self, with_documents: bool) -> None:
        self.tokens: Counter[Any] = Counter()
        self.in_documents: Counter[Any] = Counter()
        self.documents = 0
        self._with_documents = with_documents

    def add(self, x: Any) -> None:
        """Takes in documents: the rows of an array of rank 2 or more, or Ragged rows."""
        rows = x.rows() if isinstance(x, Ragged) else list(x)
        flat = x.values if isinstance(x, Ragged) else x.ravel()
        self.tokens.update(flat.tolist())
        if self._with_documents:
            for row in rows:
                self.in_documents.update(set(np.ravel(row).tolist()))
            self.documents += len(rows)

    def most_frequent(self, without: Sequence[Any], count: int | None) -> list[Any]:
        """Returns tokens by how often they were seen, of equals the greater ones first.

        Args:
            without: tokens to leave out.
            count: at most so many.
        """
        seen = [(n, token) for token, n in self.tokens.items() if token not in without]
        return [token for _, token in sorted(seen, reverse=True)][:count]

    def inverse_document_frequencies(self, tokens: Sequence[Any]) -> np.ndarray:
        """Returns ln(1 + documents / (1 + documents with the token)) of each token."""
        found = np.asarray([self.in_documents[token] for token in tokens], np.float64)
        return np.log(1 + self.documents / (1 + found))
