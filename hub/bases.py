"""Base classes of what a preset can be loaded as: backbones, tasks, tokenizers, preprocessors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from ..framework.models import Model
from .errors import UnknownPresetError

BACKBONE = "backbone"


def load(cls: Any, name: Any, **options: Any) -> Any:
    """`load_preset` for the class on which `from_preset` was called. UnknownPresetError when the
    preset gives a model of another class."""
    from .loading import load_preset

    return load_preset(name, task=cls.task, expected=cls, **options)


class Backbone(Model):
    """The part of a network that tasks share; its arguments are what its weights depend on."""

    task = BACKBONE

    @classmethod
    def from_preset(cls, name: Any, *, backend: str | None = None, **options: Any) -> Self:
        """The backbone of a preset; see `isozoo.from_preset`."""
        return load(cls, name, backend=backend, **options)


class Task(Model):
    """A network that does something for a user: a backbone, a head, and a preprocessor.

    Subclasses are made from the arguments of their backbone, keep it as `self.backbone`, and put
    heads beside it. The preprocessor turns what users have (texts, images, sounds) into tensors.
    """

    task: str = ""
    preprocessor: Any = None

    @classmethod
    def from_preset(cls, name: Any, *, backend: str | None = None, **options: Any) -> Self:
        """The model of a preset, with its preprocessor; see `isozoo.from_preset`."""
        return load(cls, name, backend=backend, **options)

    def sample_inputs(self) -> Any:
        """Inputs as users have them, for `verify`: short, fixed, and telling."""
        raise TypeError(f"{type(self).__name__} has no samples: give `inputs`.")

    def parity_outputs(self, inputs: Any) -> dict[str, Any]:
        """What `verify` compares for `inputs`: name -> float tensor, by the uncompiled call."""
        outputs = self(self.preprocessor(inputs))
        return outputs if isinstance(outputs, dict) else {"output": outputs}

    def decide(self, inputs: Any) -> Any:
        """What the model decides for `inputs`, as plain data: labels, a ranking, a transcript."""
        raise TypeError(f"{type(self).__name__} defines no decision.")

    @classmethod
    def head_config(cls, files: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
        """The task's own arguments, beside its backbone's, from parsed JSON files and settings."""
        return {}

    @classmethod
    def make_preprocessor(
        cls, files: Mapping[str, Path], config: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> Any:
        """The preprocessor from a preset's files (name -> path), model arguments and settings."""
        return None


class Preprocessor:
    """Turns what users have into the tensors that a model takes."""

    task: str = ""

    @classmethod
    def from_preset(cls, name: Any, **options: Any) -> Self:
        """The preprocessor of a preset; no weights are read."""
        from .loading import load_preprocessor

        return load_preprocessor(name, task=cls.task, expected=cls, **options)

    def __call__(self, inputs: Any) -> Any:
        """The model's inputs, as NumPy arrays."""
        raise TypeError(f"{type(self).__name__} defines no preprocessing.")


class Tokenizer:
    """Text to token ids and back."""

    task: str = ""

    @classmethod
    def from_preset(cls, name: Any, **options: Any) -> Self:
        """The tokenizer of a preset; no weights are read."""
        from .loading import load_preprocessor

        preprocessor = load_preprocessor(name, task=cls.task, expected=None, **options)
        tokenizer = getattr(preprocessor, "tokenizer", None)
        if not isinstance(tokenizer, cls):
            raise UnknownPresetError(
                str(name),
                hint=f"its tokenizer is a {type(tokenizer).__name__}",
                problem=f"{name!r} has no {cls.__name__}",
            )
        return tokenizer
