"""What users may ask of writing, checked once for all models that write."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any, Self

from .constraints import Constraint
from .loop import Rules
from .penalties import Penalties
from .samplers import Sampler
from .stopping import TextStopping


@dataclass(frozen=True)
class GenerationOptions:
    """How texts are written.

    Attributes:
        temperature: scores are divided by it before a token is drawn; 0 takes the likeliest token.
        top_k: see `Sampler`; so are `top_p`, `min_p` and `typical_p`.
        top_p: see `Sampler`.
        min_p: see `Sampler`.
        typical_p: see `Sampler`.
        seed: of the draws, which are the same on every backend.
        stop: a text or several at which writing ends.
        repetition_penalty: see `Penalties`; so are `presence_penalty`, `no_repeat_ngram_size`,
            `suppress_tokens`, `forced_tokens` and `min_new_tokens`.
        presence_penalty: see `Penalties`.
        no_repeat_ngram_size: see `Penalties`.
        suppress_tokens: see `Penalties`.
        forced_tokens: see `Penalties`.
        min_new_tokens: see `Penalties`.
        num_beams: how many texts a beam search follows at once; 1 for no search.
        length_penalty: of the beam search; above 0 it favours long texts.
        early_stopping: whether the search ends when `num_beams` texts have ended.
        num_sequences: how many texts are written for each prompt: draws, or the best of the beams.
        num_beam_groups: into how many groups the beams are parted; see `beams.beam_search`.
        diversity_penalty: what a token loses for each text of the groups before that has it.
        penalty_alpha: of a contrastive search among `top_k` tokens; see `contrastive.contrast`.
        num_draft_tokens: how many tokens an assistant proposes at a time.
        regex: a regular expression that the whole text matches; see `constraints.Constraint`.
        json_schema: a JSON schema of which the text is an instance.
        details: whether `Generated` is given in the place of each text; "tokens" leaves the scores
            out, which take as much memory as the vocabulary has tokens, for each token written.
    """

    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    typical_p: float | None = None
    seed: int = 0
    stop: str | Sequence[str] = ()
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    no_repeat_ngram_size: int = 0
    suppress_tokens: Sequence[int] = ()
    forced_tokens: Sequence[int] = ()
    min_new_tokens: int = 0
    num_beams: int = 1
    length_penalty: float = 1.0
    early_stopping: bool = False
    num_sequences: int = 1
    num_beam_groups: int = 1
    diversity_penalty: float = 0.0
    penalty_alpha: float | None = None
    num_draft_tokens: int = 5
    regex: str | None = None
    json_schema: Mapping[str, Any] | str | None = None
    details: bool | str = False

    @classmethod
    def of(cls, options: Mapping[str, Any], max_new_tokens: int) -> Self:
        """Returns the options of a call, checked.

        Raises:
            TypeError: a name that is none of theirs.
            ValueError: a setting that is out of its range, or that does not go with another.
        """
        names = [field.name for field in fields(cls)]
        for name in options:
            if name in _ELSEWHERE:
                raise TypeError(f"Writing has no option {name!r}: {_ELSEWHERE[name]}.")
            if name not in names:
                near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
                told = "near matches: " if near else "there are: "
                raise TypeError(
                    f"Writing has no option {name!r}; {told}{', '.join(near or names)}."
                )
        return cls(**options).checked(max_new_tokens)

    def checked(self, max_new_tokens: int) -> Self:
        """Returns itself.

        Raises:
            ValueError: a setting that is out of its range, or that does not go with another.
        """
        if not isinstance(max_new_tokens, int) or max_new_tokens < 1:
            raise ValueError(f"`max_new_tokens` must be at least 1; got {max_new_tokens!r}.")
        if self.details not in (False, True, "tokens"):
            raise ValueError(f"`details` must be False, True or 'tokens'; got {self.details!r}.")
        for name in ("num_beams", "num_sequences", "num_beam_groups", "num_draft_tokens"):
            if not isinstance(count := getattr(self, name), int) or count < 1:
                raise ValueError(f"`{name}` must be at least 1; got {count!r}.")
        many = hasattr(self.stop, "__iter__") and not isinstance(self.stop, bytes | Mapping)
        if not many or not all(isinstance(text, str) and text for text in self._stops()):
            raise ValueError(f"`stop` must be texts that are not empty; got {self.stop!r}.")
        self._check_kinds()
        if self.min_new_tokens > max_new_tokens:
            raise ValueError(
                f"`min_new_tokens` must be at most `max_new_tokens`, {max_new_tokens}; got "
                f"{self.min_new_tokens}."
            )
        if self.num_beams > 1 and self.temperature:
            raise ValueError(
                "A beam search (`num_beams` above 1) takes the likeliest texts and draws none: "
                f"leave `temperature` at 0; got {self.temperature!r}."
            )
        if self.num_beams > 1 and self.num_sequences > self.num_beams:
            raise ValueError(
                f"`num_sequences` must be at most `num_beams`, {self.num_beams}; got "
                f"{self.num_sequences}."
            )
        if self.num_beams % self.num_beam_groups:
            raise ValueError(
                f"`num_beam_groups` must divide `num_beams`, {self.num_beams}; got "
                f"{self.num_beam_groups}."
            )
        if not self.diversity_penalty >= 0:
            raise ValueError(
                f"`diversity_penalty` must be at least 0; got {self.diversity_penalty!r}."
            )
        if self.diversity_penalty and self.num_beam_groups == 1:
            raise ValueError("`diversity_penalty` is for beams in groups: set `num_beam_groups`.")
        if self.penalty_alpha is not None:
            self._check_contrast()
        if self.num_beams == 1 and self.num_sequences > 1 and not self.temperature:
            raise ValueError(
                "The likeliest text is one: set `temperature` or `num_beams` for "
                f"{self.num_sequences} different texts."
            )
        self.sampler()
        return self

    def _check_kinds(self) -> None:
        """Raises ValueError for a setting that is no number, no whole one, or no list of ids."""
        for field in fields(self):
            value: Any = getattr(self, field.name)
            kind = str(field.type)
            if value is None and "None" in kind:
                continue
            told = ""
            if kind.startswith("float"):
                told = "" if _is_number(value) else "a finite number"
            elif kind.startswith("int"):
                fits = isinstance(value, Integral) and not isinstance(value, bool)
                told = "" if fits else "a whole number"
            elif kind == "Sequence[int]" and (
                isinstance(value, str | bytes | Mapping) or not hasattr(value, "__iter__")
            ):
                told = "a list of token ids"
            if told:
                raise ValueError(f"`{field.name}` must be {told}; got {value!r}.")

    def _check_contrast(self) -> None:
        if not isinstance(self.penalty_alpha, int | float) or not 0 <= self.penalty_alpha <= 1:
            raise ValueError(f"`penalty_alpha` must be from 0 to 1; got {self.penalty_alpha!r}.")
        if self.top_k is None or self.top_k < 2:
            raise ValueError(
                "A contrastive search (`penalty_alpha`) chooses among `top_k` tokens: set it to at "
                f"least 2; got {self.top_k!r}."
            )
        if self.temperature or self.num_beams > 1:
            raise ValueError(
                "A contrastive search draws nothing and follows one text: leave `temperature` at 0 "
                "and `num_beams` at 1."
            )

    @property
    def copies(self) -> int:
        """How many texts are followed for each prompt."""
        return self.num_beams if self.num_beams > 1 else self.num_sequences

    @property
    def rows(self) -> int:
        """How many rows go through the network for each prompt."""
        return self.copies if self.penalty_alpha is None else self.top_k or 1

    def sampler(self) -> Sampler:
        """Returns what picks tokens from scores."""
        return Sampler(
            self.temperature, self.top_k, self.top_p, self.seed, 0, self.min_p, self.typical_p
        )

    def rules(
        self, prompts: Sequence[Sequence[int]], ends: Sequence[int], tokenizer: Any
    ) -> Rules | None:
        """Returns which tokens may stand where; None where all may, as they are.

        Args:
            prompts: the tokens before each text.
            ends: tokens that end a text.
            tokenizer: of the model.

        Raises:
            ImportError: a form is asked for, and what knows it is not installed.
            TypeError: a form that is none, or a tokenizer that it does not go with.
            ValueError: a form that cannot be read, or a setting out of its range.
        """
        options: dict[str, Any] = {name: getattr(self, name) for name in _PLAIN}
        options |= {name: tuple(options[name]) for name in ("suppress_tokens", "forced_tokens")}
        penalties = None if options == _PLAIN else Penalties(prompts, **options, ends=ends)
        if self.regex is None and self.json_schema is None:
            return penalties
        form = Constraint(tokenizer, ends, self.regex, self.json_schema)
        if penalties is None:
            return form
        return lambda scores, written: form(penalties(scores, written), written)

    def stopping(self, ends: Sequence[int], decode: Callable[[Sequence[int]], str]) -> TextStopping:
        """Returns what ends a text.

        Args:
            ends: tokens that do.
            decode: tokens -> text.
        """
        return TextStopping(tuple(ends), (), self._stops(), decode)

    def _stops(self) -> tuple[str, ...]:
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)


def _is_number(x: Any) -> bool:
    """Whether something is a real number and not infinite; what is NaN is named by its range."""
    return isinstance(x, Real) and not isinstance(x, bool) and not math.isinf(x)


_PLAIN = {
    "repetition_penalty": 1.0,
    "no_repeat_ngram_size": 0,
    "presence_penalty": 0.0,
    "suppress_tokens": (),
    "forced_tokens": (),
    "min_new_tokens": 0,
}

# What transformers' `generate` calls otherwise, or does otherwise.
_ELSEWHERE = {
    "do_sample": "tokens are drawn where `temperature` is above 0, which stands for its 1.0",
    "num_return_sequences": "it is called `num_sequences`",
    "max_length": "give `max_new_tokens`, without the prompt",
    "min_length": "give `min_new_tokens`, without the prompt",
    "stop_strings": "it is called `stop`",
    "stopping_criteria": "give texts as `stop`, or leave the loop over `stream`",
    "streamer": "`model.stream(prompt)` yields the text piece by piece",
    "assistant_model": "it is called `assistant`",
    "num_assistant_tokens": "it is called `num_draft_tokens`",
    "eos_token_id": "set `model.preprocessor.ends`",
    "bad_words_ids": "tokens that may not stand are `suppress_tokens`",
    "forced_bos_token_id": "what a text begins with are `forced_tokens`",
    "forced_decoder_ids": "what a text begins with are `forced_tokens`",
    "begin_suppress_tokens": "give `min_new_tokens`, or `suppress_tokens` for the whole text",
    "output_scores": "`details=True` gives texts with their scores",
    "output_logits": "`details=True` gives texts with their logits",
    "return_dict_in_generate": "`details=True` gives texts with what led to them",
    "pad_token_id": "short prompts are filled up by themselves",
    "attention_mask": "short prompts are filled up by themselves",
    "use_cache": "a cache is always kept",
    "generation_config": "give its settings one by one",
}
