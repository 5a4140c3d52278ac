"""What a task offers to those around it, each in a class of its own: loading and saving a preset,
the command line, `verify`.

A task names its adapters as class attributes; see `bases.Task`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np


class PresetAdapter:
    """How a task is read from a preset and written to one, beside its backbone and its weights."""

    @classmethod
    def head_config(cls, files: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the arguments of the head, from parsed JSON files and the preset's settings."""
        return {}

    @classmethod
    def make_preprocessor(
        cls, files: Mapping[str, Path], config: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> Any:
        """Makes the preprocessor from a preset's files (name -> path), the model's arguments, and
        the preset's settings."""
        return None

    @classmethod
    def config_entries(cls, model: Any, layout: str) -> dict[str, Any]:
        """Returns what a layout's config.json says of the model's head; reverses `head_config`."""
        return {}

    @classmethod
    def json_files(cls, model: Any, layout: str) -> dict[str, Any]:
        """Returns the preprocessor's JSON files in a layout (name -> content); reverses
        `make_preprocessor`."""
        return {}


class CommandLineAdapter:
    """How `isozoo run` uses a model.

    Args:
        model: the task's model, with its preprocessor.

    Attributes:
        options: names of the options of `isozoo run` that `run` takes.
    """

    options: tuple[str, ...] = ()

    def __init__(self, model: Any) -> None:
        self.model = model

    def run(self, text: str, **options: Any) -> dict[str, Any]:
        """Returns the result for one argument, a text or a path, as plain data."""
        raise ValueError(f"a {type(self.model).__name__} does nothing by itself")

    def show(self, result: Mapping[str, Any]) -> str:
        """Returns the result of `run` as lines of text."""
        return "\n".join(f"{key}: {value}" for key, value in result.items())

    def pieces(self, text: str, **options: Any) -> Iterator[str] | None:
        """Yields the lines of `show` piece by piece, as they come; None where they come at once."""
        return None

    def run_all(
        self, inputs: Sequence[str], tell: Callable[[int, int], None], **options: Any
    ) -> list[dict[str, Any]]:
        """Returns the results for several arguments, each with its `input`.

        Args:
            inputs: texts or paths.
            tell: called with (how many are done, how many there are).
            **options: those of `run`.
        """
        found = []
        for number, text in enumerate(inputs, 1):
            found.append({"input": text, **self.model.run(text, **options)})
            tell(number, len(inputs))
        return found

    def table(self, results: Sequence[Mapping[str, Any]]) -> list[list[str]]:
        """Returns the results as rows of a table, the names of the columns first."""
        raise ValueError(f"the results of a {type(self.model).__name__} make no table")

    def draw_all(self, results: Sequence[Mapping[str, Any]], to: str | Path) -> None:
        """Writes the results of `run_all` as a PNG file."""
        if len(results) != 1:
            raise ValueError("--draw takes one input")
        self.model.draw(results[0]["input"], results[0], to)

    def draw(self, text: str, result: Mapping[str, Any], to: str | Path) -> None:
        """Writes the result of `run` as a PNG file."""
        raise ValueError(f"the results of a {type(self.model).__name__} cannot be drawn")


class ParityAdapter:
    """What `verify` feeds to a model, and what it compares.

    Args:
        model: the task's model, with its preprocessor.
    """

    def __init__(self, model: Any) -> None:
        self.model = model

    def sample_inputs(self) -> Any:
        """Returns inputs as users have them: short, fixed, and telling."""
        raise TypeError(f"{type(self.model).__name__} has no samples: give `inputs`.")

    def outputs(self, inputs: Any) -> dict[str, Any]:
        """Returns name -> float tensor for inputs as users have them, by the uncompiled call."""
        outputs = self.model(self.model.preprocessor(inputs))
        return outputs if isinstance(outputs, dict) else {"output": outputs}

    def decide(self, inputs: Any) -> Any:
        """Returns the model's decision for the inputs as plain data: labels, a ranking, a text."""
        raise TypeError(f"{type(self.model).__name__} defines no decision.")

    def matched(self, decision: Any, reference: Any) -> Any:
        """Returns `reference` where a decision means the same, else the decision.

        Decisions of numbers (boxes, masks) are the same where they agree within a bound that the
        task knows; others must be equal, which is asked afterwards.

        Args:
            decision: of a backend.
            reference: of the float64 run.
        """
        return decision


class FinetuningAdapter:
    """How `finetune` trains a model of classes.

    Args:
        model: the task's model, with its preprocessor.

    Attributes:
        rates: what is trained -> the learning rate that goes with it unless the user names one.
        metrics: what `compile` is given.
    """

    rates: Mapping[str, float] = {"full": 5e-5, "lora": 1e-3, "head": 1e-3}
    metrics: tuple[str, ...] = ("accuracy",)

    def __init__(self, model: Any) -> None:
        self.model = model

    def loss(self) -> Any:
        """Returns what `compile` is given; None where the model computes its loss by itself."""
        from ..framework.losses import SparseCategoricalCrossentropy

        return SparseCategoricalCrossentropy(from_logits=True)

    def examples(self, inputs: Sequence[str], targets: Sequence[Any]) -> tuple[Any, Any]:
        """Returns a batch as `fit` takes it, (x, y).

        Args:
            inputs: texts or paths.
            targets: of each the number of its class, or what `labelled_boxes` reads.
        """
        return self.model.prepare_inputs(list(inputs)), np.asarray(targets, np.int32)

    def judge(
        self, inputs: Sequence[str], targets: Sequence[Any], batch_size: int
    ) -> dict[str, float]:
        """Returns numbers that tell how good the trained model is, beyond losses and metrics."""
        return {}


class FilesCommandLineAdapter(CommandLineAdapter):
    """How `isozoo run` uses a model of files: of one, of several, and of those in folders.

    Attributes:
        unreadable: what a file that cannot be read raises.
    """

    unreadable: type[Exception] = OSError

    def files_in(self, inputs: Sequence[str]) -> list[str]:
        """Returns the files that `inputs`, files and folders, name."""
        return list(inputs)

    def run_all(
        self, inputs: Sequence[str], tell: Callable[[int, int], None], **options: Any
    ) -> list[dict[str, Any]]:
        """Returns the results for files and for those in folders, each with its `input`.

        A file that cannot be read has its `error`, and does not stop the rest; one file by itself
        raises it.
        """
        if len(inputs) == 1 and not Path(inputs[0]).is_dir():
            return super().run_all(inputs, tell, **options)
        paths, found = self.files_in(inputs), []
        for number, path in enumerate(paths, 1):
            try:
                found.append({"input": path, **self.run(path, **options)})
            except self.unreadable as error:
                found.append({"input": path, "error": str(error)})
            tell(number, len(paths))
        return found
