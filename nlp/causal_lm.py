"""What models that write text do, whatever their family."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..framework import ops
from ..framework.typing import DType, Tensor
from ..hub.bases import Preprocessor, Task
from ..hub.loading import JsonFiles
from .byte_level import end_ids
from .causal_tokenizers import Tokenizer, tokenizer_of
from .chat import prompt_of
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
from .text import check_texts, check_vocabulary, preprocessor_of, token_inputs
from .word_head import word_head, word_scores
from .writing_command import WritingCommand
from .writing_files import WritingPresetAdapter

SAMPLES = (
    "The capital of France is",
    "Water boils at a temperature of",
    "def add(a, b):\n    return",
)


class CausalLMPreprocessor(Preprocessor):
    """Texts to ids and back, and which ids end a text.

    Args:
        tokenizer: the tokenizer.
        max_length: most tokens of a text, what is written included.
        ends: ids of which any one ends a text.
        chat_template: the text of a program that makes talks prompts; it is shown, and never run.
    """

    task = "causal_lm"

    def __init__(
        self,
        tokenizer: Tokenizer,
        max_length: int,
        ends: Sequence[int] = (),
        chat_template: str | None = None,
    ) -> None:
        self.tokenizer, self.max_length, self.ends = tokenizer, max_length, tuple(ends)
        self.chat_template = chat_template

    def encode(self, texts: Any) -> list[list[int]]:
        """Returns the ids of each text.

        Raises:
            TypeError: something that is no text.
            ValueError: no texts, one without a token, or one that leaves no room for a token.
        """
        rows = [self.tokenizer.encode(text) for text in check_texts(texts)]
        for number, row in enumerate(rows):
            if not row:
                raise ValueError(f"Text {number} is empty: there is nothing to go on from.")
            if len(row) >= self.max_length:
                raise ValueError(
                    f"Text {number} has {len(row)} tokens, and this model takes at most "
                    f"{self.max_length}, what it writes included. Cut the text."
                )
        return rows

    def __call__(self, inputs: Any) -> dict[str, np.ndarray]:
        """Texts as `token_ids` and `padding_mask`, (n, length), with padding before short ones."""
        return _padded(self.encode(inputs))


class CausalLM(Task):
    """Scores of every token for what follows each place, and text that goes on from a text.

    Inputs are those of the backbone; the output is (batch, length, vocabulary_size), scores before
    softmax. A subclass makes the backbone, and gives `scores`.
    """

    task = "causal_lm"
    command_line_adapter = WritingCommand
    preset_adapter = WritingPresetAdapter
    backbone: Any
    # A prompt goes in by blocks of so many tokens: few shapes are compiled.
    block: int = 32

    def check_inputs(self, inputs: Any) -> None:
        """Raises ValueError for ids that are not in the vocabulary."""
        self.backbone.check_inputs(inputs)

    def call(self, inputs: Any) -> Tensor:
        """Returns scores before softmax, (batch, length, vocabulary_size).

        Args:
            inputs: integers (batch, length), or a dict with `token_ids` and `padding_mask`.
        """
        return self.scores(self.backbone(token_inputs(inputs))["sequence_output"])

    def scores(self, x: Tensor) -> Tensor:
        """Returns scores (…, vocabulary_size) of states (…, hidden_dim). Subclasses define it."""
        raise TypeError(f"{type(self).__name__} must define `scores`.")

    def advance(
        self, tokens: Tensor, cache: Any, position: Tensor, last: Tensor, starts: Tensor
    ) -> tuple[Tensor, Any]:
        """Takes a step: scores (batch, vocabulary_size) after a token, and the new cache.

        Args:
            tokens: int32 (batch, length); a block may be filled up with tokens that do not count.
            cache: for each layer keys and values (batch, heads, capacity, head_dim).
            position: int32 scalar, the place of the first of `tokens`.
            last: int32 scalar, the index among `tokens` of the last that counts.
            starts: int32 (batch,), where each row's text begins.
        """
        x, cache = self.backbone.extend(tokens, cache, position, starts)
        batch, _, size = ops.shape(x)
        x = ops.slice(x, (0, last, 0), (batch, 1, size))
        return ops.squeeze(self.scores(x), 1), cache

    def examine(
        self, tokens: Tensor, cache: Any, position: Tensor, starts: Tensor
    ) -> tuple[tuple[Tensor, Tensor], Any]:
        """Takes a step, and tells what follows each of its tokens.

        Args:
            tokens: int32 (batch, length).
            cache: as for `advance`.
            position: int32 scalar, the place of the first of `tokens`.
            starts: int32 (batch,), where each row's text begins.

        Returns:
            Scores (batch, length, vocabulary_size) with states (batch, length, hidden_dim), and the
            new cache.
        """
        x, cache = self.backbone.extend(tokens, cache, position, starts)
        return (self.scores(x), x), cache

    def begin(self, starts: np.ndarray) -> CachedStep:
        """Returns the step of texts that begin at `starts`, int32 (batch,), behind padding."""
        run = self.compiled_method("advance", consumed=(1,))

        def advance(tokens: np.ndarray, cache: Any, position: np.ndarray, last: np.ndarray) -> Any:
            return run(tokens, cache, position, last, starts)

        def examine(tokens: np.ndarray, cache: Any, position: np.ndarray) -> Any:
            return self.compiled_method("examine", consumed=(1,))(tokens, cache, position, starts)

        limit = self.backbone.max_sequence_length
        sizes = CacheSizes(limit, None, 4, self.block, self._backend.compiles)
        return CachedStep(advance, self.backbone.empty_cache, self.backend, sizes, examine)

    def generate(
        self,
        prompts: Any,
        max_new_tokens: int = 64,
        *,
        assistant: CausalLM | None = None,
        **options: Any,
    ) -> Any:
        """Writes on from texts.

        Args:
            prompts: a text, or a list of texts, which may differ in length.
            max_new_tokens: most tokens that are written for each.
            assistant: a smaller model of the same vocabulary, which proposes `num_draft_tokens`
                tokens at a time; this one judges them in one pass, and writes what it would write
                alone. The prompts are then gone through one by one.
            **options: those of `generation.options.GenerationOptions`: `temperature` (0, the
                default, takes the likeliest token), `top_k`, `top_p`, `min_p`, `typical_p` and
                `seed` of the draws, which are the same on every backend; `stop`, a text or several
                at which writing ends; `repetition_penalty`, `presence_penalty`,
                `no_repeat_ngram_size`, `suppress_tokens`, `forced_tokens`, `min_new_tokens`;
                `num_beams`, `length_penalty`, `early_stopping`, `num_beam_groups`,
                `diversity_penalty` of a beam search; `penalty_alpha` of a contrastive search;
                `regex` or `json_schema`, the form of the text; `num_sequences`; `details`.

        Returns:
            What was written for the text, without it; a list for a list. With `num_sequences`
            above 1, a list of so many in the place of each. With `details`, `Generated` in the
            place of each text.

        Raises:
            TypeError: something that is no text, or an unknown option.
            ValueError: an empty text, one that leaves no room, or settings that are out of range.
        """
        chosen = GenerationOptions.of(options, max_new_tokens)
        if assistant is None:
            found = self._written(prompts, max_new_tokens, chosen, None)
        else:
            check_assistant(self, assistant, chosen)
            texts = check_texts(prompts)
            found = [
                one
                for text in texts
                for one in self._written(text, max_new_tokens, chosen, assistant)
            ]
        return found[0] if isinstance(prompts, str) else found

    def chat(self, messages: Any, max_new_tokens: int = 256, **options: Any) -> str:
        """Answers the last message of a talk, in the form that the model was trained with.

        The form is told by the text of the model's chat template, which is never run; see `chat`.

        Args:
            messages: dicts of `role` ("system", "user", "assistant") and `content`, the user's
                last.
            max_new_tokens: most tokens of the answer.
            **options: those of `generate`.

        Raises:
            TypeError: something that is no list of messages.
            ValueError: a template that is not known, or none, besides what `generate` raises.
        """
        prompt = prompt_of(preprocessor_of(self).chat_template, messages)
        return self.generate(prompt, max_new_tokens, **options)

    def stream(
        self,
        prompt: str,
        max_new_tokens: int = 64,
        *,
        assistant: CausalLM | None = None,
        **options: Any,
    ) -> Iterator[str]:
        """Yields what `generate` writes for one text, piece by piece, as it is written.

        Raises TypeError for several prompts, and ValueError for a beam search, for several texts
        and for `details`, besides what `generate` raises.
        """
        chosen = GenerationOptions.of(options, max_new_tokens)
        check_streamed(prompt, chosen)
        if assistant is not None:
            check_assistant(self, assistant, chosen)
        return pieces(*self._begun(prompt, max_new_tokens, chosen, assistant))

    def _begun(
        self,
        prompts: Any,
        max_new_tokens: int,
        chosen: GenerationOptions,
        assistant: CausalLM | None,
    ) -> tuple[Generator[Any, None, list[list[Written]]], TextStopping]:
        """The writing of texts, step by step, and what ends them."""
        tools = preprocessor_of(self)
        rows = tools.encode(prompts)
        draft = None
        if assistant is not None:
            if preprocessor_of(assistant).encode(prompts) != rows:
                raise ValueError("The assistant's tokenizer is another one: it reads other tokens.")
            draft = assistant.begin(np.zeros(1, np.int32))
        width = max(map(len, rows))
        starts = np.array([width - len(row) for row in rows], np.int32)
        # A tokenizer of the user's own may know nothing of what goes on from a text.
        decode = getattr(tools.tokenizer, "decode_behind", tools.tokenizer.decode)
        ending = chosen.stopping(tools.ends, decode)
        texts = [row for row in rows for _ in range(chosen.copies)]
        length = min(width + max_new_tokens, tools.max_length)
        if assistant is not None:
            length = min(length, preprocessor_of(assistant).max_length)
        steps = write(
            chosen,
            self.begin(starts.repeat(chosen.rows)),
            _padded(rows)["token_ids"],
            draft=draft,
            starts=starts,
            max_length=length,
            stop=ending,
            rules=chosen.rules(texts, tools.ends, tools.tokenizer),
        )
        return steps, ending

    def _written(
        self,
        prompts: Any,
        max_new_tokens: int,
        chosen: GenerationOptions,
        assistant: CausalLM | None,
    ) -> list[Any]:
        steps, ending = self._begun(prompts, max_new_tokens, chosen, assistant)
        return answers(last_of(steps), chosen, ending)

    def run_many(self, texts: Sequence[str], **options: Any) -> list[dict[str, Any]]:
        """Returns what `run` does for each of several texts, which are written together."""
        return [{"text": found} for found in self.generate(list(texts), **options)]

    def sample_inputs(self) -> list[str]:
        """Returns beginnings of texts."""
        return list(SAMPLES)

    def parity_outputs(self, inputs: Sequence[str]) -> dict[str, Any]:
        """Returns the scores for each text, by the uncompiled call."""
        rows = preprocessor_of(self).encode(inputs)
        return {
            f"scores of text {number}": self(np.array([row], np.int32))
            for number, row in enumerate(rows)
        }

    def decide(self, inputs: Sequence[str]) -> list[str]:
        """Returns eight tokens of text for each prompt, the likeliest ones."""
        return self.generate(list(inputs), max_new_tokens=8)


class DecoderCausalLM(CausalLM):
    """A CausalLM whose head is the token embedding, or a dense layer without a bias.

    Subclasses name the class of their backbone, which has `embeddings` and `embedding_dim`, the
    size of what goes into the head.

    Args:
        tie_embeddings: whether the head is the token embedding.
        **config: arguments of the backbone.
    """

    backbone_class: Any

    def __init__(self, *, tie_embeddings: bool = False, dtype: DType = None, **config: Any) -> None:
        super().__init__(dtype=dtype)
        self.backbone = backbone = self.backbone_class(
            **config, tie_embeddings=tie_embeddings, dtype=dtype
        )
        self.head_dense = word_head(backbone, backbone.embedding_dim, 0.02, tie_embeddings)
        self.built = True

    def scores(self, x: Tensor) -> Tensor:
        """Returns scores (…, vocabulary_size) of states (…, embedding_dim)."""
        return word_scores(x, self.head_dense, self.backbone)

    @classmethod
    def make_preprocessor(
        cls, files: Mapping[str, Path], config: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> CausalLMPreprocessor | None:
        """Makes it from tokenizer.json, tokenizer.model, or vocab.json with merges.txt; None
        without any.

        Raises:
            ValueError: a damaged file, or a tokenizer with more tokens than the model.
        """
        json = JsonFiles(files)
        found = [json[n] for n in ("generation_config.json", "config.json") if n in json]
        tokenizer = tokenizer_of(files, json, cls.begin_id(json), cls.special_tokens)
        if tokenizer is None:
            return None
        check_vocabulary(tokenizer, config["vocabulary_size"])
        length, template = config["max_sequence_length"], _template(files, json)
        return CausalLMPreprocessor(tokenizer, length, end_ids(*found), template)

    # Names of tokens that are no text, for tokenizers whose files do not say which these are.
    special_tokens: tuple[str, ...] = ("<|endoftext|>",)

    @classmethod
    def begin_id(cls, json: Mapping[str, Any]) -> int | None:
        """Returns the id that the tokenizer puts before a text; None where its file tells."""
        return None


def _template(files: Mapping[str, Path], json: Mapping[str, Any]) -> str | None:
    """The chat template of a preset: a file of its own, or an entry of the tokenizer's."""
    if "chat_template.jinja" in files:
        return files["chat_template.jinja"].read_text(encoding="utf-8")
    found = json.get("tokenizer_config.json", {}).get("chat_template")
    return found if isinstance(found, str) else None


def _padded(rows: Sequence[Sequence[int]]) -> dict[str, np.ndarray]:
    """Rows of ids with padding (id 0) before the short ones."""
    width = max(map(len, rows))
    ids, mask = np.zeros((len(rows), width), np.int32), np.zeros((len(rows), width), bool)
    for number, row in enumerate(rows):
        ids[number, width - len(row) :] = row
        mask[number, width - len(row) :] = True
    return {"token_ids": ids, "padding_mask": mask}
