"""What models that turn a text into a text do, whatever their family."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import Any

import numpy as np

from ..framework import ops
from ..framework.typing import Tensor
from ..hub.bases import Preprocessor, Task
from .generation.loop import Written
from .generation.options import GenerationOptions
from .generation.sizes import CacheSizes
from .generation.steps import CachedStep
from .generation.stopping import TextStopping
from .generation.writing import (
    answers,
    check_assistant,
    check_streamed,
    last_of,
    pieces,
    write,
)
from .text import check_texts, pad_rows, preprocessor_of
from .writing_command import AnsweringCommand

SAMPLES = (
    "translate English to German: The house is small.",
    "summarize: Stock markets fell sharply on Tuesday, as investors worried about rates.",
)
# More tokens than anyone writes: the decoders have no table of places that would end.
_LIMIT = 1 << 16


class Seq2SeqLMPreprocessor(Preprocessor):
    """Texts to ids and back, what begins a text that is written, and what ends it.

    Args:
        tokenizer: the tokenizer.
        max_length: most tokens of a text that is read; None for any number.
        start_id: the id that a written text begins with.
        ends: ids of which any one ends a written text.
        pad_id: the id of padding.
    """

    task = "seq2seq_lm"

    def __init__(
        self,
        tokenizer: Any,
        max_length: int | None = None,
        start_id: int = 0,
        ends: Sequence[int] = (1,),
        pad_id: int = 0,
    ) -> None:
        self.tokenizer, self.max_length = tokenizer, max_length
        self.start_id, self.ends, self.pad_id = start_id, tuple(ends), pad_id

    def encode(self, texts: Any) -> list[list[int]]:
        """Returns the ids of each text.

        Raises:
            TypeError: something that is no text.
            ValueError: no texts, one without a token, or one that is too long.
        """
        rows = [self.tokenizer.encode(text) for text in check_texts(texts)]
        for number, row in enumerate(rows):
            if not [token for token in row if token not in self.ends]:
                raise ValueError(f"Text {number} is empty: there is nothing to read.")
            if self.max_length is not None and len(row) > self.max_length:
                raise ValueError(
                    f"Text {number} has {len(row)} tokens, and this model takes at most "
                    f"{self.max_length}. Cut the text."
                )
        return rows

    def pad(self, rows: Sequence[Sequence[int]], even_lengths: bool = False) -> dict[str, Any]:
        """Returns `encoder_token_ids`, int32, and `encoder_padding_mask`, bool, (n, length)."""
        limit = self.max_length or _LIMIT
        ids, mask = pad_rows(rows, self.pad_id, limit, even_lengths=even_lengths)
        return {"encoder_token_ids": ids, "encoder_padding_mask": mask}

    def __call__(self, inputs: Any) -> dict[str, Any]:
        """`encode`, then `pad` to the longest; what is written begins with `start_id`."""
        found = self.pad(self.encode(inputs))
        first = np.full((len(found["encoder_token_ids"]), 1), self.start_id, np.int32)
        return {**found, "decoder_token_ids": first}


class Seq2SeqLM(Task):
    """Scores of every token for what follows each place of a text that answers another text.

    Inputs are those of the backbone; the output is (batch, length, vocabulary_size), scores before
    softmax. A subclass makes the backbone, which gives `read` and `extend`, and gives `scores`.
    """

    task = "seq2seq_lm"
    command_line_adapter = AnsweringCommand
    backbone: Any

    def check_inputs(self, inputs: Any) -> None:
        """Raises ValueError for ids that are not in the vocabulary."""
        self.backbone.check_inputs(inputs)

    def call(self, inputs: Any) -> Tensor:
        """Returns scores before softmax, (batch, length, vocabulary_size).

        Args:
            inputs: dict of `encoder_token_ids`, `decoder_token_ids` and, optionally,
                `encoder_padding_mask`.
        """
        return self.scores(self.backbone(inputs)["decoder_sequence_output"])

    def scores(self, x: Tensor) -> Tensor:
        """Returns scores (…, vocabulary_size) of states (…, hidden_dim). Subclasses define it."""
        raise TypeError(f"{type(self).__name__} must define `scores`.")

    def advance(
        self,
        tokens: Tensor,
        cache: Any,
        heard: Any,
        padding_mask: Tensor,
        position: Tensor,
        last: Tensor,
    ) -> tuple[Tensor, Any]:
        """Takes a step: scores (batch, vocabulary_size) after a token, and the new cache.

        Args:
            tokens: int32 (batch, length); a block may be filled up with tokens that do not count.
            cache: for each layer keys and values (batch, heads, capacity, head_dim).
            heard: what the backbone's `read` gives.
            padding_mask: booleans (batch, source), false where the text that is read is padding.
            position: int32 scalar, the place of the first of `tokens`.
            last: int32 scalar, the index among `tokens` of the last that counts.
        """
        x, cache = self.backbone.extend(tokens, cache, heard, padding_mask, position)
        batch, _, size = ops.shape(x)
        x = ops.slice(x, (0, last, 0), (batch, 1, size))
        return ops.squeeze(self.scores(x), 1), cache

    def examine(
        self, tokens: Tensor, cache: Any, heard: Any, padding_mask: Tensor, position: Tensor
    ) -> tuple[tuple[Tensor, Tensor], Any]:
        """Takes a step, and tells what follows each of its tokens.

        Args:
            tokens: int32 (batch, length).
            cache: as for `advance`, and so are `heard`, `padding_mask` and `position`.
            heard: see `cache`.
            padding_mask: see `cache`.
            position: see `cache`.

        Returns:
            Scores (batch, length, vocabulary_size) with states (batch, length, hidden_dim), and the
            new cache.
        """
        x, cache = self.backbone.extend(tokens, cache, heard, padding_mask, position)
        return (self.scores(x), x), cache

    def begin(self, token_ids: np.ndarray, padding_mask: np.ndarray) -> CachedStep:
        """Returns the decoder's step for texts that are read, ids int32 (batch, source)."""
        heard = self.backbone.compiled_method("read")(token_ids, padding_mask)
        run = self.compiled_method("advance", consumed=(1,))

        def advance(tokens: np.ndarray, cache: Any, position: np.ndarray, last: np.ndarray) -> Any:
            return run(tokens, cache, heard, padding_mask, position, last)

        def examine(tokens: np.ndarray, cache: Any, position: np.ndarray) -> Any:
            run = self.compiled_method("examine", consumed=(1,))
            return run(tokens, cache, heard, padding_mask, position)

        sizes = CacheSizes(_LIMIT, None, 4, 32, self._backend.compiles)
        return CachedStep(advance, self.backbone.empty_cache, self.backend, sizes, examine)

    def generate(
        self,
        texts: Any,
        max_new_tokens: int = 64,
        *,
        assistant: Seq2SeqLM | None = None,
        **options: Any,
    ) -> Any:
        """Writes a text for each text that is read.

        Args:
            texts: a text, or a list of texts.
            max_new_tokens: most tokens that are written for each.
            assistant: a smaller model of the same vocabulary, which proposes `num_draft_tokens`
                tokens at a time; this one judges them in one pass, and writes what it would write
                alone. The texts are then gone through one by one.
            **options: those of `generation.options.GenerationOptions`.

        Returns:
            What was written for the text; a list for a list. With `num_sequences` above 1, a list
            of so many in the place of each. With `details`, `Generated` in the place of each text.

        Raises:
            TypeError: something that is no text, or an unknown option.
            ValueError: an empty text, or settings that are out of range.
        """
        chosen = GenerationOptions.of(options, max_new_tokens)
        if assistant is None:
            found = self._written(texts, max_new_tokens, chosen, None)
        else:
            check_assistant(self, assistant, chosen)
            found = [
                one
                for text in check_texts(texts)
                for one in self._written(text, max_new_tokens, chosen, assistant)
            ]
        return found[0] if isinstance(texts, str) else found

    def stream(
        self,
        text: str,
        max_new_tokens: int = 64,
        *,
        assistant: Seq2SeqLM | None = None,
        **options: Any,
    ) -> Iterator[str]:
        """Yields what `generate` writes for one text, piece by piece, as it is written.

        Raises TypeError for several texts, and ValueError for a beam search, for several answers
        and for `details`, besides what `generate` raises.
        """
        chosen = GenerationOptions.of(options, max_new_tokens)
        check_streamed(text, chosen)
        if assistant is not None:
            check_assistant(self, assistant, chosen)
        return pieces(*self._begun(text, max_new_tokens, chosen, assistant))

    def _begun(
        self,
        texts: Any,
        max_new_tokens: int,
        chosen: GenerationOptions,
        assistant: Seq2SeqLM | None,
    ) -> tuple[Generator[Any, None, list[list[Written]]], TextStopping]:
        """The writing of texts, step by step, and what ends them."""
        tools = preprocessor_of(self)
        rows = tools.encode(texts)
        draft = None
        if assistant is not None:
            if preprocessor_of(assistant).encode(texts) != rows:
                raise ValueError("The assistant's tokenizer is another one: it reads other tokens.")
            draft = assistant._reading(rows, 1)
        ending = chosen.stopping(tools.ends, tools.tokenizer.decode)
        prompts = [[tools.start_id] for _ in rows for _ in range(chosen.copies)]
        steps = write(
            chosen,
            self._reading(rows, chosen.rows),
            np.full((len(rows), 1), tools.start_id, np.int32),
            draft=draft,
            max_length=1 + max_new_tokens,
            stop=ending,
            rules=chosen.rules(prompts, tools.ends, tools.tokenizer),
        )
        return steps, ending

    def _written(
        self,
        texts: Any,
        max_new_tokens: int,
        chosen: GenerationOptions,
        assistant: Seq2SeqLM | None,
    ) -> list[Any]:
        steps, ending = self._begun(texts, max_new_tokens, chosen, assistant)
        return answers(last_of(steps), chosen, ending)

    def _reading(self, rows: Sequence[Sequence[int]], copies: int) -> CachedStep:
        """The decoder's step for texts that are read, so many rows for each of them."""
        inputs = preprocessor_of(self).pad(rows, even_lengths=self._backend.compiles)
        ids, mask = inputs["encoder_token_ids"], inputs["encoder_padding_mask"]
        return self.begin(ids.repeat(copies, axis=0), mask.repeat(copies, axis=0))

    def run_many(self, texts: Sequence[str], **options: Any) -> list[dict[str, Any]]:
        """Returns what `run` does for each of several texts, which are written together."""
        return [{"text": found} for found in self.generate(list(texts), **options)]

    def sample_inputs(self) -> list[str]:
        """Returns texts to read."""
        return list(SAMPLES)

    def parity_outputs(self, inputs: Sequence[str]) -> dict[str, Any]:
        """Returns the scores of the first token for each text, by the uncompiled call."""
        tools = preprocessor_of(self)
        return {f"scores of text {i}": self(tools([text])) for i, text in enumerate(inputs)}

    def decide(self, inputs: Sequence[str]) -> list[str]:
        """Returns eight tokens of text for each text, the likeliest ones."""
        return self.generate(list(inputs), max_new_tokens=8)
