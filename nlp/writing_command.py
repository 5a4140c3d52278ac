"""`isozoo run` with models that write texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..hub.adapters import CommandLineAdapter


class WritingCommand(CommandLineAdapter):
    """What a model writes, as a whole or piece by piece."""

    options = ("max_new_tokens", "temperature", "top_k", "top_p", "num_beams", "stop", "seed")
    # Whether what is written goes on from the text, which is then shown before it.
    goes_on = True

    def run(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, text: str, max_new_tokens: int = 64, **options: Any
    ) -> dict[str, Any]:
        """Returns the text that is read and what was written as plain data."""
        return {"prompt": text, "text": self.model.generate(text, max_new_tokens, **options)}

    def show(self, result: Mapping[str, Any]) -> str:
        """Returns what was written, behind the text that it goes on from."""
        return f"{result['prompt'] if self.goes_on else ''}{result['text']}"

    def pieces(self, text: str, **options: Any) -> Iterator[str] | None:
        """Yields what `show` gives, as it is written; None in a beam search, which is done last."""
        if (options.get("num_beams") or 1) > 1:
            return None
        return self._pieces(text, options)

    def _pieces(self, text: str, options: Mapping[str, Any]) -> Iterator[str]:
        steps = self.model.stream(text, **options)
        first = next(steps, "")
        yield f"{text if self.goes_on else ''}{first}"  # only now, for the text may be refused
        yield from steps


class AnsweringCommand(WritingCommand):
    """The same of models that write another text than the one that they read."""

    goes_on = False
