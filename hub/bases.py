"""Base classes of what a preset can be loaded as: backbones, tasks, tokenizers, preprocessors."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from ..framework.models import Model
from .adapters import CommandLineAdapter, FinetuningAdapter, ParityAdapter, PresetAdapter
from .errors import UnknownPresetError

BACKBONE = "backbone"


class PresetModel(Model):
    """A model that presets are loaded as and saved from.

    Attributes:
        task: what it is for: a key of its family's `tasks`.
    """

    task: str = ""

    @classmethod
    def from_preset(cls, name: Any, *, backend: str | None = None, **options: Any) -> Self:
        """Returns the model of a preset; see `isozoo.from_preset` for names and options.

        Raises:
            UnknownPresetError: there is no such preset, or it gives a model of another class.
        """
        from .loading import load_preset

        return load_preset(name, task=cls.task, expected=cls, backend=backend, **options)

    def export_signature(self) -> list[Any] | None:
        """Returns the specifications of the inputs that `export` takes by itself.

        Those of the backbone, where it knows them; None where the model must have been called.
        """
        backbone = getattr(self, "backbone", None)
        return backbone.export_signature() if isinstance(backbone, PresetModel) else None

    def save_to_preset(
        self, folder: str | os.PathLike[str], layout: str = "huggingface", **options: Any
    ) -> list[Path]:
        """Writes the model as a folder that `from_preset` and the layout's own library read.

        See `isozoo.hub.save_to_preset` for the options: `max_shard_bytes`, `dtype`.
        """
        from .saving import save_to_preset

        return save_to_preset(self, folder, layout, **options)


class Backbone(PresetModel):
    """The part of a network that tasks share; its arguments are what its weights depend on."""

    task = BACKBONE


class Task(PresetModel):
    """A network that does something for a user: a backbone, a head, and a preprocessor.

    Subclasses are made from the arguments of their backbone, keep it as `self.backbone`, and put
    heads beside it. The preprocessor turns what users have (texts, images, sounds) into tensors.
    Everything else that a task offers stands in the adapters that it names; the methods below hand
    their arguments to them.
    """

    backbone: Any
    preprocessor: Any = None
    # Templates of paths of the head's variables. They may begin anew: where a preset's files have
    # none, or where the user asks for a head of another size.
    head: tuple[str, ...] = ()
    # Of variables that files may lack, and that are kept with another head.
    optional_parts: tuple[str, ...] = ()
    preset_adapter: type[PresetAdapter] = PresetAdapter
    command_line_adapter: type[CommandLineAdapter] = CommandLineAdapter
    parity_adapter: type[ParityAdapter] = ParityAdapter
    finetuning_adapter: type[FinetuningAdapter] = FinetuningAdapter

    @classmethod
    def head_config(cls, files: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the arguments of the head, from parsed JSON files and the preset's settings."""
        return cls.preset_adapter.head_config(files, settings)

    @classmethod
    def make_preprocessor(
        cls, files: Mapping[str, Path], config: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> Any:
        """Makes the preprocessor from a preset's files, the model's arguments and the settings."""
        return cls.preset_adapter.make_preprocessor(files, config, settings)

    def with_preprocessing(self) -> Any:
        """Returns a model that takes what users have, as far as tensors can hold it.

        Raises:
            ValueError: the preprocessor's work is no computation of tensors, such as a tokenizer's.
        """
        raise ValueError(
            f"What the preprocessor of {self.name} ({type(self.preprocessor).__name__}) does "
            "cannot be part of an exported model: only that of classifiers and detectors of "
            "pictures is a layer. "
            "Export without `preprocessing`, and prepare inputs by `model.preprocessor`."
        )

    def export(
        self,
        filepath: Any,
        format: str = "tf_saved_model",
        verbose: bool | None = None,
        input_signature: Any = None,
        preprocessing: bool = False,
        **kwargs: Any,
    ) -> None:
        """Writes the model for programs that run it without this package.

        See `isozoo.framework.exporting.export_model` for the formats, other arguments and errors.

        Args:
            filepath: a file or folder, as the format has it.
            format: see there.
            verbose: see there.
            input_signature: see there.
            preprocessing: whether what the preprocessor does, and what follows the network, are
                part of it: pictures go in as they are, see `with_preprocessing`.
            **kwargs: of the format.
        """
        if preprocessing:
            model = self.with_preprocessing()
            model.export(filepath, format, verbose, input_signature, **kwargs)
        else:
            super().export(filepath, format, verbose, input_signature, **kwargs)

    def freeze_backbone(self) -> None:
        """Lets only the head train."""
        self.backbone.trainable = False

    def run(self, text: str, **options: Any) -> dict[str, Any]:
        """Returns the result for one argument, a text or a path, as plain data."""
        return self.command_line_adapter(self).run(text, **options)

    def run_many(self, texts: Sequence[str], **options: Any) -> list[dict[str, Any]]:
        """Returns what `run` does for each of several texts."""
        return [self.run(text, **options) for text in texts]

    def show(self, result: Mapping[str, Any]) -> str:
        """Returns the result of `run` as lines of text."""
        return self.command_line_adapter(self).show(result)

    def draw(self, text: str, result: Mapping[str, Any], to: str | Path) -> None:
        """Writes the result of `run` as a PNG file, to the path `to`."""
        self.command_line_adapter(self).draw(text, result, to)

    def sample_inputs(self) -> Any:
        """Returns the inputs on which `isozoo.verify` compares backends, as users have them."""
        return self.parity_adapter(self).sample_inputs()

    def parity_outputs(self, inputs: Any) -> dict[str, Any]:
        """Returns name -> float tensor for inputs as users have them, by the uncompiled call."""
        return self.parity_adapter(self).outputs(inputs)

    def decide(self, inputs: Any) -> Any:
        """Returns the model's decision for the inputs as plain data: labels, a ranking, a text."""
        return self.parity_adapter(self).decide(inputs)


class Preprocessor:
    """Turns what users have into the tensors that a model takes.

    Attributes:
        files: name -> path of the preset's files that it was made from; empty for one that was not.
    """

    task: str = ""
    files: Mapping[str, Path] = {}

    @classmethod
    def from_preset(cls, name: Any, **options: Any) -> Self:
        """Returns the preprocessor of a preset; no weights are read."""
        from .loading import load_preprocessor

        return load_preprocessor(name, task=cls.task, expected=cls, **options)

    def __call__(self, inputs: Any) -> Any:
        """Returns the model's inputs, as NumPy arrays."""
        raise TypeError(f"{type(self).__name__} defines no preprocessing.")


class Tokenizer:
    """Text to token ids and back."""

    task: str = ""

    @classmethod
    def from_preset(cls, name: Any, **options: Any) -> Self:
        """Returns the tokenizer of a preset; no weights are read."""
        from .loading import load_preprocessor

        preprocessor = load_preprocessor(name, task=cls.task, asked_of=cls, **options)
        tokenizer = getattr(preprocessor, "tokenizer", None)
        if not isinstance(tokenizer, cls):
            raise UnknownPresetError(
                str(name),
                hint=f"its tokenizer is a {type(tokenizer).__name__}",
                problem=f"{name!r} has no {cls.__name__}",
            )
        return tokenizer
