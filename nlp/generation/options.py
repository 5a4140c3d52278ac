"""What users may ask of writing, checked once for all models that write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

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

    def checked(self, max_new_tokens: int) -> Self:
        """Returns itself.

        Raises:
            ValueError: a setting that is out of its range, or that does not go with another.
        """
        if not isinstance(max_new_tokens, int) or max_new_tokens < 1:
            raise ValueError(f"`max_new_tokens` must be at least 1; got {max_new_tokens!r}.")
        for name in ("num_beams", "num_sequences"):
            if not isinstance(count := getattr(self, name), int) or count < 1:
                raise ValueError(f"`{name}` must be at least 1; got {count!r}.")
        if not all(isinstance(text, str) and text for text in self._stops()):
            raise ValueError(f"`stop` must be texts that are not empty; got {self.stop!r}.")
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
        if self.num_beams == 1 and self.num_sequences > 1 and not self.temperature:
            raise ValueError(
                "The likeliest text is one: set `temperature` or `num_beams` for "
                f"{self.num_sequences} different texts."
            )
        self.sampler()
        return self

    @property
    def copies(self) -> int:
        """How many rows go through the network for each prompt."""
        return self.num_beams if self.num_beams > 1 else self.num_sequences

    def sampler(self) -> Sampler:
        """Returns what picks tokens from scores."""
        return Sampler(
            self.temperature, self.top_k, self.top_p, self.seed, 0, self.min_p, self.typical_p
        )

    def rules(self, prompts: Sequence[Sequence[int]], ends: Sequence[int]) -> Penalties | None:
        """Returns which tokens may stand where; None where all may, as they are.

        Args:
            prompts: the tokens before each text.
            ends: tokens that end a text.
        """
        options: dict[str, Any] = {
            "repetition_penalty": self.repetition_penalty,
            "no_repeat_ngram_size": self.no_repeat_ngram_size,
            "presence_penalty": self.presence_penalty,
            "suppress_tokens": tuple(self.suppress_tokens),
            "forced_tokens": tuple(self.forced_tokens),
            "min_new_tokens": self.min_new_tokens,
        }
        if options == _PLAIN:
            return None
        return Penalties(prompts, **options, ends=ends)

    def stopping(self, ends: Sequence[int], decode: Callable[[Sequence[int]], str]) -> TextStopping:
        """Returns what ends a text.

        Args:
            ends: tokens that do.
            decode: tokens -> text.
        """
        return TextStopping(tuple(ends), (), self._stops(), decode)

    def _stops(self) -> tuple[str, ...]:
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)


_PLAIN = {
    "repetition_penalty": 1.0,
    "no_repeat_ngram_size": 0,
    "presence_penalty": 0.0,
    "suppress_tokens": (),
    "forced_tokens": (),
    "min_new_tokens": 0,
}
