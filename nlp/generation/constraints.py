"""Texts of a given form: tokens by which a text would leave it may not stand.

The library `llguidance` (the extra "constrained") knows which tokens keep to a regular expression
or a JSON schema. Expressions are run by derivatives, in time that grows with the text alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


class Constraint:
    """Rules by which each text is of one form; they take scores and texts as `Penalties` do.

    Args:
        tokenizer: of the model. It has `described`, what `tokenizers` writes in a tokenizer.json.
        ends: tokens that end a text. They may stand where the form is complete.
        regex: a regular expression, in the syntax of Rust's `regex`, that the whole text matches.
        json_schema: a JSON schema, parsed or as text, of which the text is an instance.

    Raises:
        ImportError: `llguidance` is not installed.
        TypeError: a tokenizer that cannot say what its tokens are, or a form that is no text.
        ValueError: both forms or none, one that cannot be read, or no token that ends a text.
    """

    def __init__(
        self,
        tokenizer: Any,
        ends: Sequence[int],
        regex: str | None = None,
        json_schema: Mapping[str, Any] | str | None = None,
    ) -> None:
        if (regex is None) == (json_schema is None):
            raise ValueError("A text has one form: give either `regex` or `json_schema`.")
        if not ends:
            raise ValueError(
                "A text of a given form must be able to end, and this model has no token for it: "
                "give its preprocessor `ends`."
            )
        if not hasattr(tokenizer, "described"):
            raise TypeError(
                f"{type(tokenizer).__name__} cannot say what text its tokens stand for; `regex` "
                "and `json_schema` need a tokenizer of the library `tokenizers`."
            )
        self._library = _library()
        self._grammar = self._grammar_of(regex, json_schema)
        self._tokenizer, self._ends = tokenizer, list(ends)
        self._begun: Any = None
        # Where the form stood after each text of the last step; a search goes on from any of them.
        self._places: dict[tuple[int, ...], Any] = {}

    def __call__(self, scores: np.ndarray, written: Sequence[Sequence[int]]) -> np.ndarray:
        """Returns the scores (batch, vocabulary) of the next tokens; the argument stays."""
        if self._begun is None:
            self._begun = self._start(scores.shape[1])
        known, self._places = self._places, {}
        found = np.full_like(scores, -np.inf)
        for row, tokens in enumerate(written):
            text = tuple(tokens)
            if text not in self._places:
                self._places[text] = self._at(text, known)
            place = self._places[text]
            if place is None:  # a text that has ended; what is fed for it does not count
                found[row, self._ends[0]] = 0
                continue
            bits = np.frombuffer(place.compute_bitmask(), np.uint8)
            allowed = np.unpackbits(bits, bitorder="little")[: scores.shape[1]].astype(bool)
            found[row, allowed] = scores[row, allowed]
        return found

    def _at(self, text: tuple[int, ...], known: Mapping[tuple[int, ...], Any]) -> Any:
        """Where the form stands after a text; None where the text has left it or ended."""
        before = known.get(text[:-1], self._begun) if text else self._begun
        if before is None:
            return None
        news = text[-1:] if text[:-1] in known else text
        return self._after(before.deep_copy(), news)

    def _after(self, place: Any, tokens: Sequence[int]) -> Any:
        if any(token in self._ends for token in tokens):
            return None
        if place.try_consume_tokens([*tokens]) < len(tokens):
            return None
        return place

    def _start(self, vocabulary: int) -> Any:
        made = self._library.LLTokenizer(
            self._tokenizer.described(), n_vocab=vocabulary, eos_token=self._ends
        )
        place = self._library.LLMatcher(made, self._grammar)
        if place.is_error():
            raise ValueError(f"The form of the text cannot be read: {_first(place.get_error())}")
        return place

    def _grammar_of(self, regex: str | None, schema: Mapping[str, Any] | str | None) -> str:
        matcher = self._library.LLMatcher
        if regex is not None:
            if not isinstance(regex, str):
                raise TypeError(f"`regex` must be a str; got {type(regex).__name__}.")
            grammar = matcher.grammar_from_regex(regex)
        else:
            grammar = self._of_schema(schema)
        if problem := matcher.validate_grammar(grammar, None):
            named = "regex" if regex is not None else "json_schema"
            raise ValueError(f"`{named}` cannot be read: {_first(problem)}")
        return grammar

    def _of_schema(self, schema: Any) -> str:
        if isinstance(schema, str):
            try:
                schema = json.loads(schema)
            except ValueError as error:
                raise ValueError(f"`json_schema` is no JSON: {error}") from error
        if not isinstance(schema, Mapping | bool):
            raise TypeError(f"`json_schema` must be a dict; got {type(schema).__name__}.")
        # Spaces as json.dumps puts them: a model could else write them for ever.
        form = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
        return self._library.LLMatcher.grammar_from_json_schema(json.dumps(schema), form)


def _library() -> Any:
    try:
        import llguidance
    except ImportError as error:
        raise ImportError(
            "Texts of a given form need llguidance: pip install 'isozoo[constrained]'."
        ) from error
    return llguidance


def _first(problem: str) -> str:
    """The library's words without its account of its own state."""
    return re.sub(r"\s+", " ", problem.split("<state>")[0]).strip()[:300]
