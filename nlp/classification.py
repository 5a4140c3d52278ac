"""Text classifiers, whatever their family: texts in, classes with probabilities out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..framework.layers import Dense, Dropout
from ..framework.typing import Tensor
from ..hub.adapters import CommandLineAdapter, ParityAdapter, PresetAdapter
from ..hub.bases import Backbone, Task
from ..hub.labels import (
    Classified,
    NamesClasses,
    class_names,
    head_classes,
    label_entries,
    most_probable,
)
from .tasks import SAMPLES
from .text import check_texts, preprocessor_of


class TextClassifierPresetAdapter(PresetAdapter):
    """The number of classes and their names."""

    @classmethod
    def head_config(cls, files: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the number of classes, from the preset's settings or its config.json; else 2."""
        return head_classes(files, settings, 2)

    @classmethod
    def config_entries(cls, model: Any, layout: str) -> dict[str, Any]:
        """Returns the classes by number and by name, as transformers writes them."""
        return label_entries(model.labels, model.num_classes)


class TextClassifierCommandLineAdapter(CommandLineAdapter):
    """One text in, its most probable classes out."""

    options = ("truncate",)

    def run(self, text: str, **options: Any) -> dict[str, Any]:
        """Returns the classes of a text, as plain data."""
        return {"classes": [found._asdict() for found in self.model.classify(text, **options)]}

    def show(self, result: Mapping[str, Any]) -> str:
        """Returns classes as lines: probability, name."""
        return "\n".join(f"{c['probability']:7.1%}  {c['label']}" for c in result["classes"])


class TextClassifierParityAdapter(ParityAdapter):
    """Texts of several lengths; their logits, and their most probable classes."""

    def sample_inputs(self) -> list[str]:
        """Returns texts of several lengths and kinds."""
        return list(SAMPLES)

    def outputs(self, inputs: Any) -> dict[str, Any]:
        """Returns the logits, by the uncompiled call."""
        return {"logits": self.model(self.model.prepare_inputs(inputs))}

    def decide(self, inputs: Any) -> list[int]:
        """Returns the number of the most probable class of each text."""
        return [rows[0].index for rows in self.model.classify(list(inputs), top=1)]


class PooledTask(Task):
    """A backbone, the vector of the first token, and a last layer.

    Subclasses make the backbone, which gives `pooled_output`, (batch, hidden_dim), or define
    `pooled`.

    Args:
        backbone: the backbone.
        units: numbers that the last layer gives.
        dropout: share of features dropped before the last layer while training.
        kernel_initializer: of the last layer.
    """

    backbone: Any
    head = ("classifier.{part}",)
    optional_parts = ("pooler.{part}",)

    def __init__(
        self, backbone: Backbone, units: int, dropout: float, kernel_initializer: Any, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.backbone = backbone
        self.dropout = Dropout(dropout)
        self.classifier: Any = self.last_layer(units, dropout, kernel_initializer)
        self.built = True

    def last_layer(self, units: int, dropout: float, kernel_initializer: Any) -> Any:
        """Makes the last layer: (batch, hidden_dim) to (batch, units)."""
        return Dense(
            units, kernel_initializer=kernel_initializer, input_dim=self.backbone.hidden_dim
        )

    def pooled(self, inputs: Any) -> Tensor:
        """Returns a text's vector, (batch, hidden_dim)."""
        return self.backbone(inputs)["pooled_output"]

    def check_inputs(self, inputs: Any) -> None:
        """Raises ValueError for ids that the vocabulary does not have; see the backbone."""
        self.backbone.check_inputs(inputs)

    def call(self, inputs: Any) -> Tensor:
        """Returns what the last layer gives, (batch, units)."""
        return self.classifier(self.dropout(self.pooled(inputs)))


class ClassesTask(NamesClasses, PooledTask):
    """A PooledTask whose last layer gives scores before softmax, one for each class.

    Args:
        backbone: the backbone.
        num_classes: number of classes.
        dropout: share of features dropped before the last layer while training.
        kernel_initializer: of the last layer.

    Raises:
        ValueError: `num_classes` is not positive.
    """

    preset_adapter = TextClassifierPresetAdapter

    def __init__(
        self,
        backbone: Backbone,
        num_classes: int = 2,
        dropout: float = 0.1,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        if not isinstance(num_classes, int) or num_classes < 1:
            raise ValueError(f"num_classes must be a positive integer; got {num_classes!r}.")
        super().__init__(backbone, num_classes, dropout, kernel_initializer, **kwargs)
        self.num_classes = num_classes


class TextClassifier(ClassesTask):
    """A backbone, the vector of the first token, and a dense layer: logits for each class.

    Inputs are those of the backbone, or texts where `fit`, `evaluate` and `predict` take data; the
    output is (batch, num_classes), logits and not probabilities. Subclasses make the backbone,
    which gives `pooled_output`, (batch, hidden_dim). Arguments are those of ClassesTask.
    """

    task = "text_classifier"
    command_line_adapter = TextClassifierCommandLineAdapter
    parity_adapter = TextClassifierParityAdapter

    def prepare_inputs(self, x: Any) -> Any:
        """Returns texts as the backbone's inputs; anything else as it is.

        They are padded to a power of two, so that few programs are compiled.

        Args:
            x: a list, tuple, NumPy array or pandas column of texts; or the backbone's inputs.

        Raises:
            ValueError: a text that is longer than the model takes, and is not to be cut; or there
                is no preprocessor.
        """
        if not _are_texts(x):
            return x
        tools = preprocessor_of(self)
        return tools.pad(tools.encode(list(x)), even_lengths=True)

    def classify(
        self,
        texts: str | Sequence[str],
        top: int | None = None,
        batch_size: int = 32,
        truncate: bool | None = None,
    ) -> list[Any]:
        """Returns the most probable classes of one text or of each of several.

        Args:
            texts: n texts, or one.
            top: how many classes; all if None.
            batch_size: how many texts are computed at a time.
            truncate: whether texts that are longer than the model takes are cut; as the
                preprocessor was made if None.

        Returns:
            For one text a list of `Classified` (index, label, probability), the most probable
            first; for several, a list of such lists.

        Raises:
            ValueError: `top` is out of range, no text, or one that is too long.
            TypeError: something that is no text.
        """
        tools = preprocessor_of(self)
        rows = tools.encode(check_texts(texts), truncate)
        inputs = tools.pad(rows, self._backend.compiles)
        logits = self.predict(inputs, batch_size, verbose=0)[: len(rows)]
        top = self.num_classes if top is None else top
        named: list[list[Classified]] = [most_probable(row, top, self.labels) for row in logits]
        return named[0] if isinstance(texts, str) else named


def _are_texts(x: Any) -> bool:
    """Whether `x` is a sequence of texts."""
    if isinstance(x, np.ndarray):
        return x.dtype.kind in "UO" and x.ndim == 1 and all(isinstance(v, str) for v in x)
    if isinstance(x, list | tuple) or type(x).__name__ == "Series":
        return len(x) > 0 and all(isinstance(value, str) for value in x)
    return False


def names_of(files: Mapping[str, Any], config: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Returns the names of the classes that a preset's config.json gives, or None.

    Args:
        files: the preset's parsed JSON files.
        config: the model's arguments.
    """
    about = files["config.json"] if "config.json" in files else {}
    return class_names(about, config.get("num_classes", 2))
